import { hash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ResourceDecision } from '../../src/model/decision.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import { chartNames, haveRealCharts, realChart } from '../support/real-charts.ts'
import {
  CONSENT_REF,
  codesOf,
  decided,
  directive,
  displays,
  GATEWAY,
  input,
  NOTICES,
  PAGE,
  problems,
  read,
  readBundle,
  SUD,
  segmenter,
  UPSTREAM,
} from './kit.ts'

const CONDITION = {
  resourceType: 'Condition',
  id: 'x',
  subject: { reference: 'Patient/p' },
  code: { text: 'opioid use disorder' },
  encounter: { reference: 'Encounter/e' },
}
const another = (id: string) => ({ ...CONDITION, id })

const PART2: Partial<ResourceDecision> = {
  obligations: ['AUDIT', 'P2_NOTICE', 'P2_CONSENT_COPY'],
  notices: ['p2-long'],
  caveats: ['NORDSCLCD'],
  consents: [CONSENT_REF],
}
const LONG = NOTICES['p2-long']?.text ?? ''
const SHORT = NOTICES['p2-short']?.text ?? ''
const part2 = (id = 'x') => decided(another(id), PART2, [SUD])

describe('a read', () => {
  test('of what nobody marks leaves byte for byte, with its digest', () => {
    const text = '{"resourceType":"Observation","id":"o",  "valueQuantity":{"value":1.50}}'
    const release = segmenter().segment(input([decided(text)]))
    expect(Buffer.from(release.body).toString()).toBe(text)
    expect(release.digest).toBe(hash('sha256', text, 'hex'))
    expect(release).toMatchObject({ status: 200, headers: {}, obligations: ['AUDIT'], notices: [] })
  })

  test('of a Part 2 record carries the full statement, the scope of the consent and its address', () => {
    const release = segmenter().segment(input([part2()], { directives: [directive()] }))
    const resource = read(release.body)
    expect(displays(resource)).toEqual([
      LONG,
      expect.stringContaining('Consent/c1 version 2, signed 2026-01-02'),
    ])
    expect(codesOf(resource)).toEqual(['R', 'SUD', 'NORDSCLCD', 'RedisclosureProhibitionMark'])
    expect(Buffer.from(release.body).toString()).toContain(`${GATEWAY}/Consent/c1`)
    expect(release.notices).toEqual(['p2-long'])
    expect(problems(resource)).toEqual([])
  })

  test('keeps digits when it is rebuilt', () => {
    const text =
      '{"resourceType":"Observation","id":"o","encounter":{"reference":"Encounter/e"},"valueQuantity":{"value":1.50},"x":1e400}'
    const release = segmenter().segment(input([decided(text)], { hidden: () => ['encounter'] }))
    expect(Buffer.from(release.body).toString()).toBe(
      '{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.50},"x":1e400}',
    )
  })

  test('turns links of the upstream into links of the gateway', () => {
    const resource = { ...CONDITION, encounter: { reference: `${UPSTREAM}/Encounter/e` } }
    const one = decided(resource)
    const { segment } = segmenter()
    for (const _again of [1, 2])
      expect(read(segment(input([one])).body)['encounter']).toEqual({ reference: `${GATEWAY}/Encounter/e` })
  })

  test('of a redacted resource lacks the named elements', () => {
    const one = decided(CONDITION, { effect: 'redact', redact: ['code'] })
    expect(read(segmenter().segment(input([one])).body)).not.toHaveProperty('code')
  })

  test('has no notice that data may be withheld', () => {
    const { body } = segmenter({ withheldNotice: true }).segment(input([decided(CONDITION)]))
    expect(Buffer.from(body).toString()).toBe(JSON.stringify(CONDITION))
  })

  test.each([[[]], [[decided(CONDITION), decided(another('y'))]]])('of %j is no read', matches => {
    expect(() => segmenter().segment(input(matches))).toThrow('exactly one resource')
  })

  test('of a record that a state asks a statement for carries it whole', () => {
    const one = decided(CONDITION, { obligations: ['AUDIT', 'STATE_NOTICE:ny-hiv'] })
    expect(displays(read(segmenter().segment(input([one])).body))).toEqual([NOTICES['ny-hiv']?.text])
  })
})

describe('a search', () => {
  const search = (
    change: Parameters<typeof input>[1] = {},
    matches = [part2('a'), part2('b')],
    options = {},
  ) => {
    const release = segmenter(options).segment(
      input(matches, { page: PAGE, directives: [directive()], ...change }),
    )
    return { release, bundle: readBundle(release.body) }
  }

  test('carries the short statement on each resource, and once the full one and the consent', () => {
    const { bundle } = search({ page: { ...PAGE, next: `${GATEWAY}/?_page=1`, total: 2 } })
    expect(bundle.link).toEqual([
      { relation: 'self', url: PAGE.self },
      { relation: 'next', url: `${GATEWAY}/?_page=1` },
    ])
    expect(bundle.total).toBe(2)
    expect(bundle.entry?.map(({ fullUrl, search: { mode } }) => [fullUrl, mode])).toEqual([
      [`${GATEWAY}/Condition/a`, 'match'],
      [`${GATEWAY}/Condition/b`, 'match'],
      [`${GATEWAY}/Consent/c1`, 'include'],
      [undefined, 'outcome'],
    ])
    const [a, b, consent, statement] = bundle.entry ?? []
    for (const entry of [a, b]) expect(displays(entry?.resource ?? ({} as never))).toEqual([SHORT])
    expect(consent?.resource).toEqual(directive().copy)
    expect(statement?.resource).toEqual({
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'information', code: 'informational', details: { text: LONG } }],
    })
    expect(problems(bundle)).toEqual([])
    for (const { resource } of bundle.entry ?? []) expect(problems(resource)).toEqual([])
  })

  test('tells of a sensitive record no more than its confidentiality on the Bundle', () => {
    const { bundle } = search()
    expect(bundle.meta).toEqual({
      security: [{ system: SYSTEM.confidentiality, code: 'R', display: 'restricted' }],
    })
  })

  test('has as many consents as there are, each once, and none that is a match itself', () => {
    const other = { reference: 'Consent/c2' }
    const both = [directive(), directive({ ref: other, copy: { id: 'c2' } })]
    const onBoth = decided(another('b'), { ...PART2, consents: [CONSENT_REF, other] }, [SUD])
    const consents = (result: ReturnType<typeof search>) =>
      result.bundle.entry?.flatMap(({ resource }) =>
        resource.resourceType === 'Consent' ? [resource.id] : [],
      )
    expect(consents(search({ directives: both }, [part2('a'), onBoth]))).toEqual(['c1', 'c2'])
    const match = decided(directive().copy)
    expect(consents(search({}, [part2('a'), match]))).toEqual(['c1'])
  })

  test('a consent of the same name from another server is another one', () => {
    const foreign = directive({ ref: { ...CONSENT_REF, source: 'https://other.example/fhir' } })
    expect(() => search({ directives: [foreign] })).toThrow('not at hand')
  })

  test('a statement without a short form stands whole on the resource', () => {
    const one = decided(CONDITION, { obligations: ['AUDIT', 'STATE_NOTICE:ny-hiv'] })
    const { bundle, release } = search({ directives: [] }, [one])
    expect(displays(bundle.entry?.[0]?.resource ?? ({} as never))).toEqual([NOTICES['ny-hiv']?.text])
    expect(release.notices).toEqual(['ny-hiv'])
  })

  test('a consent that may not go along is explained instead', () => {
    const explained = search({ copyLeaves: () => false }).bundle
    expect(explained.entry?.map(({ resource }) => resource.resourceType)).toEqual([
      'Condition',
      'Condition',
      'OperationOutcome',
      'OperationOutcome',
    ])
    expect(JSON.stringify(explained.entry?.slice(2))).toContain('Scope: from Harbor Clinic')
    const copied = search({ copyLeaves: () => true }).bundle
    expect(copied.entry?.map(({ resource }) => resource.resourceType)).toContain('Consent')
    expect(JSON.stringify(copied)).not.toContain('Scope:')
  })

  test('resources of one decision share what accompanies them', () => {
    const one = decided(another('a'), { notices: ['wa-std'] }, [SUD])
    const two = { ...decided(another('b'), {}, [SUD]), decision: one.decision }
    const { bundle } = search({ directives: [] }, [one, two])
    expect(bundle.entry?.map(({ resource }) => displays(resource))).toEqual([
      [NOTICES['wa-std']?.text],
      [NOTICES['wa-std']?.text],
      [],
    ])
  })

  test('without matches is empty and says nothing', () => {
    const { bundle } = search({ page: { ...PAGE, total: 0 } }, [])
    expect(bundle).toEqual({
      resourceType: 'Bundle',
      type: 'searchset',
      total: 0,
      link: [{ relation: 'self', url: PAGE.self }],
    })
    expect(problems(bundle)).toEqual([])
  })

  test('may carry one notice that is the same whether or not anything was withheld', () => {
    const text = (withheld: ReturnType<typeof part2>[]) =>
      Buffer.from(
        search({ withheld, directives: [] }, [decided(CONDITION)], { withheldNotice: true }).release.body,
      ).toString()
    expect(text([part2()])).toContain('may have been withheld')
    expect(text([part2()])).toBe(text([]))
  })

  test('puts includes after the matches, without what they may not name', () => {
    const encounter = {
      resourceType: 'Encounter',
      id: 'e',
      status: 'finished',
      class: { code: 'AMB' },
      subject: { reference: 'Patient/p' },
    }
    const { bundle } = search(
      {
        includes: [decided(encounter)],
        directives: [],
        hidden: of => (of.labelled.facts.id === 'a' ? ['encounter'] : []),
      },
      [decided(another('a')), decided(another('b'))],
    )
    expect(bundle.entry?.map(({ search: { mode } }) => mode)).toEqual(['match', 'match', 'include'])
    expect(bundle.entry?.map(({ resource }) => resource['encounter'] !== undefined)).toEqual([
      false,
      true,
      false,
    ])
  })

  test('the very same page comes from memory, another one does not', () => {
    const made = segmenter()
    const matches = [decided(another('a')), decided(another('b'))]
    const first = made.segment(input(matches, { page: PAGE }))
    expect(made.segment(input(matches, { page: PAGE })).body).toBe(first.body)
    const fewer = made.segment(input(matches.slice(1), { page: PAGE }))
    expect(readBundle(fewer.body).entry).toHaveLength(1)
    const hidden = made.segment(input(matches, { page: PAGE, hidden: () => ['encounter'] }))
    expect(readBundle(hidden.body).entry?.[0]?.resource).not.toHaveProperty('encounter')
  })
})

describe('what was kept of one release never serves another', () => {
  test('with or without the scope of the consent', () => {
    const made = segmenter()
    const plain = decided(CONDITION, { ...PART2, obligations: ['AUDIT', 'P2_NOTICE'] }, [SUD])
    const directives = [directive()]
    const texts = (one: typeof plain) => displays(read(made.segment(input([one], { directives })).body))
    expect(texts(plain)).toEqual([LONG])
    expect(texts(part2())).toHaveLength(2)
    expect(texts(plain)).toEqual([LONG])
  })

  test('with another consent of the same name', () => {
    const made = segmenter()
    const texts = (dateTime: string) =>
      displays(
        read(made.segment(input([part2()], { directives: [directive({ form: { dateTime } })] })).body),
      )[1]
    expect(texts('2026-01-02')).toContain('2026-01-02')
    expect(texts('2026-05-05')).toContain('2026-05-05')
  })

  test('with other caveats, other hidden references, other redactions', () => {
    const made = segmenter()
    const bodies = [
      input([decided(CONDITION, {}, [SUD])]),
      input([decided(CONDITION, { caveats: ['NORDSCLCD'] }, [SUD])]),
      input([decided(CONDITION, {}, [SUD])], { hidden: () => ['encounter'] }),
      input([decided(CONDITION, { effect: 'redact', redact: ['code'] }, [SUD])]),
      input([decided(CONDITION)], { hidden: () => ['encounter'] }),
    ].map(one => Buffer.from(made.segment(one).body).toString())
    expect(new Set(bodies).size).toBe(bodies.length)
  })
})

describe('nothing leaves', () => {
  test('when a denied resource is handed over', () => {
    const denied = decided(CONDITION, { effect: 'deny' })
    expect(() => segmenter().segment(input([denied]))).toThrow('denied resource')
    expect(() =>
      segmenter().segment(input([decided(another('b'))], { includes: [denied], page: PAGE })),
    ).toThrow('denied resource')
  })

  test('when a duty cannot be met, and the error names no datum', () => {
    const one = decided(CONDITION, { obligations: ['DEIDENTIFY'] })
    const made = segmenter()
    expect(made.undischargeable(one.decision)).toBe('DEIDENTIFY')
    expect(made.undischargeable(one.decision)).toBe('DEIDENTIFY')
    expect(() => made.segment(input([one]))).toThrow(
      'obligation DEIDENTIFY on Condition cannot be discharged',
    )
    const fine = decided(CONDITION)
    expect(made.undischargeable(fine.decision)).toBeUndefined()
    expect(made.undischargeable(fine.decision)).toBeUndefined()
  })

  test('when the consent to be copied is not at hand', () => {
    expect(() => segmenter().segment(input([part2()]))).toThrow('not at hand')
    const stranger = decided({ ...CONDITION, subject: { reference: 'Patient/q' } }, PART2, [SUD])
    expect(() => segmenter().segment(input([stranger], { directives: [directive()], page: PAGE }))).toThrow(
      'not at hand',
    )
  })
})

describe.skipIf(!haveRealCharts)('a whole real chart, marked as Part 2', () => {
  test('leaves as a valid Bundle of valid resources', () => {
    const name = chartNames()[0] ?? ''
    const chart = realChart(name).filter(
      resource => problems(JSON.parse(JSON.stringify(resource))).length === 0,
    )
    const matches = chart
      .slice(0, 150)
      .map(resource => ({ ...resource, subject: resource['subject'] ?? { reference: 'Patient/p' } }))
      .map(resource => JSON.parse(JSON.stringify(resource)) as typeof CONDITION)
    const patients = [...new Set(matches.map(({ subject }) => subject.reference))]
    const given = input(
      matches.map(resource => decided(resource, PART2, [SUD])),
      { page: PAGE },
    )
    const directives = new Map(patients.map(patient => [patient, [directive()]]))
    const { body } = segmenter().segment({ ...given, decided: { ...given.decided, directives } })
    const bundle = readBundle(body)
    expect(bundle.entry?.length).toBe(matches.length + 2)
    expect(problems({ ...bundle, entry: bundle.entry?.slice(-2) })).toEqual([])
    for (const [index, resource] of matches.entries()) {
      const left = bundle.entry?.[index]?.resource
      const before = problems(resource)
      expect(problems(left), `${resource.resourceType}/${resource.id}`).toEqual(before)
      expect(codesOf(left ?? ({} as never)).filter(code => 'ULMNRV'.includes(code))).toEqual(['R'])
    }
  })
})
