import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Coding, JsonObject, Resource } from '../../src/model/fhir.ts'
import { CATEGORY_SITE, PERMITTED as CLIENT, CUSTODIAN, organizationOf } from '../support/category-site.ts'
import {
  exactReleases,
  flatReleases,
  type Heard,
  type Held,
  label,
  question,
  send,
} from '../support/consult.ts'
import { allPages, matchesOf, openTestSite, type TestSite } from '../support/site.ts'

/**
 * A consult is asked without data, and the FHIR API with it: whoever obeys the answer to the first must release nothing
 * that the second withholds. Consents of random and of chosen shape, one patient each, and for each patient the same
 * records.
 */
const THO = 'http://terminology.hl7.org/CodeSystem'
const TYPES = 'http://hl7.org/fhir/resource-types'
const R: Coding = { system: `${THO}/v3-Confidentiality`, code: 'R' }
const [SUD, ETHUD, HIV, PSY, SEX] = ['SUD', 'ETHUD', 'HIV', 'PSY', 'SEX'].map(label) as [
  Coding,
  Coding,
  Coding,
  Coding,
  Coding,
]
const LABELS: readonly (readonly Coding[])[] = [
  ...[[], [SUD], [HIV], [PSY], [SEX], [R], [SUD, ETHUD]],
  ...[
    [HIV, PSY],
    [SUD, HIV],
    [HIV, PSY, SEX],
  ],
]
const CODE: Coding = { system: 'https://prairie.example/fhir/CodeSystem/tests', code: 'x-1' }
const SOURCE = { uri: 'https://lab.example', organization: 'Organization/lab' }

interface Stored extends Held {
  readonly reference: string
}

/** The records of one patient: every type with every set of labels, some with a source, some with a code. */
function recordsOf(patient: number): readonly (Stored & { readonly resource: Resource })[] {
  const kinds: Held[] = ['Basic', 'Observation'].flatMap(type => [
    ...LABELS.map(labels => ({ type, labels })),
    ...[[], [SUD], [HIV]].map(labels => ({ type, labels, source: SOURCE.organization })),
    ...[[], [HIV]].map(labels => ({ type, labels, codes: [CODE] })),
  ])
  return kinds.map((held, n) => {
    const { type, labels, source, codes = [] } = held
    const id = `p${patient}-${n}`
    const resource = {
      resourceType: type,
      id,
      meta: {
        ...(labels.length === 0 ? {} : { security: labels }),
        ...(source === undefined ? {} : { source: SOURCE.uri }),
      },
      ...(type === 'Observation' ? { status: 'final' } : {}),
      code: codes.length === 0 ? { text: 'thing' } : { coding: codes },
      subject: { reference: `Patient/p${patient}` },
    } as unknown as Resource
    return { ...held, reference: `${type}/${id}`, resource }
  })
}

const role = (code: string, reference: string): JsonObject => ({
  role: { coding: [{ system: `${THO}/v3-ParticipationType`, code }] },
  reference: { reference },
})
const recipient = fc.constantFrom(organizationOf(CLIENT), organizationOf('nobody'))

/** What consults can say exactly: labels, recipients, purposes, at any depth. */
function plainProvision(depth: number): fc.Arbitrary<JsonObject> {
  return fc.record(
    {
      type: fc.constantFrom('permit', 'deny'),
      actor: fc.array(
        recipient.map(reference => role('IRCP', reference)),
        { minLength: 1, maxLength: 2 },
      ),
      securityLabel: fc.subarray([SUD, HIV, PSY, SEX, R], { minLength: 1 }),
      purpose: fc.constantFrom('TREAT', 'HPAYMT').map(code => [{ system: `${THO}/v3-ActReason`, code }]),
      ...(depth === 0
        ? {}
        : { provision: fc.array(plainProvision(depth - 1), { minLength: 1, maxLength: 2 }) }),
    },
    { requiredKeys: ['type'] },
  ) as unknown as fc.Arbitrary<JsonObject>
}

/** What looks at more than labels; each refuses, or permits, a part of what the provision around it says. */
const INSIDE: Readonly<Record<string, (patient: number) => JsonObject>> = {
  class: () => ({ class: [{ system: TYPES, code: 'Observation' }] }),
  code: () => ({ code: [{ coding: [{ ...CODE }] }] }),
  instance: n => ({ data: [{ meaning: 'instance', reference: { reference: `Basic/p${n}-2` } }] }),
  'another instance': n => ({
    data: [{ meaning: 'related', reference: { reference: `Observation/p${n}-16` } }],
  }),
  dates: () => ({ dataPeriod: { start: '2020-01-01' } }),
  maker: () => ({ actor: [role('AUT', SOURCE.organization)] }),
}
const SHAPES = Object.values(INSIDE).flatMap(inside =>
  [{}, { securityLabel: [HIV] }].flatMap(labels =>
    (['permit', 'deny'] as const).map(
      type => (patient: number) =>
        ({
          type,
          actor: [role('IRCP', organizationOf(CLIENT))],
          provision: [{ type: type === 'permit' ? 'deny' : 'permit', ...labels, ...inside(patient) }],
        }) as JsonObject,
    ),
  ),
)
const PLAIN = 12

function provisionsOf(patient: number): readonly JsonObject[] {
  const shape = SHAPES[patient - PLAIN]
  if (shape !== undefined) return [shape(patient)]
  const many = fc.array(plainProvision(2), { minLength: 1, maxLength: 3 })
  return fc.sample(many, { seed: 7000 + patient, numRuns: 1 })[0] ?? []
}

function consentsOf(patient: number): readonly Resource[] {
  return provisionsOf(patient).map(
    (one, n) =>
      ({
        resourceType: 'Consent',
        id: `p${patient}-consent-${n}`,
        status: 'active',
        scope: { coding: [{ system: `${THO}/consentscope`, code: 'patient-privacy' }] },
        category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
        patient: { reference: `Patient/p${patient}` },
        dateTime: '2026-03-01',
        provision: one,
      }) as unknown as Resource,
  )
}

const isPlain = (patient: number): boolean => patient < PLAIN
const patients = Array.from({ length: PLAIN + SHAPES.length }, (_, n) => ({
  n,
  records: recordsOf(n),
  consents: consentsOf(n),
}))
const resources: readonly Resource[] = [
  ...[CLIENT, 'nobody', 'lab', 'prairie-health'].map(id => ({
    resourceType: 'Organization',
    id: id === CLIENT ? organizationOf(CLIENT).split('/')[1] : id,
    name: id,
  })),
  ...patients.flatMap(({ n, records, consents }) => [
    { resourceType: 'Patient', id: `p${n}`, birthDate: '1970-01-01' },
    ...records.map(({ resource }) => resource),
    ...consents,
  ]),
] as unknown as readonly Resource[]

const registry = {
  part2Programs: [],
  sudOnlyFacilities: [],
  sources: { [SOURCE.uri]: SOURCE.organization },
  separateNotes: [],
}
const SITES: Readonly<Record<string, JsonObject>> = {
  'where law permits without a Consent': { ...CATEGORY_SITE, registry },
  'where nothing goes without a Consent': {
    ...CATEGORY_SITE,
    registry,
    policy: { defaultPolicy: 'deny', unknownSource: 'flag' },
  },
  'where substance-use content of unknown source is a Part 2 record': {
    ...CATEGORY_SITE,
    custodian: { ...CUSTODIAN, part2: 'program' },
    registry: { ...registry, part2Programs: ['Organization/program'] },
    policy: { defaultPolicy: 'law', unknownSource: 'assume' },
  },
}

describe.each(Object.entries(SITES))('%s', (_, overrides) => {
  let site: TestSite
  let origin: string
  /** What was answered, and what the FHIR API released, by patient. */
  const told: { heard: Heard; released: ReadonlySet<string>; n: number }[] = []

  beforeAll(async () => {
    site = await openTestSite({ resources, overrides })
    origin = new URL(await site.serve()).origin
    for (const { n } of patients) {
      const heard = await send(origin, site, { client: CLIENT }, { body: question({ patientId: `p${n}` }) })
      const released = new Set<string>()
      for (const type of ['Basic', 'Observation']) {
        const pages = await allPages(site, `${type}?patient=p${n}&_count=100`, { client: CLIENT })
        for (const reference of pages.flatMap(matchesOf)) released.add(reference)
      }
      told.push({ heard, released, n })
    }
  }, 180_000)
  afterAll(() => site.close())

  test('whoever obeys the exact answer releases nothing that the FHIR API withholds', () => {
    const wrong = told.flatMap(({ heard, released, n }) =>
      recordsOf(n).filter(held => exactReleases(heard.exact, held) && !released.has(held.reference)),
    )
    expect(wrong.map(({ reference, labels }) => [reference, labels.map(({ code }) => code)])).toEqual([])
  })

  test('nor whoever obeys the list of codes', () => {
    const wrong = told.flatMap(({ heard, released, n }) =>
      recordsOf(n).filter(held => flatReleases(heard.card.extension, held) && !released.has(held.reference)),
    )
    expect(wrong.map(({ reference }) => reference)).toEqual([])
  })

  test('where Consents speak of labels alone, both agree on every record without source and code', () => {
    const compared = told
      .filter(({ n, heard }) => isPlain(n) && heard.exact.decision !== 'no-consent')
      .flatMap(({ heard, released, n }) =>
        recordsOf(n)
          .filter(({ source, codes }) => source === undefined && codes === undefined)
          .map(held => ({
            record: held.reference,
            labels: held.labels.map(({ code }) => code),
            consult: exactReleases(heard.exact, held),
            api: released.has(held.reference),
          })),
      )
    expect(compared.filter(({ consult, api }) => consult !== api)).toEqual([])
    expect(compared.filter(({ api }) => api).length).toBeGreaterThan(20)
    expect(compared.filter(({ api }) => !api).length).toBeGreaterThan(20)
  })

  test('every decision was met', () => {
    const decisions = new Set(told.map(({ heard }) => heard.card.summary))
    expect([...decisions].sort()).toEqual(['CONSENT_DENY', 'CONSENT_PERMIT', 'NO_CONSENT'])
    expect(told.every(({ heard }) => heard.status === 200)).toBe(true)
  })
})
