/** Exchanges as the recorder meets them, small and by name. */
import { createHash } from 'node:crypto'
import type { ConsentDirective, ConsentForm, ConsentRef } from '../../src/model/consent.ts'
import type { DecidedResource, Reason, ResourceDecision } from '../../src/model/decision.ts'
import type { Received, Refused, Segmented } from '../../src/model/exchange.ts'
import type { LiteralReference } from '../../src/model/fhir.ts'
import type { DataInteraction, SearchInteraction } from '../../src/model/interaction.ts'
import type { ResourceFacts } from '../../src/model/label.ts'
import type { RefusalCode } from '../../src/model/refusal.ts'
import { Refusal } from '../../src/model/refusal.ts'
import type { PurposeOfUse, Requester } from '../../src/model/requester.ts'
import type { RecorderOptions } from '../../src/record/fragments.ts'

export const BASE_URL = 'https://gateway.example/fhir'
export const AT = new Date('2026-11-21T10:00:00.000Z')
export const EXCHANGE = '01980000-0000-7000-8000-00000000000e'
export const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJkci1hIn0.c2lnbmF0dXJlLWJ5dGVz'

export function recorderOptions(): RecorderOptions {
  let count = 0
  return {
    device: 'Device/consentry',
    deviceName: 'Consentry',
    organization: 'Organization/county',
    organizationName: 'County Hospital',
    baseUrl: BASE_URL,
    newId: () => `01980000-0000-7000-8000-${(++count).toString(16).padStart(12, '0')}`,
    now: () => AT,
  }
}

export const clinician: Requester = {
  key: 'https://issuer.example|user|dr-a',
  client: 'ed-client',
  registration: {
    issuer: 'https://issuer.example',
    clientId: 'ed-client',
    name: 'Emergency Department',
    identifiers: [{ system: 'http://hl7.org/fhir/sid/us-npi', value: '1234567893' }],
    hipaa: 'covered-entity',
    part2: 'none',
    role: 'provider',
    purposes: ['TREAT'],
    agreements: [],
    requiredAgreements: [],
    userRequired: false,
    mfaRequired: false,
    breakGlass: false,
    purposeHeader: false,
    views: [],
    enabled: true,
  },
  token: {
    issuer: 'https://issuer.example',
    subject: 'dr-a',
    clientId: 'ed-client',
    jti: 'token-1',
    expiresAt: 1_800_000_000,
    authenticationMethods: ['pwd'],
  },
  hipaa: 'covered-entity',
  part2: 'none',
  user: 'Practitioner/dr-a',
  userName: 'Dr "A" Example',
  userRoles: [{ system: 'http://snomed.info/sct', code: '158965000', display: 'Medical practitioner' }],
  actors: [],
  scopes: [],
  claims: {},
  residual: [],
}

const { userName: _name, user: _user, token: _token, ...machine } = clinician
/** A system client with an opaque token. */
export const systemClient: Requester = {
  ...machine,
  key: 'https://issuer.example|client|ed-client',
  userRoles: [],
  token: {
    issuer: 'https://issuer.example',
    subject: 'ed-client',
    clientId: 'ed-client',
    opaqueTail: '0123456789abcdef0123456789abcdef',
    expiresAt: 1_800_000_000,
    authenticationMethods: [],
  },
}

export const purposeOfUse: PurposeOfUse = {
  effective: ['TREAT'],
  asserted: ['TREAT'],
  registered: ['TREAT', 'HPAYMT'],
}

export function facts(
  type: string,
  id: string,
  patients: readonly string[],
  more: Partial<ResourceFacts> = {},
): ResourceFacts {
  return {
    hash: `${type}${id}`,
    bytes: new Uint8Array(),
    type,
    id,
    reference: `${type}/${id}` as LiteralReference,
    versionId: '2',
    patients,
    patientData: true,
    references: [],
    labels: [],
    codings: [],
    dates: [],
    profiles: [],
    sourceReferences: [],
    lineageReferences: [],
    ...more,
  }
}

export function decision(
  effect: ResourceDecision['effect'],
  because: Partial<Reason> = {},
): ResourceDecision {
  const reason: Reason = {
    rule: 'rule-1',
    source: 'law',
    effect: effect === 'deny' ? 'deny' : 'permit',
    ...because,
  }
  return {
    effect,
    because: [reason],
    obligations: [],
    caveats: [],
    notices: [],
    consents: [],
    redact: [],
  }
}

export const PERMIT = decision('permit')
export const TPO: ConsentRef = { reference: 'Consent/tpo', version: '3' }
export const PERMIT_BY_CONSENT: ResourceDecision = {
  ...decision('permit', { source: 'consent', consent: TPO, path: 'provision', rule: 'part2-consent' }),
  consents: [TPO],
}
export const DENY_BY_CONSENT = decision('deny', {
  source: 'consent',
  consent: { reference: 'Consent/refusal', version: '1' },
  path: 'provision.provision[0]',
  rule: 'consent-deny',
})

export function decided(resource: ResourceFacts, by: ResourceDecision): DecidedResource {
  return {
    decision: by,
    labelled: {
      facts: resource,
      labels: [],
      confidentiality: 'N',
      codes: new Set<string>(),
      part2: false,
      classKey: 'class',
    },
  }
}

const form: ConsentForm = {
  policies: ['42CFRPart2', 'https://www.ecfr.gov/current/title-42/part-2'],
  signed: true,
  dated: true,
  signers: [],
  purposes: [],
  labels: [],
  recipients: [],
  disclosers: [],
  items: {},
}

export function directive(ref: ConsentRef, patient: string): ConsentDirective {
  return {
    ref,
    state: 'enforceable',
    patient,
    form,
    looksInside: false,
    copy: { resourceType: 'Consent' },
    compiled: undefined,
  }
}

export function received(method: string, target: string, body = ''): Received {
  return {
    id: EXCHANGE,
    receivedAt: AT,
    request: {
      method,
      target,
      headers: [
        ['Accept', 'application/fhir+json'],
        ['Authorization', `Bearer ${TOKEN}`],
        ['Cookie', 'session=secret'],
        ['X-Request-Id', 'client-1'],
      ],
      body: Buffer.from(body),
      remoteAddress: '192.0.2.7',
    },
    correlation: {
      requestId: 'client-1',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    },
  }
}

export function read(resourceType: string, id: string): DataInteraction {
  return { code: 'read', resourceType, id }
}

export function search(
  resourceType: string,
  parameters: SearchInteraction['parameters'] = [],
  method: 'GET' | 'POST' = 'GET',
): SearchInteraction {
  return {
    code: 'search-type',
    resourceType,
    parameters,
    count: 20,
    includes: [],
    offset: 0,
    canonical: '',
    method,
  }
}

export interface Shape {
  readonly interaction: DataInteraction
  readonly released?: readonly DecidedResource[]
  readonly withheld?: readonly DecidedResource[]
  readonly requester?: Requester
  readonly request?: Received
  readonly directives?: readonly ConsentDirective[]
  readonly status?: number
}

function targetOf(interaction: DataInteraction): string {
  if (interaction.code === 'search-type') {
    const query = interaction.parameters
      .map(({ name, value }) => `${name}=${encodeURIComponent(value)}`)
      .join('&')
    return `/fhir/${interaction.resourceType}?${query}`
  }
  return `/fhir/${interaction.resourceType}/${interaction.id}`
}

export function segmented(shape: Shape): Segmented {
  const { interaction, released = [], withheld = [] } = shape
  const body = Buffer.from('{"resourceType":"Bundle"}')
  const byPatient = Map.groupBy(shape.directives ?? [], one => one.patient ?? '')
  return {
    ...(shape.request ?? received('GET', targetOf(interaction))),
    requester: shape.requester ?? clinician,
    purposeOfUse,
    interaction,
    raw: [],
    labelled: [],
    decision: { decision: 'permit', revision: 'rev-1', resources: [...released, ...withheld], unread: [] },
    directives: byPatient,
    release: {
      status: shape.status ?? (interaction.code !== 'search-type' && released.length === 0 ? 404 : 200),
      headers: {},
      body,
      digest: createHash('sha256').update(body).digest('hex'),
      released,
      withheld,
      obligations: [],
      notices: [],
    },
  }
}

export function refused(code: RefusalCode, more: Partial<Refused> = {}): Refused {
  return {
    ...received('GET', `/fhir/Observation?patient=p1&access_token=${TOKEN}`),
    refusal: new Refusal(code, { diagnostics: 'what was expected', detail: 'for the record only' }),
    ...more,
  }
}

export const patientParameter = { name: 'patient', value: 'p1', type: 'reference' } as const
