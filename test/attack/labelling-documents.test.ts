import { performance } from 'node:perf_hooks'
import { describe, expect, test } from 'vitest'
import type { TellingElement } from '../../src/model/label.ts'
import { clinicalDocument, problem, section } from '../label/cda-kit.ts'
import { attached } from '../label/document-kit.ts'
import { AT, labeller, raw } from '../label/house.ts'

/** What stands in a clinical document where nobody looks, and documents made to stop whoever reads them. */

const SECRET = 'opioid dependence'
const MINIMUM = 0.5
const { assess, label } = labeller()

function told(contentType: string | undefined, content: string | Buffer) {
  const facts = assess(raw(attached(contentType, content)))
  const { codes } = label(
    facts,
    () => 'absent',
    { at: AT },
    () => [],
  )
  return { facts, codes }
}

function isSure({ labels }: TellingElement): boolean {
  return labels.some(({ confidence }) => confidence >= MINIMUM)
}

/** The document as it leaves to whom all categories are closed; undefined where it does not leave. */
function released(document: string): string | undefined {
  const bytes = Buffer.from(document)
  const { facts, codes } = told('text/xml', bytes)
  if (codes.size > 0) return undefined
  const ranges = (facts.telling ?? []).filter(isSure).flatMap(part => part.ranges ?? [])
  const stays = Buffer.alloc(bytes.length, 1)
  for (const [start, end] of ranges) stays.fill(0, start, end)
  return Buffer.from(bytes.filter((_, n) => stays[n] === 1)).toString()
}

const PLAIN = '<paragraph>Seen today</paragraph>'
const SPLIT = 'opi<![CDATA[oid]]> depen<!-- -->dence'
const HEART_RATE = '<code code="8867-4" codeSystem="2.16.840.1.113883.6.1"/>'

function inEntry(content: string): string {
  return clinicalDocument(
    section('P', PLAIN, `<entry><observation>${content}${HEART_RATE}</observation></entry>`),
  )
}

function inBody(body: string): string {
  return clinicalDocument('').replace(/<structuredBody>.*<\/structuredBody>/s, body)
}

const TEXT = (text: string): string => `<text mediaType="text/plain">${text}</text>`

/** Place → a document that holds these words there. */
const PLACES: Readonly<Record<string, (words: string) => string>> = {
  'a paragraph': words => clinicalDocument(section('P', `${PLAIN}<paragraph>${words}</paragraph>`)),
  'a comment that begins with >': words => clinicalDocument(section('P', `${PLAIN}<!-->${words}-->`)),
  'a comment that begins with ->': words => clinicalDocument(section('P', `${PLAIN}<!--->${words}-->`)),
  'such a comment before the narrative': words =>
    clinicalDocument(
      `<component><section><title>P</title><!-->${words}--><text>${PLAIN}</text></section></component>`,
    ),
  'a comment around a section': words =>
    clinicalDocument(
      `<component><!-- ${words} --><section><title>P</title><text>x</text></section></component>`,
    ),
  'something else around a section': words =>
    clinicalDocument(
      `<component><note>${words}</note><section><title>P</title><text>x</text></section></component>`,
    ),
  'a comment around the body': words =>
    clinicalDocument(section('P', PLAIN)).replace('<structuredBody>', `<!-- ${words} --><structuredBody>`),
  'a comment in a body of another kind': words =>
    inBody(`<nonXMLBody><!-- ${words} -->${TEXT('x')}</nonXMLBody>`),
  'the first of two texts': words => inBody(`<nonXMLBody>${TEXT(words)}${TEXT('x')}</nonXMLBody>`),
  'the first of two bodies': words =>
    inBody(`<nonXMLBody>${TEXT(words)}</nonXMLBody><nonXMLBody>${TEXT('x')}</nonXMLBody>`),
  'a document in the body of a document': words =>
    inBody(
      `<nonXMLBody><text mediaType="text/xml"><![CDATA[${clinicalDocument(section('P', `<paragraph>${words}</paragraph>`))}]]></text></nonXMLBody>`,
    ),
  'the text of an entry, in pieces': words => inEntry(`<text>${words === SECRET ? SPLIT : words}</text>`),
  'a title, in pieces': words => clinicalDocument(section(words === SECRET ? SPLIT : words, PLAIN)),
  'a comment on a time': words => inEntry(`<effectiveTime><!-- ${words} --></effectiveTime>`),
  'lines that break': words => clinicalDocument(section('P', `${PLAIN}${words.replace(' ', '<br/>')}`)),
  'a summary of a table': words =>
    clinicalDocument(
      section('P', `${PLAIN}<table summary="${words}"><tbody><tr><td>x</td></tr></tbody></table>`),
    ),
  'the title of a link': words =>
    clinicalDocument(section('P', `${PLAIN}<paragraph><linkHtml title="${words}">x</linkHtml></paragraph>`)),
  'the second text of a section': words =>
    clinicalDocument(
      `<component><section><title>P</title><text>x</text><text><paragraph>${words}</paragraph></text></section></component>`,
    ),
  'a negative result with a comment on it': words =>
    inEntry(
      `<interpretationCode code="NEG"/><entryRelationship><act><text>Patient has ${words}</text></act></entryRelationship>`,
    ),
  'a result that is negative and positive': words =>
    inEntry(
      `<value displayName="${words}"/><interpretationCode code="NEG"/><interpretationCode code="POS"/>`,
    ),
}

describe('what stands in a clinical document', () => {
  test.each(Object.entries(PLACES))('as %s does not leave', (_place, document) => {
    expect(released(document(SECRET)) ?? '').not.toMatch(/opi|depen/i)
  })

  test.each(Object.entries(PLACES))('as %s leaves where it is no secret', (place, document) => {
    const isDoubtful = /two|body of a document/.test(place)
    const left = released(document('knee sprain'))
    if (isDoubtful) return
    expect(left).toMatch(/knee(?: |<br\/>)sprain/)
  })

  test('who gave an identifier is read', () => {
    const by = (name: string): string =>
      inEntry(`<id root="1.2.3" extension="4" assigningAuthorityName="${name}"/>`)
    expect(released(by('Harbor Opioid Treatment Program')) ?? '').not.toContain('Harbor')
    expect(released(by('Harbor Orthopedics'))).toContain('Harbor')
  })

  test('a negative result by itself is no finding', () => {
    const negative = inEntry('<value displayName="heroin"/><interpretationCode code="NEG"/>')
    expect(released(negative)).toContain('heroin')
  })
})

describe('documents made to stop their reader', () => {
  const entry = (points = ''): string => {
    const text = points === '' ? '' : `<text><reference value="#${points}"/></text>`
    return `<entry><observation>${text}<value code="F11.20" codeSystem="2.16.840.1.113883.6.90"/></observation></entry>`
  }
  const of = (text: string, entries: string): string => clinicalDocument(section('P', text, entries))
  const N = 3_000
  const HOSTILE: Readonly<Record<string, string>> = {
    'many entries that point at much': of(
      `<content ID="a">${'x<br/>'.repeat(N * 4)}</content>`,
      entry('a').repeat(N),
    ),
    'many entries that point at an id of many parts': of(
      '<paragraph ID="a">x</paragraph>'.repeat(N),
      entry('a').repeat(N),
    ),
    'many entries and many parts that say the same': of(
      `<paragraph>${SECRET}</paragraph>`.repeat(N),
      entry().repeat(N),
    ),
  }

  test.each(Object.entries(HOSTILE))('%s take little time, and all of it goes', (_what, document) => {
    const start = performance.now()
    const left = released(document)
    expect(performance.now() - start).toBeLessThan(8_000)
    expect(left).not.toMatch(/F11|opioid|x<br/)
  })

  test('an entry still takes its own narrative along and no other', () => {
    const left = released(
      of(
        '<paragraph ID="a">brown sugar</paragraph><paragraph ID="b">high pressure</paragraph>',
        problem('75544000', 'Opioid dependence', 'a') + problem('59621000', 'Essential hypertension', 'b'),
      ),
    )
    expect(left).not.toMatch(/brown sugar|75544000/)
    expect(left).toMatch(/high pressure/)
  })
})

describe('words in other attachments', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const wordRuns = (...runs: string[]): string =>
    `<?xml version="1.0"?><w:document xmlns:w="w">${runs.map(run => `<w:r><w:t>${run}</w:t></w:r>`).join('')}</w:document>`
  const fhirXml = (data: string): string =>
    `<Binary xmlns="http://hl7.org/fhir"><contentType value="text/plain"/>${data}</Binary>`

  /** What it is → content type, content that tells, content that does not. */
  const KINDS: Readonly<Record<string, readonly [type: string, secret: string, plain: string]>> = {
    'a list in JSON': ['application/json', '["seen\\nopioid \\u0064ependence"]', '["seen\\nknee sprain"]'],
    'a list of lists in JSON': ['application/json', '[["opioid \\u0064ependence"]]', '[["knee sprain"]]'],
    'soft hyphens in HTML': ['text/html', '<p>opi&shy;oid depen&shy;dence</p>', '<p>knee spr&shy;ain</p>'],
    'places to break in HTML': [
      'text/html',
      '<p>opi<wbr>oid depen<wbr/>dence</p>',
      '<p>knee spr<wbr>ain</p>',
    ],
    'changes in HTML': [
      'text/html',
      '<p>opi<ins>oid</ins> depen<del>d</del>ence</p>',
      '<p>knee <ins>sprain</ins></p>',
    ],
    'a bare attribute in HTML': [
      'text/html',
      '<p>x<img alt=methadone src=x></p>',
      '<p>x<img alt=knee src=x></p>',
    ],
    'a page in a page': [
      'text/html',
      '<p>See below</p><iframe srcdoc="&lt;p&gt;opioid dependence"></iframe>',
      '<p>See below</p><iframe src="x.html"></iframe>',
    ],
    'a document in a page': [
      'text/html',
      `<p>See below</p><object data="data:text/html;base64,${base64(SECRET)}"></object>`,
      `<p>See below</p><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">`,
    ],
    'runs of a word processor': [
      'application/xml',
      wordRuns('Opi', 'oid depen', 'dence'),
      wordRuns('Knee spr', 'ain'),
    ],
    'content in FHIR as XML': [
      'application/fhir+xml',
      fhirXml(`<data value="${base64(SECRET)}"/>`),
      fhirXml(''),
    ],
  }

  test.each(Object.entries(KINDS))('%s', (_what, [type, secret, plain]) => {
    expect([...told(type, secret).codes]).not.toEqual([])
    expect([...told(type, plain).codes]).toEqual([])
  })

  test('white space before base64 makes a PDF no text', () => {
    const pdf = '%PDF-1.4\n1 0 obj <</Length 5>> stream\nABCDE\nendstream\n%%EOF'
    const padded = (content: string): unknown => {
      const data = `${'\n'.repeat(3_000)}${base64(content)}`
      const attachment = { contentType: 'text/plain', data }
      return { resourceType: 'DocumentReference', id: 'd', status: 'current', content: [{ attachment }] }
    }
    expect(assess(raw(padded(pdf))).pending).toHaveLength(1)
    expect(assess(raw(padded('knee sprain'))).pending).toBeUndefined()
  })
})

describe('strings that look like a path', () => {
  const codesOf = (resource: object): string[] => {
    const whole = { resourceType: 'Observation', id: 'o', status: 'final', ...resource }
    const { codes } = label(
      assess(raw(whole)),
      () => 'absent',
      { at: AT },
      () => [],
    )
    return [...codes]
  }

  test.each([
    'opioid-dependence/chronic',
    'opioid/dependence',
    'buprenorphine/naloxone',
    'heroin/fentanyl/overdose',
  ])('%s is read whole', text => {
    const apart = codesOf({ code: { text: text.replaceAll('/', ' / ') } })
    expect(codesOf({ code: { text } })).toEqual(apart)
  })

  test('and ordinary ones say nothing', () => {
    for (const text of ['lisinopril/hydrochlorothiazide', 'mg/dL', 'https://opioid.example/a/knee'])
      expect(codesOf({ code: { text } }), text).toEqual([])
  })
})
