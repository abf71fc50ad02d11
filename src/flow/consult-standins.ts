import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import type { Labeller } from '../model/doors.ts'
import { type Coding, FHIR_ID, type Resource } from '../model/fhir.ts'
import type { LabelledResource, ResourceFacts } from '../model/label.ts'
import type { ProgramNames } from '../model/programs.ts'
import { keyOf } from './consult-vocabulary.ts'

/** The type of a record of which nothing is said. */
export const ANY_TYPE = 'Basic'

/** What a stand-in is to be: a record that says nothing but this. */
export interface Kind {
  /** A resource type (default any), a profile or a document code. */
  readonly content?: Coding
  readonly labels: readonly Coding[]
  /** The organization it comes from. */
  readonly source?: string
  /** A clinical code in it. */
  readonly code?: Coding
  /** It is this very resource, or made by this actor. */
  readonly instance?: string
  readonly author?: string
}

/** Whom the stand-ins are about, and when. */
export interface About {
  readonly patient: string
  readonly birthDate?: string
  readonly at: Date
  readonly programs: ProgramNames
}

/** Makes stand-ins: what the labeller would find on such a record of this patient. */
export type StandIns = (about: About, kind: Kind) => LabelledResource

const RESOURCE_TYPES = 'http://hl7.org/fhir/resource-types'
const TYPE = /^[A-Z][A-Za-z]{1,63}$/
/** Templates that are kept; what a site's labels and Consents name is far below. */
const TEMPLATES = 5000

/** Whether a content class names a resource type. */
export function isType({ system, code }: Coding): boolean {
  return (system === undefined || system === RESOURCE_TYPES) && TYPE.test(code)
}

export function typeCoding(type: string): Coding {
  return { system: RESOURCE_TYPES, code: type }
}

/**
 * Stand-ins of one labeller. Each kind goes through the labeller as bytes once, with the labels as the upstream's own, so
 * that it gets whatever a record with these labels gets; then it is given patient, type and source.
 */
export function createStandIns(labeller: Labeller): StandIns {
  const templates = new Map<string, ResourceFacts>()
  const templateOf = (kind: Kind): ResourceFacts => {
    const key = templateKey(kind)
    const known = templates.get(key)
    if (known !== undefined) return known
    const bytes = Buffer.from(JSON.stringify(template(kind)))
    const facts = labeller.assess({ bytes, hash: hash('sha256', bytes, 'base64url') })
    if (templates.size >= TEMPLATES) templates.clear()
    templates.set(key, facts)
    return facts
  }
  return ({ patient, birthDate, at, programs }, kind) =>
    labeller.label(
      placed(templateOf(kind), kind, patient),
      () => 'absent',
      { at, programs, ...(birthDate === undefined ? {} : { birthDate }) },
      () => [],
    )
}

function templateKey({ labels, content, code }: Kind): string {
  const inside = content === undefined || isType(content) ? [] : [content]
  return [keyOf(labels), keyOf(inside), keyOf(code === undefined ? [] : [code])].join('\n')
}

/** A document code or profile is seen only in a resource that may carry it. */
function template({ labels, content, code }: Kind): Resource {
  const document = content !== undefined && !isType(content)
  const isProfile = document && content.code.includes('/StructureDefinition/')
  return {
    resourceType: document && !isProfile ? 'DocumentReference' : ANY_TYPE,
    id: 'asked',
    meta: { security: labels, ...(isProfile ? { profile: [content.code] } : {}) },
    subject: { reference: 'Patient/asked' },
    ...(document && !isProfile ? { type: { coding: [content] } } : {}),
    ...(code === undefined ? {} : { code: { coding: [code] } }),
  } as unknown as Resource
}

/** The decider shares decisions by class and, where something looks inside, by hash: one hash a kind. */
function placed(template: ResourceFacts, kind: Kind, patient: string): ResourceFacts {
  const { content, source, instance, author } = kind
  const type = content !== undefined && isType(content) ? content.code : template.type
  const reference = instance ?? `${type}/asked`
  const { metaSource: _, ...rest } = template
  return {
    ...rest,
    type,
    id: reference.split('/')[1] ?? 'asked',
    reference: reference as ResourceFacts['reference'],
    hash: [template.hash, type, source ?? '', instance ?? '', author ?? '', patient].join(' '),
    patients: [patient],
    references:
      author === undefined ? [] : [{ path: 'author', element: 'author', target: author, kind: 'literal' }],
    sourceReferences: source === undefined ? [] : [source],
  }
}

/** `Type/id` as it may stand in a stand-in. */
export function isLocalReference(reference: string): boolean {
  const [type = '', id = '', ...rest] = reference.split('/')
  return rest.length === 0 && TYPE.test(type) && FHIR_ID.test(id)
}

/** What a stand-in stands for, in a few words, for the record. */
export function nameOf({ content, labels, source, code, instance, author }: Kind): string {
  const parts = [
    content?.code ?? 'any type',
    labels.length === 0 ? 'unlabelled' : labels.map(one => one.code).join('+'),
    ...(code === undefined ? [] : [`code ${code.code}`]),
    ...(source === undefined ? [] : [`from ${source}`]),
    ...(instance === undefined ? [] : [`as ${instance}`]),
    ...(author === undefined ? [] : [`by ${author}`]),
  ]
  return parts.join(', ')
}
