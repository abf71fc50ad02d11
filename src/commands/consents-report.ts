import { describeConsents } from '../consent/describe.ts'
import { describeProvisions, type ProvisionDescription } from '../consent/provisions.ts'
import type { ConsentReaderOptions } from '../consent/reader.ts'
import type { FormQuestion } from '../decide/consent-kinds.ts'
import type { FormTemplate } from '../forms/template.ts'
import type { ConsentDirective, ConsentForm, ConsentOnFile, ConsentState } from '../model/consent.ts'
import type { ConsentReader } from '../model/doors.ts'
import type { JsonObject, JsonValue, Resource } from '../model/fhir.ts'
import { provisionInWords } from './consents-words.ts'
import { inWords, lacking } from './form-check.ts'

/** One Consent as it is told. */
export interface ConsentReport {
  readonly reference: string
  readonly version?: string
  readonly server: string
  readonly state: ConsentState
  readonly why: string
  readonly status?: string
  readonly scope: readonly string[]
  readonly category: readonly string[]
  readonly signedOn?: string
  readonly period?: { readonly start?: string; readonly end?: string }
  readonly policies: readonly string[]
  readonly base?: 'permit' | 'deny'
  readonly provisions: readonly (ProvisionDescription & { readonly words: string })[]
  /** Why the provisions cannot be told. */
  readonly unreadable?: string
  /** Against the law the form names: what it must be, and what it lacks for that. */
  readonly form?: { readonly kind: string; readonly citation: string; readonly lacks: readonly string[] }
}

export interface ReportRooms {
  readonly reader: ConsentReader
  readonly readerOptions: ConsentReaderOptions
  readonly templates: readonly FormTemplate[]
  readonly question: FormQuestion
  readonly zone: string
  readonly server: string
}

/** What is told of one Consent: nothing of the chart, only what the Consent itself says. */
export function reportOf(directive: ConsentDirective, rooms: ReportRooms): ConsentReport {
  const { ref, state, copy } = directive
  const [described] = describeConsents([directive])
  const provisions = describeProvisions({ ref, resource: copy }, rooms.readerOptions, rooms.zone)
  const readable = 'unreadable' in provisions ? [] : provisions
  const [root] = readable
  const form = formOf(directive, rooms)
  const { periodStart: start, periodEnd: end } = directive.form
  return {
    reference: ref.reference,
    ...(ref.version === undefined ? {} : { version: ref.version }),
    server: ref.source === undefined || ref.source === 'upstream' ? rooms.server : ref.source,
    state,
    why: described?.why ?? '',
    ...text('status', copy['status']),
    scope: codesIn([copy['scope']]),
    category: codesIn(Array.isArray(copy['category']) ? copy['category'] : []),
    ...text('signedOn', copy['dateTime']),
    ...(start === undefined && end === undefined
      ? {}
      : { period: { ...text('start', start), ...text('end', end) } }),
    policies: directive.form.policies,
    ...(root === undefined ? {} : { base: root.type }),
    provisions: readable.map(one => ({ ...one, words: provisionInWords(one) })),
    ...('unreadable' in provisions ? { unreadable: provisions.unreadable } : {}),
    ...(form === undefined ? {} : { form }),
  }
}

function text<K extends string>(name: K, value: JsonValue | undefined): { [P in K]?: string } {
  return typeof value === 'string' ? ({ [name]: value } as { [P in K]?: string }) : {}
}

function codesIn(concepts: readonly (JsonValue | undefined)[]): readonly string[] {
  return concepts.flatMap(concept => {
    const codings = isObject(concept) ? concept['coding'] : undefined
    const list = Array.isArray(codings) ? codings.filter(isObject) : []
    return list.map(({ code, display }) =>
      display === undefined ? String(code ?? '') : `${String(code ?? '')} (${String(display)})`,
    )
  })
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The check of the form that the Consent comes closest to by its policy, labels and purposes. */
function formOf(directive: ConsentDirective, rooms: ReportRooms): ConsentReport['form'] {
  if (directive.state === 'not-privacy') return undefined
  const form = formFacts(directive, rooms)
  const template = form === undefined ? undefined : closest(form, rooms.templates)
  if (form === undefined || template === undefined) return undefined
  const gaps = template.meets.flatMap(kind => lacking(kind, form, rooms.question))
  return {
    kind: template.kind,
    citation: template.citation,
    lacks: [...new Set(gaps)].map(gap => inWords(gap, rooms.templates)),
  }
}

/** Form facts of a Consent that is not in force are read as if it were. */
function formFacts(
  { ref, state, copy, form }: ConsentDirective,
  rooms: ReportRooms,
): ConsentForm | undefined {
  if (state === 'unreadable') return undefined
  if (state !== 'inactive') return form
  const asIfActive: Resource = { ...copy, status: 'active' }
  const onFile: ConsentOnFile = { ref, resource: asIfActive }
  const [read] = rooms.reader.read([onFile], rooms.question.context.at, rooms.zone)
  return read?.state === 'unreadable' ? undefined : read?.form
}

function closest(form: ConsentForm, templates: readonly FormTemplate[]): FormTemplate | undefined {
  const fitting = templates.filter(template => fits(form, template))
  return fitting.toSorted((left, right) => weight(right) - weight(left))[0]
}

/** Only forms that a law row asks for can lack something for it. */
function fits(form: ConsentForm, { policyRule, provision, meets, state }: FormTemplate): boolean {
  if (meets.length === 0 || state !== undefined) return false
  if (policyRule === undefined || !form.policies.includes(policyRule.code)) return false
  const { labels = [], purposes = [] } = provision
  return (
    (form.labels.length === 0 || labels.every(({ code }) => form.labels.includes(code))) &&
    purposes.every(code => form.purposes.includes(code))
  )
}

/** The form that says more of what it is about is meant. */
function weight({ provision: { labels = [], purposes = [] } }: FormTemplate): number {
  return labels.length + purposes.length
}
