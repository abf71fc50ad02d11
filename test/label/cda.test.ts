import { DOMParser } from '@xmldom/xmldom'
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { withParts } from '../../src/label/documents-read.ts'
import type { ResourceFacts, TellingElement } from '../../src/model/label.ts'
import { ALCOHOL, clinicalDocument, HIV, HYPERTENSION, problem, section, sharedDocument } from './cda-kit.ts'
import { attached } from './document-kit.ts'
import { AT, labeller, raw, site } from './house.ts'

const LABELLER = labeller()

function factsOf(xml: string | Buffer, contentType = 'application/xml'): ResourceFacts {
  return LABELLER.assess(raw(attached(contentType, xml)))
}

function whole(facts: ResourceFacts): readonly string[] {
  return [...LABELLER.label(facts, () => 'absent', { at: AT }).codes]
}

function has(part: TellingElement, code: string): boolean {
  return part.labels.some(label => label.code === code && label.confidence >= 0.5)
}

/** The document without what carries one of these codes. */
function cut(xml: string | Buffer, ...codes: readonly string[]): string {
  const bytes = Buffer.from(xml)
  const parts = (factsOf(bytes).telling ?? []).filter(part => codes.some(code => has(part, code)))
  const ranges = parts.flatMap(part => part.ranges ?? []).toSorted((a, b) => a[0] - b[0])
  const kept: Buffer[] = []
  let at = 0
  for (const [start, end] of ranges) {
    if (start > at) kept.push(bytes.subarray(at, start))
    at = Math.max(at, end)
  }
  return Buffer.concat([...kept, bytes.subarray(at)]).toString()
}

/** Codes of all labels, of the whole and of its parts. */
function told(facts: ResourceFacts): ReadonlySet<string> {
  const parts = (facts.telling ?? []).flatMap(part =>
    part.labels.filter(({ confidence }) => confidence >= 0.5),
  )
  return new Set([...whole(facts), ...parts.map(({ code }) => code)])
}

function parses(xml: string): void {
  const errors: string[] = []
  const document = new DOMParser({ onError: (_level, message) => errors.push(message) }).parseFromString(
    xml,
    'text/xml',
  )
  expect(errors).toEqual([])
  expect(document.documentElement?.localName).toBe('ClinicalDocument')
}

const row = (text: string, id = ''): string =>
  `<tr${id === '' ? '' : ` ID="${id}"`}><td>${text}</td><td>Active</td></tr>`
const table = (...rows: readonly string[]): string =>
  `<table><thead><tr><th>Problem</th><th>Status</th></tr></thead><tbody>${rows.join('')}</tbody></table>`

describe('a clinical document', () => {
  it('is not sensitive as a whole because one entry of it is', () => {
    const xml = clinicalDocument(
      section(
        'Problems',
        table(row('Alcohol dependence', 'p1'), row('Essential hypertension', 'p2')),
        problem(...ALCOHOL, 'p1') + problem(...HYPERTENSION, 'p2'),
      ),
    )
    const facts = factsOf(xml)
    expect(whole(facts)).toEqual([])
    const parts = (facts.telling ?? []).filter(part => has(part, 'SUD'))
    expect(parts.length).toBeGreaterThan(0)
    for (const { path } of parts) expect(path).toBe('content[0].attachment.data')
    const left = cut(xml, 'SUD')
    expect(left).not.toMatch(/alcohol|66590003/i)
    expect(left).toContain(row('Essential hypertension', 'p2'))
    expect(left).toContain(problem(...HYPERTENSION, 'p2'))
    parses(left)
  })

  it('is read under any declared type and any prefix, in a Binary as in an attachment', () => {
    const xml = clinicalDocument(section('Problems', table(row('Alcohol dependence'))))
    for (const type of ['text/plain', 'application/octet-stream', 'application/hl7-sda+xml', 'image/png'])
      expect(factsOf(xml, type).telling?.some(part => has(part, 'SUD'))).toBe(true)
    const prefixed = xml.replace('xmlns="urn', 'xmlns:c="urn').replaceAll(/<(\/?)(?=[A-Za-z])/g, '<$1c:')
    expect(told(factsOf(prefixed))).toContain('SUD')
    const binary = LABELLER.assess(
      raw({
        resourceType: 'Binary',
        id: 'b',
        contentType: 'text/xml',
        data: Buffer.from(xml).toString('base64'),
      }),
    )
    expect(binary.telling?.map(({ path }) => path)).toContain('data')
  })

  it('has in its header what speaks for the whole', () => {
    const plain = section('Problems', table(row('Essential hypertension')))
    const author = (name: string) =>
      `<author><assignedAuthor><representedOrganization><id root="2.16.840.1.113883.4.6" extension="1234567893"/><name>${name}</name></representedOrganization></assignedAuthor></author>`
    expect(whole(factsOf(clinicalDocument(plain, author('Good Hospital'))))).toEqual([])
    expect(whole(factsOf(clinicalDocument(plain, author('Opioid Treatment Program'))))).toContain('SUD')
    const marked = clinicalDocument(plain).replace(
      'confidentialityCode code="N"',
      'confidentialityCode code="R"',
    )
    const label = LABELLER.label(factsOf(marked), () => 'absent', { at: AT })
    expect(label.confidentiality).toBe('R')
  })

  it('comes from a Part 2 program that its header names', () => {
    const xml = clinicalDocument(
      section('Problems', table(row('Essential hypertension'))),
      '<custodian><assignedCustodian><representedCustodianOrganization><id root="2.16.840.1.113883.4.6" extension="1234567893"/></representedCustodianOrganization></assignedCustodian></custodian>',
    )
    const program = labeller(
      site({ part2Programs: ['http://hl7.org/fhir/sid/us-npi|1234567893'], part2: 'program' }),
    )
    const part2 = (other: string) =>
      program.label(program.assess(raw(attached('text/xml', other))), () => 'absent', { at: AT }).part2
    expect(part2(xml)).toBe(true)
    expect(part2(xml.replace('1234567893', '1999999992'))).toBe(false)
  })

  it('in another encoding than UTF-8 is labelled whole, for its places are not those of its bytes', () => {
    const xml = clinicalDocument(section('Problems', table(row('Alcohol dependence — seit März'))))
    const latin = Buffer.from(xml.replace('UTF-8', 'ISO-8859-1').replace('—', '-'), 'latin1')
    const wide = Buffer.from(`\ufeff${xml.replace('UTF-8', 'UTF-16')}`, 'utf16le')
    for (const bytes of [latin, wide]) {
      const facts = factsOf(bytes)
      expect(facts.telling).toBeUndefined()
      expect(whole(facts)).toContain('SUD')
    }
    const left = cut(`\ufeff${xml}`, 'SUD')
    expect(left).not.toContain('März')
    parses(left.slice(1))
  })

  it('without a structured body says what the document in its body says', () => {
    const body = (type: string, content: string) =>
      clinicalDocument('').replace(
        /<structuredBody>[\s\S]*<\/structuredBody>/,
        `<nonXMLBody><text mediaType="${type}" representation="B64">${Buffer.from(content).toString('base64')}</text></nonXMLBody>`,
      )
    expect(whole(factsOf(body('text/plain', 'Alcohol dependence')))).toContain('SUD')
    expect(whole(factsOf(body('application/rtf', '{\\rtf1 Alcohol dependence}')))).toContain('SUD')
    expect(whole(factsOf(body('text/plain', 'Essential hypertension')))).toEqual([])
    expect(whole(factsOf(body('image/tiff', 'II*\0\x01\x02')))).toEqual(['UNASSESSED'])
    expect(factsOf(body('application/pdf', '%PDF-1.4')).pending).toMatchObject([
      { path: 'content[0].attachment' },
    ])
  })

  it('with a document type, an entity or a mistake in its XML is not assessable', () => {
    const xml = clinicalDocument(section('Problems', table(row('Essential hypertension'))))
    const doctype = (text: string) => xml.replace('?>\n', `?>\n${text}\n`)
    for (const bad of [
      doctype('<!DOCTYPE ClinicalDocument [<!ENTITY a "Alcohol">]>'),
      xml.replace('Essential', '&alcohol;'),
      xml.replace('</title>', ''),
      xml.slice(0, -30),
    ])
      expect(whole(factsOf(bad))).toEqual(['UNASSESSED'])
    expect(whole(factsOf(xml))).toEqual([])
  })
})

it('speaks for the record as a whole to whoever cuts nothing out of it', () => {
  const facts = factsOf(clinicalDocument(section('Problems', table(row('Alcohol dependence'), row('Gout')))))
  expect(whole(facts)).toEqual([])
  expect(whole(withParts(facts))).toContain('SUD')
  const plain = factsOf(clinicalDocument(section('Problems', table(row('Gout')))))
  expect(whole(withParts(plain))).toEqual([])
  const person = LABELLER.assess(
    raw({
      resourceType: 'Patient',
      id: 'p',
      identifier: [{ type: { text: 'Opioid treatment program' }, value: '1' }],
    }),
  )
  expect(person.telling).toHaveLength(1)
  expect(withParts(person)).toBe(person)
})

describe('the parts of a section', () => {
  const sudOf = (text: string, entries = ''): string =>
    cut(clinicalDocument(section('Problems', text, entries)), 'SUD')

  it.each([
    ['a row', table(row('Alcohol dependence'), row('Gout')), 'Gout'],
    ['an item', '<list><item>Alcohol dependence</item><item>Gout</item></list>', '<item>Gout</item>'],
    [
      'a paragraph',
      '<paragraph>Alcohol dependence</paragraph><paragraph>Gout</paragraph>',
      '<paragraph>Gout</paragraph>',
    ],
    ['a line', 'Alcohol dependence<br/>Gout', 'Gout'],
    ['a line in other markup', '<content>Alcohol <content>depen</content>dence<br/>Gout</content>', 'Gout'],
    [
      'an inner item',
      '<list><item>#1<list><item>Alcohol dependence</item></list></item><item>#2<list><item>Gout</item></list></item></list>',
      '<list><item>#2<list><item>Gout</item></list></item></list>',
    ],
    [
      'rows that a cell spans',
      table(
        '<tr><td rowspan="2">Alcohol dependence</td><td>Active</td></tr><tr><td>since 2010</td></tr>',
        row('Gout'),
      ),
      table(row('Gout')),
    ],
    ['a comment', '<!-- Alcohol dependence --><paragraph>Gout</paragraph>', '<paragraph>Gout</paragraph>'],
  ])('are as small as they can be: %s', (_, text, left) => {
    const cleared = sudOf(text)
    expect(cleared).toContain(left)
    expect(cleared).not.toMatch(/alcohol|depen|2010|#1/i)
    parses(cleared)
  })

  it('go whole where the heading tells, and a table that loses its last row goes too', () => {
    const titled = table(row('Heavy'), row('Daily')).replace('Problem', 'Alcohol dependence')
    expect(sudOf(`${titled}<paragraph>Gout</paragraph>`)).toMatch(/<text>\s*<paragraph>Gout/)
    expect(sudOf(`${table(row('Alcohol dependence'))}<paragraph>Gout</paragraph>`)).toMatch(
      /<text>\s*<paragraph>Gout/,
    )
    const section2 = section('Allergies', table(row('Penicillin')))
    const title = cut(clinicalDocument(section('Alcohol dependence', table(row('Gout'))) + section2), 'SUD')
    expect(title).not.toContain('Gout')
    expect(title).toContain(section2)
    const only = cut(
      clinicalDocument(section('Problems', table(row('Alcohol dependence'))) + section2),
      'SUD',
    )
    expect(only).not.toContain('Problems')
    expect(only).toContain(section2)
  })

  it('go with the entry that points at them, and take with them the entry whose narrative they are', () => {
    const unknown = ['999999999', 'Something'] as const
    const byCode = sudOf(
      table(row('Drinks', 'a'), row('Gout', 'b')),
      problem('66590003', 'Drinks', 'a') + problem(...unknown, 'b'),
    )
    expect(byCode).not.toMatch(/Drinks/)
    expect(byCode).toContain(problem(...unknown, 'b'))
    const byText = sudOf(
      table(row('Alcohol dependence', 'a'), row('Gout', 'b')),
      problem(...unknown, 'a') + problem(...unknown, 'b'),
    )
    expect(byText).not.toContain(problem(...unknown, 'a'))
    expect(byText).toContain(problem(...unknown, 'b'))
  })

  it('leave the entries that another entry of the same row explains', () => {
    const left = sudOf(
      table(row('Alcohol dependence and hypertension', 'a')),
      problem(...ALCOHOL, 'a') + problem(...HYPERTENSION, 'a'),
    )
    expect(left).toContain(problem(...HYPERTENSION, 'a'))
    expect(left).not.toMatch(/alcohol/i)
  })

  it('are found by the words of the entry where it points nowhere, and go all where nothing tells which', () => {
    const tied = sudOf(table(row('Trinkt (Störung)'), row('Gout')), problem('66590003', 'Trinkt'))
    expect(tied).not.toContain('Trinkt')
    expect(tied).toContain('Gout')
    const untied = sudOf(table(row('Trinkt viel'), row('Gout')), problem('66590003', 'Potus'))
    expect(untied).not.toMatch(/Trinkt|Gout/)
  })

  it('repeat an entry of another section, and go there too', () => {
    const left = cut(
      clinicalDocument(
        section('Problems', table(row('Alcohol dependence', 'a'), row('Gout')), problem(...ALCOHOL, 'a')) +
          section('Plan', '<list><item>Refer for alcohol dependence</item><item>Diet</item></list>'),
      ),
      'SUD',
    )
    expect(left).not.toMatch(/alcohol/i)
    expect(left).toContain('<item>Diet</item>')
  })

  it('are components of an organizer that tells nothing itself', () => {
    const component = (code: string, name: string) =>
      `<component><observation><code code="${code}" codeSystem="2.16.840.1.113883.6.96" displayName="${name}"/></observation></component>`
    const organizer = (name: string, ...components: readonly string[]) =>
      `<entry><organizer><code code="1" codeSystem="1.2.3.4.5" displayName="${name}"/>${components.join('')}</organizer></entry>`
    const gout = component('90560007', 'Gout')
    const mixed = sudOf('', organizer('Panel', component(...ALCOHOL), gout))
    expect(mixed).toContain(organizer('Panel', gout))
    expect(sudOf('Text', organizer('Alcohol dependence', gout))).not.toContain('organizer')
    expect(sudOf('Text', organizer('Panel', component(...ALCOHOL)))).not.toContain('organizer')
  })

  it('hold pictures that cannot be read and texts that can', () => {
    const media = (type: string, content: string) =>
      `<entry><observationMedia><value mediaType="${type}" representation="B64">${Buffer.from(content).toString('base64')}</value></observationMedia></entry>`
    const picture = factsOf(clinicalDocument(section('Images', 'Text', media('image/gif', 'GIF89a\0\0'))))
    expect(whole(picture)).toEqual([])
    expect(told(picture)).toContain('UNASSESSED')
    expect(
      told(factsOf(clinicalDocument(section('Notes', 'Text', media('text/plain', 'Alcohol dependence'))))),
    ).toContain('SUD')
  })

  it('carry the codes a Consent may name, and who made them', () => {
    const made = problem(...HYPERTENSION).replace(
      '</observation>',
      '<author><assignedAuthor><representedOrganization><id root="1.2.3" extension="77"/></representedOrganization></assignedAuthor></author></observation>',
    )
    const { telling = [] } = factsOf(
      clinicalDocument(section('Problems', table(row('Essential hypertension')), made)),
    )
    expect(telling).toHaveLength(1)
    expect(telling[0]?.codings?.map(({ code }) => code)).toEqual(['29308-4', '59621000'])
    expect(telling[0]?.sourceMentions?.[0]?.identifier).toEqual({ system: 'urn:oid:1.2.3', value: '77' })
    expect(telling[0]?.ranges).toHaveLength(2)
  })

  it('carry labels that whoever sent the document put there', () => {
    const marked = problem(...HYPERTENSION).replace(
      '</observation>',
      '<entryRelationship><observation><code code="SECCATOBS" codeSystem="2.16.840.1.113883.5.4"/><value code="SUD" codeSystem="2.16.840.1.113883.5.4"/></observation></entryRelationship></observation>',
    )
    const facts = factsOf(clinicalDocument(section('Problems', 'See elsewhere', marked)))
    expect(whole(facts)).toEqual([])
    expect(told(facts)).toContain('SUD')
  })
})

const TOC = sharedDocument('170.315_b1_toc_amb_ccd_r21_sample1_v13')

describe.skipIf(TOC === undefined)('a real document', () => {
  const original = TOC ?? ''
  const changed = original
    .replaceAll('Overweight (finding)', 'Alcohol dependence (disorder)')
    .replaceAll('displayName="Overweight"', 'displayName="Alcohol dependence"')
    .replace('Get an EKG done', 'Get alcohol dependence counselling and an EKG done')
    .replace('<td>Heavy tobacco smoker</td>', '<td>Alcohol dependence, heavy tobacco smoker</td>')

  it('keeps every byte but those of entry and narrative, in every section', () => {
    expect(changed.match(/alcohol/gi)?.length).toBe(4)
    const left = cut(changed, 'SUD')
    expect(left).not.toMatch(/alcohol/i)
    parses(left)
    expect(isSubsequence(left, changed)).toBe(true)
    const sections = (xml: string): number => xml.match(/<section>/g)?.length ?? 0
    expect(sections(left)).toBe(sections(changed))
    expect(left.length).toBeGreaterThan(changed.length * 0.93)
    expect(told(factsOf(left)).has('SUD')).toBe(false)
  })

  it('is read at once', () => {
    factsOf(changed)
    const texts = Array.from({ length: 20 }, (_, n) => changed.replaceAll('patient', `patient${n}`))
    const before = process.cpuUsage()
    for (const text of texts) factsOf(text)
    const { user } = process.cpuUsage(before)
    console.info(
      `C-CDA of ${Math.round(changed.length / 1000)} KB: ${(user / 1000 / texts.length).toFixed(1)} ms of CPU`,
    )
    expect(user / 1000 / texts.length).toBeLessThan(100)
  })
})

/** Whether only whole runs of the text were taken out: greedy by lines is enough for what is cut in lines. */
function isSubsequence(left: string, all: string): boolean {
  let at = 0
  for (const character of left) {
    at = all.indexOf(character, at) + 1
    if (at === 0) return false
  }
  return true
}

const words = [
  'Alcohol dependence',
  'Essential hypertension',
  'HIV infection',
  'Gout',
  'Asthma',
  'Märzhusten 😀',
  '',
]
const anyText = fc.constantFrom(...words)
const anyBlock: fc.Arbitrary<string> = fc.oneof(
  fc.array(anyText, { maxLength: 4 }).map(all => table(...all.map((text, n) => row(text, `t${n}`)))),
  fc
    .array(anyText, { maxLength: 3 })
    .map(all => `<list>${all.map(text => `<item>${text}</item>`).join('')}</list>`),
  fc
    .array(anyText, { maxLength: 3 })
    .map(
      all => `<list><item>x<list>${all.map(text => `<item>${text}</item>`).join('')}</list></item></list>`,
    ),
  anyText.map(text => `<paragraph ID="g">${text}</paragraph>`),
  anyText.map(text => `${text}<br/>`),
  anyText.map(text => `<!-- ${text} -->`),
)
const anyEntry = fc
  .tuple(fc.constantFrom(ALCOHOL, HYPERTENSION, HIV), fc.constantFrom('', 't0', 't1', 'g', 'none'))
  .map(([[code, display], points]) => problem(code, display, points))
const anyDocument = fc
  .array(
    fc
      .tuple(anyText, fc.array(anyBlock, { maxLength: 3 }), fc.array(anyEntry, { maxLength: 3 }))
      .map(([title, blocks, entries]) => section(title, blocks.join('\n'), entries.join(''))),
    { maxLength: 4 },
  )
  .map(sections => clinicalDocument(sections.join('')))

test('what is left of a document when parts are cut out of it tells nothing of them, and parses', () => {
  fc.assert(
    fc.property(anyDocument, fc.subarray(['SUD', 'HIV'], { minLength: 1 }), (xml, codes) => {
      const left = cut(xml, ...codes)
      parses(left)
      const after = told(factsOf(left))
      for (const code of codes) expect(after.has(code)).toBe(false)
      for (const code of ['SUD', 'HIV'].filter(one => !codes.includes(one)))
        if (after.has(code)) expect(told(factsOf(xml)).has(code)).toBe(true)
    }),
    { numRuns: 150 },
  )
})
