import { createConsentReader } from '../../src/consent/reader.ts'
import { BUILT_IN_PROFILES } from '../../src/data/profiles.ts'
import { loadPurposes } from '../../src/data/purpose.ts'
import type { ConsentOnFile, ConsentQuestion } from '../../src/model/consent.ts'
import { type JsonObject, type LiteralReference, type Resource, SYSTEM } from '../../src/model/fhir.ts'
import type { Confidentiality, LabelledResource } from '../../src/model/label.ts'

const CONSENTS = 10
/** Nested in the root of each. */
const PROVISIONS = 9
const RECORDS = 200

const reason = (code: string): JsonObject => ({ system: SYSTEM.actReason, code })
const label = (code: string): JsonObject => ({ system: SYSTEM.actCode, code })
const recipient = (reference: string): JsonObject => ({
  role: { coding: [{ system: SYSTEM.participationType, code: 'IRCP' }] },
  reference: { reference },
})
const SENSITIVE = ['SUD', 'HIV', 'PSY', 'SEX', 'STD', 'GDIS', 'MH', 'SDV', 'ETHUD']

/** A provision of every kind of selector in turn; some are about somebody else. */
function nested(consent: number, nth: number): JsonObject {
  const who = nth % 4 === 0 ? { actor: [recipient(`Organization/other-${consent}-${nth}`)] } : {}
  const limits: readonly JsonObject[] = [
    { securityLabel: [label(SENSITIVE[(consent + nth) % SENSITIVE.length] as string)] },
    { class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'DocumentReference' }] },
    { code: [{ coding: [{ system: 'http://loinc.org', code: `${consent}${nth}-1` }] }] },
    { dataPeriod: { start: `19${70 + nth}`, end: `19${70 + nth}` } },
    { data: [{ meaning: 'instance', reference: { reference: `Observation/x${consent}-${nth}` } }] },
    { purpose: [reason('HMARKT')] },
  ]
  return { type: 'deny', ...who, ...limits[nth % limits.length] }
}

function consents(): readonly ConsentOnFile[] {
  return Array.from({ length: CONSENTS }, (_, index) => {
    const resource: Resource = {
      resourceType: 'Consent',
      id: `c${index}`,
      status: 'active',
      scope: {
        coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
      },
      patient: { reference: 'Patient/p' },
      dateTime: '2024-01-01',
      provision: {
        type: 'permit',
        actor: [recipient('Organization/requester')],
        purpose: [reason('TREAT')],
        provision: Array.from({ length: PROVISIONS }, (__, nth) => nested(index, nth)),
      },
    }
    return { ref: { reference: `Consent/c${index}` }, resource }
  })
}

function record(nth: number): LabelledResource {
  const reference: LiteralReference = `Observation/r${nth}`
  const codes = nth % 5 === 0 ? [SENSITIVE[nth % SENSITIVE.length] as string] : []
  const labels = codes.map(code => ({
    system: SYSTEM.actCode,
    code,
    origin: 'code' as const,
    rule: 'bench',
    confidence: 1,
  }))
  const confidentiality: Confidentiality = codes.length > 0 ? 'R' : 'N'
  return {
    facts: {
      hash: `h${nth}`,
      bytes: new Uint8Array(),
      type: 'Observation',
      id: `r${nth}`,
      reference,
      lastUpdated: '2024-05-01T10:00:00Z',
      patients: ['Patient/p'],
      patientData: true,
      references: [
        { path: 'subject', element: 'subject', target: 'Patient/p', kind: 'literal' },
        { path: 'performer[0]', element: 'performer', target: 'Practitioner/d', kind: 'literal' },
      ],
      labels,
      codings: [{ system: 'http://loinc.org', code: '718-7' }],
      dates: [{ start: '2024-04-30', end: '2024-04-30' }],
      profiles: [],
      sourceReferences: ['Practitioner/d'],
      lineageReferences: [],
    },
    labels,
    confidentiality,
    codes: new Set(codes),
    source: 'Organization/requester',
    part2: false,
    classKey: `${nth}`,
  }
}

/** Decisions a second on one core: all Consents of one patient asked of one record, compiled once. */
export interface ConsentSpeed {
  /** The same records met again. */
  readonly known: number
  /** Records never met before: what a rule looks at in them is worked out too. */
  readonly fresh: number
  /** Of these decisions, how many permit. */
  readonly permitted: number
}

/** A patient with ten Consents of ten provisions each; the best of five rounds, seconds of CPU. */
export function consentSpeed(): ConsentSpeed {
  const reader = createConsentReader(loadPurposes(`${BUILT_IN_PROFILES}purpose`))
  const question: ConsentQuestion = {
    at: new Date('2024-06-01T12:00:00Z'),
    zone: 'UTC',
    action: 'access',
    purposes: ['TREAT'],
    actors: [{ role: 'recipient', reference: 'Organization/requester' }],
    recipientClasses: [],
    directory: { resolve: () => undefined },
  }
  const directives = reader.read(consents(), question.at, question.zone)
  const decide = (resource: LabelledResource): boolean =>
    reader.ask(directives, question, resource).every(({ effect }) => effect === 'permit')
  const timed = (records: readonly LabelledResource[], rounds: number): number => {
    const before = process.cpuUsage()
    for (let round = 0; round < rounds; round++) for (const one of records) decide(one)
    const { user, system } = process.cpuUsage(before)
    return (records.length * rounds * 1e6) / (user + system)
  }
  const records = Array.from({ length: RECORDS }, (_, nth) => record(nth))
  timed(records, 100)
  const known = Array.from({ length: 5 }, () => timed(records, 300))
  const fresh = Array.from({ length: 5 }, () =>
    timed(
      Array.from({ length: 20_000 }, (_, nth) => record(nth)),
      1,
    ),
  )
  return {
    known: Math.max(...known),
    fresh: Math.max(...fresh),
    permitted: records.filter(decide).length / RECORDS,
  }
}
