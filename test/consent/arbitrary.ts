import fc from 'fast-check'
import type { ConsentOnFile, ConsentQuestion } from '../../src/model/consent.ts'
import type { JsonObject, LiteralReference, Resource } from '../../src/model/fhir.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { LabelledResource } from '../../src/model/label.ts'
import { STRANGE_EXTENSION, TYPE_EXTENSION } from '../spec/provision.ts'
import { act, actor, coding, conf, directory, labelled, reason, type } from './fixtures.ts'

const npi = (value: string) => [{ system: 'http://hl7.org/fhir/sid/us-npi', value }]
const to = (reference: string) => ({ reference })

/** A small world of organizations, people, roles and groups, some of them inactive, nested or pointing nowhere. */
export const WORLD: readonly Resource[] = [
  { resourceType: 'Organization', id: 'o1', identifier: npi('1') },
  { resourceType: 'Organization', id: 'o2', identifier: npi('2'), partOf: to('Organization/o1') },
  { resourceType: 'Organization', id: 'o3', partOf: to('Organization/o9') },
  { resourceType: 'Practitioner', id: 'd1', identifier: npi('11') },
  {
    resourceType: 'PractitionerRole',
    id: 'r1',
    practitioner: to('Practitioner/d1'),
    organization: to('Organization/o2'),
  },
  {
    resourceType: 'PractitionerRole',
    id: 'r2',
    active: false,
    practitioner: to('Practitioner/d1'),
    organization: to('Organization/o3'),
  },
  { resourceType: 'Device', id: 'a1', owner: to('Organization/o1') },
  {
    resourceType: 'Group',
    id: 'g1',
    member: [{ entity: to('Organization/o1') }, { entity: to('PractitionerRole/r1') }],
  },
  {
    resourceType: 'Group',
    id: 'g2',
    member: [{ entity: to('Group/g1') }, { entity: to('Organization/o3'), inactive: true }],
  },
  { resourceType: 'Group', id: 'g3', code: { coding: [coding(SYSTEM.recipientClass, 'health-plans')] } },
  { resourceType: 'Group', id: 'g4', active: false, member: [{ entity: to('Practitioner/d1') }] },
  {
    resourceType: 'CareTeam',
    id: 't1',
    status: 'active',
    participant: [
      { member: to('Practitioner/d1'), period: { end: '2024-05-31' } },
      { member: to('Organization/o3') },
    ],
  },
  { resourceType: 'Encounter', id: 'e1', diagnosis: [{ condition: to('Observation/s1') }] },
]

const PARTIES = [
  'Organization/o1', 'Organization/o2', 'Organization/o3', 'Organization/o9', 'Practitioner/d1', 'PractitionerRole/r1', 'PractitionerRole/r2',
  'PractitionerRole/r9', 'Device/a1', 'Group/g1', 'Group/g2', 'Group/g3', 'Group/g4', 'Group/g9', 'CareTeam/t1',
] // biome-ignore format: a list of names

const pick = <T>(...values: readonly T[]) => fc.constantFrom(...values)
const some = <T>(of: fc.Arbitrary<T>, most = 2) => fc.array(of, { minLength: 1, maxLength: most })
/** Left out `absent` times as often as it stands. */
const maybe = <T>(of: fc.Arbitrary<T>, absent = 3) =>
  fc.oneof({ weight: absent, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: of })
const defined = (value: object): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as JsonObject

const day = pick('2023', '2024', '2024-05', '2024-06', '2024-05-31', '2024-06-01', '2024-06-02', '2025-01-01')
const period = fc.record({ start: maybe(day, 1), end: maybe(day, 1) }).map(defined)
const party = pick(...PARTIES)
const named = fc.oneof(
  { weight: 6, arbitrary: party.map(to) },
  { weight: 1, arbitrary: pick('1', '2', '7').map(value => ({ identifier: npi(value)[0] as JsonObject })) },
)
const role = pick('IRCP', 'IRCP', 'IRCP', 'PRCP', 'CST', 'AUT', 'WIT')
const code = pick('86406008', '718-7')
const snomed = code.map(value => coding('http://snomed.info/sct', value))
const policyCode = pick(
  coding('urn:oid:2.16.840.1.113883.3.1937.777.24.5.3', '2.16.840.1.113883.3.1937.777.24.5.3.8'),
  coding('http://terminology.hl7.org/CodeSystem/consentpolicycodes', 'cric'),
  coding('https://ths-greifswald.de/fhir/CodeSystem/gics/Policy/MII', 'MDAT_erheben'),
)
const data = fc.record({
  meaning: pick('instance', 'related', 'dependents', 'authoredby'),
  reference: pick(
    'Observation/s1',
    'Encounter/e1',
    'Encounter/e9',
    'Practitioner/d1',
    'Organization/o2',
    'PractitionerRole/r1',
  ).map(to),
})
/** Systems of labels that are not ours: one that a site may say its upstream uses completely, and another. */
export const COMPLETE = 'https://site.example/labels'
const OTHERS = 'https://others.example/labels'
const securityLabel = pick(
  conf('N'), conf('R'), conf('V'), act('SUD'), act('ETH'), act('ETHUD'), act('HIV'), act('PSY'), act('SEX'), act('PSYTHPN'), act('BH'), act('MENCAT'), act('ADOL'), act('42CFRPart2'), act('UNHEARDOF'), coding(COMPLETE, 'ALPHA'), coding(COMPLETE, 'BETA'), coding(OTHERS, 'ALPHA'),
) // biome-ignore format: a list of codes

const elements = {
  period: maybe(period, 3),
  actor: maybe(some(fc.tuple(role, named).map(([code, reference]) => actor(code, reference))), 2),
  action: maybe(
    some(
      pick('access', 'disclose', 'use', 'correct', 'collect').map(value => ({
        coding: [coding(SYSTEM.consentAction, value)],
      })),
    ),
    5,
  ),
  securityLabel: maybe(some(securityLabel), 2),
  purpose: maybe(
    some(
      pick('TREAT', 'ETREAT', 'BTG', 'HOPERAT', 'HLEGAL', 'HPAYMT', 'HRESCH', 'CLINTRCH', 'UNHEARDOF').map(
        reason,
      ),
    ),
    2,
  ),
  class: maybe(some(pick('Observation', 'Condition').map(type)), 4),
  code: maybe(
    some(
      fc.oneof(
        { weight: 5, arbitrary: snomed.map(item => ({ coding: [item] })) },
        { weight: 1, arbitrary: fc.constant({ text: 'words' }) },
        { weight: 1, arbitrary: policyCode.map(item => ({ coding: [item] })) },
      ),
    ),
    5,
  ),
  dataPeriod: maybe(period, 5),
  data: maybe(some(data), 5),
}

/** Types told by an extension, in the place of a written one or beside it; rarely one that nobody knows. */
const extension = fc.oneof(
  { weight: 6, arbitrary: pick('permit', 'deny').map(valueCode => [{ url: TYPE_EXTENSION, valueCode }]) },
  { weight: 1, arbitrary: fc.constant([{ url: STRANGE_EXTENSION, valueCode: 'x' }]) },
)
const typed = fc.oneof(
  { weight: 9, arbitrary: fc.record({ type: pick('permit', 'deny') }) },
  { weight: 1, arbitrary: fc.record({ type: maybe(pick('permit', 'deny'), 1), extension }) },
)

function provision(depth: number): fc.Arbitrary<JsonObject> {
  const children = depth === 0 ? fc.constant(undefined) : maybe(some(provision(depth - 1), 3), 1)
  return fc
    .tuple(typed, fc.record({ ...elements, provision: children }))
    .map(([type, rest]) => defined({ ...type, ...rest }))
}

/** One provision in the other, down to the limit or one beyond it. */
const deep = fc
  .tuple(
    fc.integer({ min: 4, max: 9 }),
    fc.array(
      fc.record({ type: pick('permit', 'deny'), purpose: elements.purpose, period: elements.period }),
      {
        minLength: 9,
        maxLength: 9,
      },
    ),
  )
  .map(([depth, levels]) =>
    levels
      .slice(0, depth)
      .reduceRight<JsonObject>(
        (child, level, index) => defined({ ...level, provision: index === depth - 1 ? undefined : [child] }),
        {},
      ),
  )

const root = fc.oneof(
  { weight: 8, arbitrary: provision(2) },
  { weight: 1, arbitrary: deep },
  { weight: 2, arbitrary: fc.record({ type: pick('permit', 'deny'), provision: some(provision(1), 3) }) },
  {
    weight: 1,
    arbitrary: fc
      .record({
        period: maybe(period, 1),
        purpose: maybe(some(fc.constant(reason('TREAT'))), 4),
        provision: maybe(some(provision(0)), 1),
      })
      .map(defined),
  },
) as fc.Arbitrary<JsonObject>

let count = 0
export const consentArbitrary: fc.Arbitrary<ConsentOnFile> = fc
  .record({
    scope: fc
      .oneof(
        { weight: 5, arbitrary: fc.constant('patient-privacy') },
        { weight: 1, arbitrary: fc.constant('research') },
      )
      .map(value => ({ coding: [coding('http://terminology.hl7.org/CodeSystem/consentscope', value)] })),
    status: fc.oneof(
      { weight: 12, arbitrary: fc.constant('active') },
      { weight: 1, arbitrary: pick('inactive', 'proposed') },
    ),
    policyRule: maybe(
      pick('OPTIN', 'OPTOUT', 'hipaa-auth').map(value => ({ coding: [act(value)] })),
      1,
    ),
    patient: fc
      .oneof(
        { weight: 9, arbitrary: fc.constant('Patient/p1') },
        { weight: 1, arbitrary: fc.constant('Patient/p2') },
      )
      .map(to),
    provision: root,
    category: fc.constant([{ coding: [coding('http://loinc.org', '59284-0')] }]),
    dateTime: pick('2020-01-01', '2022-01-01', '2023-01-01'),
    verification: maybe(
      some(
        fc
          .record({
            verified: fc.boolean(),
            verificationDate: maybe(pick('2024', '2024-05-31', '2024-06-01', '2024-06-02'), 1),
            verifiedWith: maybe(pick('Patient/p1', 'Patient/p2', 'RelatedPerson/r').map(to), 1),
          })
          .map(defined),
      ),
      1,
    ),
    modifierExtension: maybe(fc.constant([{ url: 'http://example.org/modifier', valueBoolean: true }]), 30),
  })
  .map(parts => {
    count += 1
    const resource: Resource = {
      resourceType: 'Consent',
      id: `c${count}`,
      ...(defined(parts) as JsonObject),
    }
    return { ref: { reference: `Consent/${resource.id}` }, resource }
  })

const askedActor = fc
  .record({ role: pick('recipient', 'recipient', 'recipient', 'discloser', 'source'), who: named })
  .map(({ role: as, who }) => ({ role: as, ...who }) as ConsentQuestion['actors'][number])

export const questionArbitrary: fc.Arbitrary<ConsentQuestion> = fc.record({
  at: pick('2024-05-31T23:59:59Z', '2024-06-01T00:00:00Z', '2024-06-01T12:00:00Z').map(
    text => new Date(text),
  ),
  zone: fc.constant('UTC'),
  action: pick('access', 'access', 'disclose', 'use', 'correct', 'collect'),
  purposes: fc.uniqueArray(
    pick('TREAT', 'ETREAT', 'BTG', 'HOPERAT', 'HLEGAL', 'HPAYMT', 'CAREMGT', 'HRESCH', 'CLINTRCH'),
    {
      maxLength: 2,
    },
  ),
  actors: fc.array(askedActor, { maxLength: 3 }),
  recipientClasses: fc.subarray(['health-plans', 'treating-providers']),
  directory: fc.subarray(PARTIES, { maxLength: 2 }).map(unreadable => directory(WORLD, unreadable)),
})

const security = fc.uniqueArray(
  pick(
    'SUD',
    'ETH',
    'ETHUD',
    'OPIOIDUD',
    'HIV',
    'PSY',
    'MH',
    'MENCAT',
    'ADOL',
    'PSYTHPN',
    'PREGNANT',
    '42CFRPart2',
    'UNASSESSED',
  ),
  {
    maxLength: 3,
  },
)

export const resourceArbitrary: fc.Arbitrary<LabelledResource> = fc
  .record({
    resourceType: pick('Observation', 'Condition'),
    id: pick('s1', 's2'),
    level: pick('L', 'N', 'R', 'V'),
    security,
    own: maybe(pick(coding(COMPLETE, 'ALPHA'), coding(COMPLETE, 'BETA'), coding(OTHERS, 'ALPHA')), 2),
    subject: maybe(pick('Patient/p1', 'Patient/p2').map(to), 5),
    code: maybe(
      some(snomed).map(items => ({ coding: items })),
      2,
    ),
    performer: maybe(
      some(pick('Practitioner/d1', 'PractitionerRole/r1', 'PractitionerRole/r9', 'Organization/o2').map(to)),
      1,
    ),
    encounter: maybe(pick('Encounter/e1', 'Encounter/e9').map(to), 1),
    effectiveDateTime: maybe(pick('2024-05-31', '2024-06-01', '2024-06'), 2),
    effectivePeriod: maybe(period, 4),
    lastUpdated: maybe(pick('2024-05-31T10:00:00Z', '2024-06-02T10:00:00Z'), 1),
    source: maybe(pick<LiteralReference>('Organization/o1', 'Organization/o2', 'Organization/o9'), 1),
    origin: maybe(pick('Location/l1', 'Organization/o3', 'Organization/o2'), 2),
  })
  .map(({ level, security: codes, own, lastUpdated, source, origin, ...parts }) => {
    const labels = [conf(level), ...codes.map(act), ...(own === undefined ? [] : [own])]
    const meta = defined({ security: labels, lastUpdated })
    const made = labelled({ ...(defined(parts) as Resource), meta }, source === undefined ? {} : { source })
    return origin === undefined ? made : { ...made, facts: { ...made.facts, sourceReferences: [origin] } }
  })

/** Consents about the same few people, so that they contradict each other. */
export const rivals: fc.Arbitrary<readonly ConsentOnFile[]> = fc
  .tuple(fc.array(consentArbitrary, { minLength: 2, maxLength: 3 }), maybe(party.map(to), 1))
  .map(([consents, who]) =>
    consents.map(({ ref, resource }) => {
      const { actor: _, provision: __, ...root } = resource['provision'] as JsonObject
      const named = who === undefined ? {} : { actor: [actor('IRCP', who)] }
      return { ref, resource: { ...resource, provision: { type: 'permit', ...root, ...named } } }
    }),
  )
