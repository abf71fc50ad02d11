import { createHash } from 'node:crypto'
import { createConsentReader } from '../../src/consent/reader.ts'
import { loadPurposes } from '../../src/data/purpose.ts'
import type { ConsentOnFile, ConsentQuestion, ConsentVerdict, Directory } from '../../src/model/consent.ts'
import type { ConsentReader } from '../../src/model/doors.ts'
import type { Coding, JsonObject, JsonValue, LiteralReference, Resource } from '../../src/model/fhir.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import {
  CONFIDENTIALITY_ORDER,
  type Confidentiality,
  type Label,
  type LabelledResource,
  type ReferenceFact,
} from '../../src/model/label.ts'

export const purposes = loadPurposes(new URL('../../profiles/purpose', import.meta.url).pathname)
export const reader: ConsentReader = createConsentReader(purposes)

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

interface Walk {
  readonly references: ReferenceFact[]
  readonly codings: Coding[]
}

function walk(value: JsonValue | undefined, path: string, element: string, found: Walk): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => {
      walk(item, `${path}[${index}]`, element, found)
    })
  }
  if (!isObject(value)) return
  if (typeof value['reference'] === 'string' || isObject(value['identifier'])) {
    const target = typeof value['reference'] === 'string' ? value['reference'] : ''
    const identifier = isObject(value['identifier']) ? { identifier: value['identifier'] as object } : {}
    found.references.push({
      path,
      element,
      target,
      kind: target === '' ? 'logical' : 'literal',
      ...identifier,
    })
  }
  if (typeof value['code'] === 'string' && element !== 'meta.security')
    found.codings.push(value as unknown as Coding)
  for (const [key, part] of Object.entries(value)) {
    walk(part, path === '' ? key : `${path}.${key}`, element === '' ? key : `${element}.${key}`, found)
  }
}

function label(coding: Coding): Label {
  const { system = '', code } = coding
  return { system, code, origin: 'upstream', rule: 'upstream', confidence: 1 }
}

function datesOf(resource: Resource): readonly { readonly start?: string; readonly end?: string }[] {
  const instant = ['effectiveDateTime', 'created', 'authoredOn', 'onsetDateTime'].flatMap(element => {
    const value = resource[element]
    return typeof value === 'string' ? [{ start: value, end: value }] : []
  })
  const periods = ['effectivePeriod', 'period'].flatMap(element => {
    const value = resource[element]
    return isObject(value) ? [value as { start?: string; end?: string }] : []
  })
  return [...instant, ...periods]
}

/** A resource as the labeller would hand it over when it trusts `meta.security` as it stands. */
export function labelled(resource: Resource, extra: Partial<LabelledResource> = {}): LabelledResource {
  const found: Walk = { references: [], codings: [] }
  walk(resource, '', '', found)
  const meta = isObject(resource['meta']) ? resource['meta'] : {}
  const security = (meta['security'] ?? []) as unknown as readonly Coding[]
  const ranks = security.map(({ code }) => CONFIDENTIALITY_ORDER.indexOf(code as Confidentiality))
  const rank = Math.max(...ranks.filter(index => index >= 0), -1)
  const labels = security.filter(({ system }) => system !== SYSTEM.confidentiality).map(label)
  const reference: LiteralReference = `${resource.resourceType}/${resource.id ?? ''}`
  const patients = found.references
    .map(({ target }) => target)
    .filter(target => target.startsWith('Patient/'))
  const hash = createHash('sha256').update(JSON.stringify(resource)).digest('base64url')
  return {
    facts: {
      hash,
      bytes: new Uint8Array(),
      type: resource.resourceType,
      id: resource.id ?? '',
      reference,
      ...(typeof meta['lastUpdated'] === 'string' ? { lastUpdated: meta['lastUpdated'] } : {}),
      patients: [...new Set(patients)].sort(),
      patientData: true,
      references: found.references,
      labels,
      codings: found.codings,
      dates: datesOf(resource),
      profiles: (meta['profile'] ?? []) as unknown as readonly string[],
      sourceReferences: [],
      lineageReferences: [],
      resource,
    },
    labels,
    confidentiality: CONFIDENTIALITY_ORDER[rank] ?? 'N',
    codes: new Set(labels.map(({ code }) => code)),
    part2: false,
    classKey: reference,
    ...extra,
  }
}

export function directory(resources: readonly Resource[], unresolvable: readonly string[] = []): Directory {
  const byReference = new Map(
    resources.map(resource => [`${resource.resourceType}/${resource.id}`, resource]),
  )
  return {
    resolve: reference => (unresolvable.includes(reference) ? undefined : byReference.get(reference)),
    unresolvable: reference => unresolvable.includes(reference),
  }
}

export const NOWHERE: Directory = directory([])

export function question(overrides: Partial<ConsentQuestion> = {}): ConsentQuestion {
  return {
    at: new Date('2024-06-01T12:00:00Z'),
    zone: 'UTC',
    action: 'access',
    purposes: ['TREAT'],
    actors: [{ role: 'recipient', reference: 'Organization/x' }],
    recipientClasses: [],
    directory: NOWHERE,
    ...overrides,
  }
}

export const coding = (system: string, code: string) => ({ system, code })
export const act = (code: string) => coding(SYSTEM.actCode, code)
export const conf = (code: string) => coding(SYSTEM.confidentiality, code)
export const reason = (code: string) => coding(SYSTEM.actReason, code)
export const type = (code: string) => coding('http://hl7.org/fhir/resource-types', code)
export const actor = (role: string, reference: JsonObject) => ({
  role: { coding: [coding(SYSTEM.participationType, role)] },
  reference,
})
export const recipient = (reference: string) => actor('IRCP', { reference })

let count = 0
/** A complete active privacy Consent with this provision. */
export function consent(provision: JsonObject | undefined, overrides: JsonObject = {}): ConsentOnFile {
  count += 1
  const id = typeof overrides['id'] === 'string' ? overrides['id'] : `c${count}`
  const resource: Resource = {
    resourceType: 'Consent',
    id,
    status: 'active',
    scope: { coding: [coding('http://terminology.hl7.org/CodeSystem/consentscope', 'patient-privacy')] },
    category: [{ coding: [coding('http://loinc.org', '59284-0')] }],
    patient: { reference: 'Patient/p1' },
    dateTime: '2020-01-01',
    ...(provision === undefined ? {} : { provision }),
    ...overrides,
  }
  return { ref: { reference: `Consent/${id}` }, resource }
}

export const optIn = { policyRule: { coding: [act('OPTIN')] } }
export const optOut = { policyRule: { coding: [act('OPTOUT')] } }

export const PLAIN: Resource = {
  resourceType: 'Observation',
  id: 'plain',
  status: 'final',
  code: { coding: [coding('http://loinc.org', '718-7')] },
  subject: { reference: 'Patient/p1' },
}

/** The one verdict of one Consent on one resource. */
export function verdict(
  onFile: ConsentOnFile,
  asked: ConsentQuestion = question(),
  resource: LabelledResource = labelled(PLAIN),
  by: ConsentReader = reader,
): ConsentVerdict | undefined {
  return by.ask(by.read([onFile], asked.at, asked.zone), asked, resource)[0]
}

export function effect(
  provision: JsonObject,
  asked: ConsentQuestion = question(),
  resource: Resource | LabelledResource = PLAIN,
): string {
  const subject = 'facts' in resource ? (resource as LabelledResource) : labelled(resource as Resource)
  return verdict(consent(provision), asked, subject)?.effect ?? 'none'
}
