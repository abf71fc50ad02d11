import { describe, expect, test } from 'vitest'
import { CLASSIFIER } from '../../src/model/ds4p.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { Label, LabelledResource } from '../../src/model/label.ts'
import { bundleMeta, highWaterMark, mark, markLabels, needsMarks } from '../../src/segment/mark.ts'
import {
  type Coding,
  codesOf,
  decided,
  decision,
  displays,
  labelled,
  type Marked,
  problems,
  SUD,
} from './kit.ts'

const DS4P = 'http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/'
const NOTHING = { texts: [], consents: [], key: '' }
const PART2: Label = { ...SUD, code: '42CFRPart2', display: '42 CFR Part2' }
const UNASSESSED: Label = { ...SUD, system: SYSTEM.local, code: 'UNASSESSED', rule: 'unassessed/attachment' }

const CONDITION = {
  resourceType: 'Condition',
  id: 'x',
  subject: { reference: 'Patient/p' },
  code: { text: 'opioid use disorder' },
}

function marked(
  resource: object,
  labels: readonly Label[],
  change: { confidentiality?: LabelledResource['confidentiality']; caveats?: string[] } = {},
  along: { texts?: string[]; consents?: string[] } = {},
): Marked {
  const copy = structuredClone(resource) as Record<string, unknown>
  const one = labelled(resource as typeof CONDITION, labels, change.confidentiality)
  mark(
    copy,
    { labelled: one, decision: decision({ caveats: change.caveats ?? [] }) },
    { ...NOTHING, ...along },
  )
  return copy as Marked
}

const upstream = (code: string, system: string | undefined = SYSTEM.confidentiality) => ({ system, code })
const confidentialities = (resource: Marked): Coding[] =>
  (resource.meta?.security ?? []).filter(({ system }) => system === SYSTEM.confidentiality)
const extensions = (coding: Coding | undefined, tail: string) =>
  (coding?.extension ?? []).filter(({ url }) => url === `${DS4P}extension-sec-label-${tail}`)

describe('the label of a resource', () => {
  test('has one confidentiality, the labels with basis and classifier, and what the recipient must heed', () => {
    const resource = marked(
      CONDITION,
      [SUD, PART2],
      { caveats: ['NORDSCLCD', 'PERSISTLABEL'] },
      { consents: ['https://gateway.example/fhir/Consent/c1'] },
    )
    const byCode = Object.fromEntries((resource.meta?.security ?? []).map(one => [one.code, one]))
    expect(codesOf(resource)).toEqual(['R', 'SUD', '42CFRPart2', 'NORDSCLCD', 'PERSISTLABEL'])
    for (const code of ['R', 'SUD', '42CFRPart2']) {
      expect(extensions(byCode[code], 'basis')).toEqual([
        { url: `${DS4P}extension-sec-label-basis`, valueCoding: SUD.basis },
      ])
      expect(extensions(byCode[code], 'classifier')).toEqual([
        { url: `${DS4P}extension-sec-label-classifier`, valueReference: CLASSIFIER },
      ])
    }
    expect(byCode['SUD']).toMatchObject({ display: SUD.display, system: SYSTEM.actCode })
    expect(extensions(byCode['NORDSCLCD'], 'related-artifact')).toEqual([
      {
        url: `${DS4P}extension-sec-label-related-artifact`,
        valueRelatedArtifact: { type: 'justification', url: 'https://gateway.example/fhir/Consent/c1' },
      },
    ])
    expect(byCode['PERSISTLABEL']).toEqual({ system: SYSTEM.actCode, code: 'PERSISTLABEL' })
    expect(problems(resource)).toEqual([])
  })

  test('a caveat without a Consent, a label without basis or display, stand plainly', () => {
    const { basis: _basis, display: _display, ...bare } = SUD
    const resource = marked(CONDITION, [bare], { caveats: ['NORDSCLCD'] })
    const [confidentiality, label, caveat] = resource.meta?.security ?? []
    expect(extensions(confidentiality, 'basis')).toEqual([])
    expect(extensions(confidentiality, 'classifier')).toHaveLength(1)
    expect(label).toEqual({ extension: label?.extension, system: SYSTEM.actCode, code: 'SUD' })
    expect(caveat).toEqual({ system: SYSTEM.actCode, code: 'NORDSCLCD' })
  })

  test("the house's own working notes never go out", () => {
    expect(codesOf(marked(CONDITION, [SUD, UNASSESSED]))).toEqual(['R', 'SUD'])
    expect(
      needsMarks({ labelled: labelled(CONDITION, [UNASSESSED], 'N'), decision: decision() }, NOTHING),
    ).toBe(false)
  })

  test('stands after resourceType and id, and before everything else', () => {
    expect(Object.keys(marked(CONDITION, [SUD])).slice(0, 3)).toEqual(['resourceType', 'id', 'meta'])
    const withMeta = { resourceType: 'Condition', id: 'x', language: 'en', meta: { versionId: '3' } }
    const resource = marked(withMeta, [SUD])
    expect(Object.keys(resource)).toEqual(Object.keys(withMeta))
    expect(resource.meta).toMatchObject({ versionId: '3' })
  })
})

describe('what the upstream wrote', () => {
  test('is kept as it is, unknown codes and extensions too', () => {
    const security = [
      {
        system: 'https://hospital.example/tags',
        code: 'VIP',
        extension: [{ url: 'urn:x', valueBoolean: true }],
      },
      upstream('R'),
    ]
    const resource = marked({ ...CONDITION, meta: { security, tag: [{ code: 't' }] } }, [SUD])
    expect(codesOf(resource)).toEqual(['R', 'VIP', 'SUD'])
    expect(resource.meta?.security).toEqual(expect.arrayContaining(security))
    expect(resource.meta).toMatchObject({ tag: [{ code: 't' }] })
  })

  test('a label it gave already is not said twice, nor one that it alone gave', () => {
    const sud = { system: SYSTEM.actCode, code: 'SUD' }
    const resource = { ...CONDITION, meta: { security: [sud] } }
    expect(codesOf(marked(resource, [SUD]))).toEqual(['R', 'SUD'])
    expect(codesOf(marked(resource, [{ ...SUD, origin: 'upstream' }]))).toEqual(['R', 'SUD'])
    expect(marked(resource, [SUD]).meta?.security).toContainEqual(sud)
  })

  test.each([
    ['lower', [upstream('N')]],
    ['two of them', [upstream('N'), upstream('L')]],
    ['the R4 code system by its OID', [upstream('N', 'urn:oid:2.16.840.1.113883.5.25')]],
    ['an older spelling', [upstream('N', 'http://hl7.org/fhir/v3/Confidentiality')]],
    ['a version behind the system', [upstream('N', `${SYSTEM.confidentiality}|2.0.0`)]],
    ['no system at all', [{ code: 'N' }]],
    ['an empty system', [{ system: '', code: 'U' }]],
  ])('a confidentiality that is %s never wins', (_case, security) => {
    const resource = marked({ ...CONDITION, meta: { security } }, [SUD])
    expect(codesOf(resource).filter(code => 'ULMNRV'.includes(code))).toEqual(['R'])
    expect(confidentialities(resource)).toHaveLength(1)
  })

  test('the confidentiality that holds is kept with its own basis', () => {
    const own = {
      ...upstream('V'),
      display: 'very restricted',
      extension: [{ url: 'urn:why', valueString: 'court' }],
    }
    const resource = marked({ ...CONDITION, meta: { security: [upstream('N'), own] } }, [SUD], {
      confidentiality: 'V',
    })
    expect(confidentialities(resource)).toEqual([own])
  })

  test('a code of another system that looks like one is none', () => {
    const other = { system: 'https://hospital.example/floors', code: 'N' }
    expect(marked({ ...CONDITION, meta: { security: [other] } }, [SUD]).meta?.security).toContainEqual(other)
  })

  test.each([
    [null],
    ['text'],
    [[{ security: [] }]],
    [{ security: 'R' }],
    [{ security: [null, 'R'], extension: {} }],
  ])('meta of the form %j does not keep the labels out', meta => {
    const resource = marked({ ...CONDITION, meta }, [SUD], {}, { texts: ['a statement'] })
    expect(codesOf(JSON.parse(JSON.stringify(resource)) as Marked)).toEqual([
      'R',
      'SUD',
      'RedisclosureProhibitionMark',
    ])
    expect(displays(resource)).toEqual(['a statement'])
  })
})

describe('texts', () => {
  test('stand as displays with the mark that asks for them; without texts there is neither', () => {
    const resource = marked(CONDITION, [SUD], {}, { texts: ['first', 'second'] })
    expect(displays(resource)).toEqual(['first', 'second'])
    expect(codesOf(resource)).toContain('RedisclosureProhibitionMark')
    expect(problems(resource)).toEqual([])
    const plain = marked(CONDITION, [SUD])
    expect(plain.meta?.extension).toBeUndefined()
    expect(codesOf(plain)).not.toContain('RedisclosureProhibitionMark')
  })

  test('other extensions of meta stay', () => {
    const extension = [{ url: 'urn:other', valueBoolean: true }]
    const resource = marked({ ...CONDITION, meta: { extension } }, [SUD], {}, { texts: ['t'] })
    expect(resource.meta?.extension).toEqual([
      ...extension,
      { url: `${DS4P}extension-display`, valueAnnotation: { text: 't' } },
    ])
  })
})

test('marking twice is marking once', () => {
  const along = { texts: ['a statement'], consents: ['https://gateway.example/fhir/Consent/c1'] }
  const change = { caveats: ['NORDSCLCD'] }
  const once = marked({ ...CONDITION, meta: { security: [upstream('N')] } }, [SUD, PART2], change, along)
  expect(marked(once, [SUD, PART2], change, along)).toEqual(once)
})

describe('whether a resource is marked at all', () => {
  const plain = decided(CONDITION)

  test('one without labels leaves byte for byte', () => {
    expect(needsMarks(plain, NOTHING)).toBe(false)
    expect(needsMarks(plain, NOTHING)).toBe(false)
  })

  test('a label, a caveat, a statement make it so', () => {
    expect(needsMarks(decided(CONDITION, {}, [SUD]), NOTHING)).toBe(true)
    expect(needsMarks(decided(CONDITION, { caveats: ['NORDSCLCD'] }), NOTHING)).toBe(true)
    expect(needsMarks(plain, { ...NOTHING, texts: ['a statement'] })).toBe(true)
  })

  test('so does a confidentiality of the upstream that is not the one that holds', () => {
    const given = (code: string): Label => ({
      ...SUD,
      system: SYSTEM.confidentiality,
      code,
      origin: 'upstream',
    })
    const of = (codes: string[], holds: LabelledResource['confidentiality']) =>
      needsMarks({ labelled: labelled(CONDITION, codes.map(given), holds), decision: decision() }, NOTHING)
    expect(of(['R'], 'R')).toBe(false)
    expect(of(['N', 'R'], 'R')).toBe(true)
    expect(of(['X'], 'V')).toBe(true)
  })
})

describe('the Bundle', () => {
  const of = (confidentiality: LabelledResource['confidentiality']) => ({
    labelled: labelled(CONDITION, [SUD], confidentiality),
    decision: decision({ caveats: ['NORDSCLCD'] }),
  })

  test.each([
    [['N', 'R', 'M'], 'R'],
    [['R', 'V'], 'V'],
    [['L', 'U', 'M'], 'M'],
    [['L', 'U'], 'L'],
    [['U'], 'U'],
    [['N', 'M'], 'N'],
  ] as const)('of %j is marked %s', (given, expected) => {
    expect(highWaterMark(given.map(of))).toBe(expected)
  })

  test('says confidentiality and nothing that reveals why', () => {
    expect(bundleMeta([of('N'), of('R')])).toEqual({
      security: [{ system: SYSTEM.confidentiality, code: 'R', display: 'restricted' }],
    })
  })

  test('of nothing has no label', () => {
    expect(bundleMeta([])).toBeUndefined()
  })
})

describe('the label command', () => {
  const written = (one: LabelledResource): string[] => {
    const copy = structuredClone(CONDITION)
    markLabels(copy, one)
    return codesOf(copy as Marked)
  }

  test('writes labels, and says in the house what could not be read', () => {
    expect(written(labelled(CONDITION, [SUD]))).toEqual(['R', 'SUD'])
    expect(written(labelled(CONDITION, [UNASSESSED], 'N'))).toEqual(['N', 'UNASSESSED'])
  })

  test('says what could not be read beside another word of the house, and once', () => {
    const beside = (code: string): string[] => {
      const copy = { ...CONDITION, meta: { security: [{ system: SYSTEM.local, code }] } }
      markLabels(copy, { ...labelled(CONDITION, []), notAssessable: 'too deep' })
      return codesOf(copy as unknown as Marked)
    }
    expect(beside('OURS')).toEqual(['V', 'OURS', 'UNASSESSED'])
    expect(beside('UNASSESSED')).toEqual(['V', 'UNASSESSED'])
  })

  test('calls what could not be labelled very restricted, never normal', () => {
    const one = { ...labelled(CONDITION, []), notAssessable: 'too deep' }
    expect(written(one)).toEqual(['V', 'UNASSESSED'])
  })
})
