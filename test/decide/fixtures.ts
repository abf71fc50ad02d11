import { fileURLToPath } from 'node:url'
import { loadProfiles } from '../../src/data/profiles.ts'
import { loadPurposes } from '../../src/data/purpose.ts'
import { createDecider, type DeciderOptions } from '../../src/decide/decider.ts'
import type { ConsentDirective, ConsentForm, ConsentVerdict } from '../../src/model/consent.ts'
import type {
  AskConsents,
  Custodian,
  DecisionContext,
  ResourceDecision,
  SiteRegistry,
} from '../../src/model/decision.ts'
import type { Decider } from '../../src/model/doors.ts'
import type { LiteralReference, Resource } from '../../src/model/fhir.ts'
import type { LabelledResource, ReferenceFact, ResourceFacts } from '../../src/model/label.ts'
import type { Requester } from '../../src/model/requester.ts'

export const purposes = loadPurposes(fileURLToPath(new URL('../../profiles/purpose', import.meta.url)))
export const profiles = loadProfiles([], purposes)

/** The decider over the shipped law. */
export function shippedDecider(options: DeciderOptions = {}): Decider {
  return createDecider(profiles, {
    labelParents: purposes.labelParents,
    explicitPurposes: purposes.explicitPurposes,
    ...options,
  })
}

export const custodian: Custodian = {
  organization: 'Organization/custodian',
  state: 'NE',
  hipaa: 'covered-entity',
  part2: 'program',
}

export const registry: SiteRegistry = {
  part2Programs: ['Organization/program'],
  sudOnlyFacilities: [],
  notFederallyAssisted: [],
  sources: {},
  agreements: [],
  other: {},
}

export const hospital: Requester = {
  key: 'hospital',
  client: 'hospital',
  organization: 'Organization/hospital',
  state: 'NE',
  hipaa: 'covered-entity',
  part2: 'none',
  role: 'provider',
  relationship: 'treating',
  user: 'Practitioner/doctor',
  userRoles: [],
  actors: [],
  scopes: [],
  claims: {},
  residual: [],
}

export function contextOf(given: Partial<DecisionContext> = {}): DecisionContext {
  return {
    at: new Date('2026-09-15T15:00:00Z'),
    zone: 'UTC',
    custodian,
    registry,
    requester: hospital,
    purposes: ['TREAT'],
    action: 'disclose',
    directory: { resolve: () => undefined },
    policy: 'law',
    consents: new Map([['Patient/p', []]]),
    birthDates: new Map([['Patient/p', '1980-01-01']]),
    organizationPolicy: [],
    ...given,
  }
}

export interface ResourceGiven {
  readonly type?: string
  readonly id?: string
  readonly codes?: readonly string[]
  readonly part2?: boolean
  readonly source?: string
  readonly patients?: readonly string[]
  readonly patientData?: boolean
  readonly authors?: readonly string[]
  readonly dates?: ResourceFacts['dates']
  readonly codings?: ResourceFacts['codings']
  readonly notAssessable?: string
}

export function resourceOf(given: ResourceGiven = {}): LabelledResource {
  const type = given.type ?? 'Condition'
  const id = given.id ?? 'r'
  const reference: LiteralReference = `${type}/${id}`
  const patients = given.patients ?? ['Patient/p']
  const part2 = given.part2 ?? false
  const codes = new Set([...(given.codes ?? []), ...(part2 ? ['42CFRPart2', 'SUD'] : [])])
  const authors = (given.authors ?? []).map(
    (target, i): ReferenceFact => ({ path: `author[${i}]`, element: 'author', target, kind: 'literal' }),
  )
  const facts: ResourceFacts = {
    hash: reference,
    bytes: new Uint8Array(),
    type,
    id,
    reference,
    patients,
    patientData: given.patientData ?? true,
    references: authors,
    labels: [],
    codings: given.codings ?? [],
    dates: given.dates ?? [],
    profiles: [],
    sourceReferences: [],
    lineageReferences: [],
  }
  return {
    facts,
    labels: [],
    confidentiality: codes.size > 0 ? 'R' : 'N',
    codes,
    ...(given.source === undefined ? {} : { source: given.source }),
    part2,
    classKey: JSON.stringify([type, patients, [...codes].sort(), given.source, part2]),
    ...(given.notAssessable === undefined ? {} : { notAssessable: given.notAssessable }),
  }
}

const said = (items: readonly string[]) => Object.fromEntries(items.map(item => [item, 'true']))

/** A written Part 2 consent for treatment, payment and operations with every element of 2.31(a). */
export const tpoForm: ConsentForm = {
  policies: ['42CFRPart2'],
  signed: true,
  dated: true,
  dateTime: '2026-03-02',
  signers: ['Patient/p'],
  purposes: ['TREAT', 'HPAYMT', 'HOPERAT'],
  labels: ['42CFRPart2'],
  recipients: [{ reference: 'Group/tpo', classes: ['treating-providers', 'health-plans'] }],
  disclosers: [{ reference: 'Organization/program' }],
  items: {
    ...said(['1', '2', '3', '4', '5', '6', '8', '9'].map(number => `2.31(a)(${number})`)),
    '2.31(a)(7)': 'none',
    ...said(['2.31(a)(10)(i)', '2.31(a)(10)(ii)']),
  },
}

/** A written HIPAA authorization with every element of 164.508(c). */
export const authorizationForm: ConsentForm = {
  policies: ['hipaa-auth'],
  signed: true,
  dated: true,
  dateTime: '2026-03-02',
  signers: ['Patient/p'],
  purposes: ['TREAT'],
  labels: [],
  recipients: [{ reference: 'Organization/hospital', classes: [] }],
  disclosers: [{ reference: 'Organization/custodian' }],
  periodEnd: '2027-03-01',
  items: {},
}

export const emptyForm: ConsentForm = {
  policies: [],
  signed: false,
  dated: false,
  signers: [],
  purposes: [],
  labels: [],
  recipients: [],
  disclosers: [],
  items: {},
}

export function verdict(
  effect: ConsentVerdict['effect'],
  form: ConsentForm = emptyForm,
  reference = 'Consent/c',
): ConsentVerdict {
  return { ref: { reference, version: '1' }, effect, path: 'provision', form }
}

export function directive(
  form: ConsentForm = emptyForm,
  given: Partial<ConsentDirective> = {},
): ConsentDirective {
  const copy: Resource = { resourceType: 'Consent', id: 'c' }
  return {
    ref: { reference: 'Consent/c', version: '1' },
    state: 'enforceable',
    form,
    looksInside: false,
    copy,
    compiled: undefined,
    ...given,
  }
}

/** The decision of the shipped law on one resource; `verdicts` answer for every patient. */
export function decideOne(
  resource: LabelledResource,
  context: Partial<DecisionContext> = {},
  verdicts: readonly ConsentVerdict[] = [],
  decider: Decider = shippedDecider(),
): ResourceDecision {
  const consents = verdicts.length === 0 ? {} : { consents: new Map([['Patient/p', [directive()]]]) }
  const ask: AskConsents = () => verdicts
  const [decided] = decider.decide(contextOf({ ...consents, ...context }), [resource], ask)
  return decided!.decision
}

export function rulesOf(decision: ResourceDecision): readonly string[] {
  return decision.because.map(({ rule }) => rule)
}
