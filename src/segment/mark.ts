import type { DecidedResource } from '../model/decision.ts'
import { CLASSIFIER, DS4P, PROCESS_INLINE } from '../model/ds4p.ts'
import { type Coding, SYSTEM } from '../model/fhir.ts'
import {
  CONFIDENTIALITY_ORDER,
  type Confidentiality,
  type Label,
  type LabelledResource,
} from '../model/label.ts'
import { type LocatedLabel, located, writeInline } from './inline-labels.ts'
import type { MutableObject } from './redact.ts'

const CONFIDENTIALITY_DISPLAY: Readonly<Record<Confidentiality, string>> = {
  U: 'unrestricted',
  L: 'low',
  M: 'moderate',
  N: 'normal',
  R: 'restricted',
  V: 'very restricted',
}

/** Security label marks of THO that ask the recipient to render the display text. */
const REDISCLOSURE_MARK = 'RedisclosureProhibitionMark'

/** What a release carries besides its labels. */
export interface Accompaniment {
  /** Texts for extension-display, in order: statements, then the scope of the consent. */
  readonly texts: readonly string[]
  /** Gateway URLs of the Consents the release rests on. */
  readonly consents: readonly string[]
  /** Names texts and consents, for caches. */
  readonly key: string
}

/**
 * Whether a released resource carries labels at all; an unlabelled one leaves byte for byte. One whose upstream gave
 * another confidentiality than the highest is marked too: exactly one stands in a label.
 */
export function needsMarks({ labelled, decision }: DecidedResource, { texts }: Accompaniment): boolean {
  if (decision.caveats.length + texts.length > 0) return true
  const known = labelledAtAll.get(labelled)
  if (known !== undefined) return known
  const needs =
    visibleLabels(labelled).length > 0 ||
    labelled.facts.labels.some(
      label => label.system === SYSTEM.confidentiality && label.code !== labelled.confidentiality,
    )
  labelledAtAll.set(labelled, needs)
  return needs
}

const labelledAtAll = new WeakMap<LabelledResource, boolean>()

/** Labels a cleared requester is told: sensitivity and policy, not the house's own working notes. */
function visibleLabels(labelled: LabelledResource): Label[] {
  return labelled.labels.filter(
    label => label.code !== 'UNASSESSED' && label.system !== SYSTEM.confidentiality,
  )
}

/** Labels of our own that may be written. Tags that reveal why never stand on a Bundle, stored ones included. */
function ownLabels(labelled: LabelledResource): Label[] {
  if (labelled.facts.type === 'Bundle') return []
  return visibleLabels(labelled).filter(({ origin }) => origin !== 'upstream')
}

/** Where the labels of a resource were found: asked for before anything is taken out of it. */
export function foundParts(resource: MutableObject, { labelled }: DecidedResource): readonly LocatedLabel[] {
  return located(resource, labelled, ownLabels(labelled))
}

/**
 * Writes DS4P labels into a released resource, in place: upstream codings stay, exactly one confidentiality (the
 * highest), own labels with basis and classifier, handling caveats, and display texts where a mark asks for them. Where
 * only parts of the resource are sensitive, these carry their labels too, and the resource says so.
 * DS4P 1.0.0, "Detailed Specifications", "Inline Security Labels"; 42 CFR 2.32 for the texts.
 */
export function mark(
  resource: MutableObject,
  decided: DecidedResource,
  along: Accompaniment,
  parts = foundParts(resource, decided),
): void {
  const { labelled, decision } = decided
  const plain = ownConfidentiality(labelled)
  const inline = writeInline(resource, parts, labelCoding, plain)
  const meta = objectAt(resource, 'meta')
  const upstream = objectsAt(meta, 'security')
  const kept = upstream.filter(coding => !isConfidentiality(coding))
  const present = new Set(kept.map(coding => `${String(coding['system'])}|${String(coding['code'])}`))
  const security = [confidentialityCoding(upstream, labelled), ...kept]
  const add = (coding: MutableObject): void => {
    const key = `${String(coding['system'])}|${String(coding['code'])}`
    if (present.has(key)) return
    present.add(key)
    security.push(coding)
  }
  for (const label of ownLabels(labelled)) add(labelCoding(label))
  const caveats = labelled.facts.type === 'Bundle' ? [] : decision.caveats
  for (const caveat of caveats) add(caveatCoding(caveat, along.consents))
  if (inline) add(processInline())
  if (along.texts.length > 0) add({ system: SYSTEM.actCode, code: REDISCLOSURE_MARK })
  meta['security'] = security
  if (along.texts.length > 0) addDisplays(meta, along)
  placeMetaEarly(resource, meta)
}

/**
 * Writes its labels into a resource, in place, for the `label` command, whose output stays in the house: that content
 * was not read is said there, and what could not be labelled at all is very restricted.
 */
export function markLabels(resource: MutableObject, labelled: LabelledResource): void {
  const { notAssessable, labels, confidentiality } = labelled
  const unread = notAssessable !== undefined || labels.some(({ code }) => code === UNASSESSED.code)
  mark(
    resource,
    {
      labelled: { ...labelled, confidentiality: notAssessable === undefined ? confidentiality : 'V' },
      decision: PLAIN,
    },
    { texts: [], consents: [], key: '' },
  )
  const security = objectsAt(objectAt(resource, 'meta'), 'security')
  const said = security.some(({ system, code }) => system === UNASSESSED.system && code === UNASSESSED.code)
  if (unread && !said) security.push({ extension: assigned(undefined), ...UNASSESSED })
  objectAt(resource, 'meta')['security'] = security
}

const UNASSESSED = { system: SYSTEM.local, code: 'UNASSESSED', display: 'content that could not be read' }

const PLAIN = {
  effect: 'permit',
  because: [],
  obligations: [],
  caveats: [],
  notices: [],
  consents: [],
  redact: [],
} as const

function objectAt(holder: MutableObject, key: string): MutableObject {
  const value = holder[key]
  return isObject(value) ? value : {}
}

function objectsAt(holder: MutableObject, key: string): MutableObject[] {
  const value = holder[key]
  return Array.isArray(value) ? value.filter(isObject) : []
}

function isObject(value: unknown): value is MutableObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** v3-Confidentiality as R4, DSTU2 and v3 spell it. */
const CONFIDENTIALITY_SYSTEM = /(?:\/v3[-/]confidentiality|\b2\.16\.840\.1\.113883\.5\.25)(?:[/|].*)?$/i

/** A code without a system counts where it is one of the six, as the labeller reads it. */
function isConfidentiality({ system, code }: MutableObject): boolean {
  if (typeof system === 'string' && system !== '') return CONFIDENTIALITY_SYSTEM.test(system)
  return (CONFIDENTIALITY_ORDER as readonly unknown[]).includes(code)
}

/** `meta` stands after resourceType and id, where readers look for it. */
export function placeMetaEarly(resource: MutableObject, meta: MutableObject): void {
  if (resource['meta'] !== undefined) {
    resource['meta'] = meta
    return
  }
  const rest = Object.entries(resource).filter(([key]) => key !== 'resourceType' && key !== 'id')
  for (const [key] of rest) delete resource[key]
  resource['meta'] = meta
  for (const [key, value] of rest) resource[key] = value
}

function confidentialityCoding(
  upstream: readonly MutableObject[],
  labelled: LabelledResource,
): MutableObject {
  const same = upstream.find(
    c => c['system'] === SYSTEM.confidentiality && c['code'] === labelled.confidentiality,
  )
  if (same !== undefined) return same
  return ownConfidentiality(labelled)
}

function ownConfidentiality({ labels, confidentiality }: LabelledResource): MutableObject {
  return {
    extension: assigned(labels.find(label => label.basis !== undefined)?.basis),
    system: SYSTEM.confidentiality,
    code: confidentiality,
    display: CONFIDENTIALITY_DISPLAY[confidentiality],
  }
}

/** Why and by whom a label was assigned (DS4P 1.0.0, extension-sec-label-basis and -classifier). */
function assigned(basis: Coding | undefined): MutableObject[] {
  const classifier = { url: DS4P.classifier, valueReference: CLASSIFIER }
  return basis === undefined ? [classifier] : [{ url: DS4P.basis, valueCoding: { ...basis } }, classifier]
}

function labelCoding(label: Label): MutableObject {
  return {
    extension: assigned(label.basis),
    system: label.system,
    code: label.code,
    ...(label.display === undefined ? {} : { display: label.display }),
  }
}

function processInline(): MutableObject {
  return {
    extension: assigned(undefined),
    system: SYSTEM.actCode,
    code: PROCESS_INLINE,
    display: 'process inline security label',
  }
}

function caveatCoding(code: string, consents: readonly string[]): MutableObject {
  const justified = code === 'NORDSCLCD' && consents.length > 0
  return {
    ...(justified
      ? {
          extension: consents.map(url => ({
            url: DS4P.relatedArtifact,
            valueRelatedArtifact: { type: 'justification', url },
          })),
        }
      : {}),
    system: SYSTEM.actCode,
    code,
  }
}

function addDisplays(meta: MutableObject, along: Accompaniment): void {
  const extension = objectsAt(meta, 'extension')
  const shown = new Set(
    extension.filter(({ url }) => url === DS4P.display).map(one => objectAt(one, 'valueAnnotation')['text']),
  )
  const missing = along.texts.filter(text => !shown.has(text))
  meta['extension'] = [
    ...extension,
    ...missing.map(text => ({ url: DS4P.display, valueAnnotation: { text } })),
  ]
}

/** High-water mark over the released resources: confidentiality only, after segmentation (V > R > N > M > L > U). */
export function highWaterMark(released: readonly DecidedResource[]): Confidentiality | undefined {
  const present = new Set(released.map(({ labelled }) => labelled.confidentiality))
  return CONFIDENTIALITY_ORDER.findLast(code => present.has(code))
}

/** The Bundle's own label: confidentiality only; privacy-revealing tags never stand on a Bundle (invariant 6). */
export function bundleMeta(released: readonly DecidedResource[]): MutableObject | undefined {
  const code = highWaterMark(released)
  if (code === undefined) return undefined
  return { security: [{ system: SYSTEM.confidentiality, code, display: CONFIDENTIALITY_DISPLAY[code] }] }
}
