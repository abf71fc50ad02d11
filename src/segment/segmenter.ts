import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { type ConsentDirective, consentKey } from '../model/consent.ts'
import type { DecidedResource, ResourceDecision } from '../model/decision.ts'
import type { Segmenter, SegmentInput } from '../model/doors.ts'
import type { Release } from '../model/exchange.ts'
import type { Notice } from '../model/law.ts'
import { type Assembled, type BundleEntry, createAssembler, entryHead, noticeOutcome } from './bundle.ts'
import { consentCopy } from './consent-copy.ts'
import { freed } from './freed.ts'
import { type Accompaniment, bundleMeta } from './mark.ts'
import { CONSENT_COPY, type Means, noticesOf, undischargeable, unfit } from './obligations.ts'
import type { RequiredElements } from './redact.ts'
import { explainScope } from './scope.ts'
import { createVariants, type Variants } from './variants.ts'

export interface SegmenterOptions extends Means {
  readonly baseUrl: string
  readonly upstreamBase: string
  readonly notices: Readonly<Record<string, Notice>>
  readonly required: RequiredElements
  readonly cacheBytes: number
  /** Constant for all patients: "some data may have been withheld". */
  readonly withheldNotice: boolean
}

/** A constant text, the same for every patient and every answer (README, promise 3). */
const WITHHELD_NOTICE = 'Some data may have been withheld in accordance with law, patient consent or policy.'

/** Makes the final bytes of an exchange. Throws when an obligation cannot be discharged: then nothing leaves. */
export function createSegmenter(options: SegmenterOptions): Segmenter {
  const tools: Tools = {
    options,
    variants: createVariants(options),
    assemble: createAssembler(options.cacheBytes),
  }
  const noticeIds = new Set(Object.keys(options.notices))
  const checked = new WeakMap<ResourceDecision, string>()
  const missingDuty = (decision: ResourceDecision): string | undefined => {
    const known = checked.get(decision)
    if (known !== undefined) return known === '' ? undefined : known
    const missing = undischargeable(decision, noticeIds, options)
    checked.set(decision, missing ?? '')
    return missing
  }
  return {
    undischargeable: (decision, resourceType) =>
      missingDuty(decision) ??
      (resourceType === undefined ? undefined : unfit(decision, resourceType, options)),
    // Of one that is not known nothing leaves.
    removes: (projections, type, path) =>
      projections.some(id => options.projections?.get(id)?.removes(type, path) ?? true),
    pseudonymous: ({ projections = [] }) =>
      projections.some(id => options.projections?.get(id)?.forRecipient !== undefined),
    projected: tools.variants.projected,
    projectable: tools.variants.projectable,
    segment: input => {
      const released = [...input.matches, ...input.includes]
      for (const { decision, labelled } of released) {
        const missing = missingDuty(decision) ?? unfit(decision, labelled.facts.type, options)
        if (missing !== undefined)
          throw new Error(`obligation ${missing} on ${labelled.facts.type} cannot be discharged`)
        if (decision.effect === 'deny') throw new Error('a denied resource was handed over for release')
      }
      const { page } = input
      const origins = new Map<DecidedResource, DecidedResource>()
      const going = {
        ...input,
        matches: freed(input.matches, options, origins),
        includes: freed(input.includes, options, origins),
        hidden: (of: DecidedResource) => input.hidden(origins.get(of) ?? of),
      }
      const leaving = [...going.matches, ...going.includes]
      const assembled = page === undefined ? single(going, tools) : bundle(going, page, leaving, tools)
      return { ...finish(input, leaving, assembled, options), released }
    },
  }
}

/** What a segmenter works with. */
interface Tools {
  readonly options: SegmenterOptions
  readonly variants: Variants
  readonly assemble: ReturnType<typeof createAssembler>
}

function finish(
  input: SegmentInput,
  released: readonly DecidedResource[],
  { body, digest }: Assembled,
  options: SegmenterOptions,
): Release {
  const decisions = [...new Set(released.map(({ decision }) => decision))]
  return {
    status: 200,
    headers: {},
    body,
    digest,
    released,
    withheld: input.withheld,
    obligations: [...new Set(decisions.flatMap(({ obligations }) => obligations))],
    notices: [...new Set(decisions.flatMap(decision => noticesOf(decision, options)))],
  }
}

function single(input: SegmentInput, { variants, options }: Tools): Assembled {
  const decided = input.matches[0]
  if (decided === undefined || input.matches.length !== 1)
    throw new Error('a read releases exactly one resource')
  const body = variants.of(
    decided,
    input.hidden(decided),
    accompaniment(decided, input, options, 'long'),
    input.recipient,
  )
  return { body, digest: hash('sha256', body, 'hex') }
}

function bundle(
  input: SegmentInput,
  page: NonNullable<SegmentInput['page']>,
  released: readonly DecidedResource[],
  { options, variants, assemble }: Tools,
): Assembled {
  const alongOf = accompaniments(input, options)
  const entry = (decided: DecidedResource, mode: 'match' | 'include'): BundleEntry => ({
    head: variants.entryHead(decided, input.recipient),
    resource: variants.of(decided, input.hidden(decided), alongOf(decided), input.recipient),
    mode,
  })
  const entries = [
    ...input.matches.map(decided => entry(decided, 'match')),
    ...input.includes.map(decided => entry(decided, 'include')),
    ...accompanyingEntries(input, released, options),
  ]
  const meta = bundleMeta(released)
  return assemble({ ...page, ...(meta === undefined ? {} : { meta }) }, entries)
}

/** Resources of one decision and one patient share what accompanies them; most releases have nothing. */
function accompaniments(
  input: SegmentInput,
  options: SegmenterOptions,
): (decided: DecidedResource) => Accompaniment {
  const known = new Map<ResourceDecision, Map<string, Accompaniment>>()
  return decided => {
    const patient = decided.labelled.facts.patients.join()
    const byPatient = known.get(decided.decision) ?? new Map<string, Accompaniment>()
    const along = byPatient.get(patient) ?? accompaniment(decided, input, options, 'short')
    byPatient.set(patient, along)
    known.set(decided.decision, byPatient)
    return along
  }
}

/** Statements and consent explanation for one resource, and a key that names them. */
function accompaniment(
  decided: DecidedResource,
  input: SegmentInput,
  options: SegmenterOptions,
  form: 'long' | 'short',
): Accompaniment {
  const { caveats, obligations } = decided.decision
  const directives = reliedUpon(decided, input)
  const copied = obligations.includes(CONSENT_COPY)
  if (copied && directives.length === 0) throw new Error('the consent that goes along is not at hand')
  const texts = [
    ...statements(decided.decision, options).map(({ text, short = '' }) =>
      form === 'short' ? (options.notices[short]?.text ?? text) : text,
    ),
    ...(copied && form === 'long' ? directives.map(explainScope) : []),
  ]
  const consents = directives.flatMap(({ ref }) =>
    // One of another server is not at our base, and where that server is is nobody's business.
    ref.base === undefined ? [`${options.baseUrl}/${ref.reference}`] : [],
  )
  const plain = texts.length + consents.length + caveats.length === 0
  const key = plain ? '' : hash('sha256', JSON.stringify([texts, consents, caveats]), 'base64url')
  return { texts, consents, key }
}

/** The statements a decision asks for, in the order of the table. */
function statements(decision: ResourceDecision, options: SegmenterOptions): Notice[] {
  const ids = new Set(noticesOf(decision, options))
  return ids.size === 0 ? [] : Object.values(options.notices).filter(({ id }) => ids.has(id))
}

function reliedUpon(decided: DecidedResource, input: SegmentInput): readonly ConsentDirective[] {
  const wanted = new Set(decided.decision.consents.map(consentKey))
  if (wanted.size === 0) return []
  return decided.labelled.facts.patients
    .flatMap(patient => input.decided.directives.get(patient) ?? [])
    .filter(({ ref }) => wanted.has(consentKey(ref)))
}

/** Copies of the consents a Part 2 release rests on (2.32(b)), then the full statements, then the constant notice. */
function accompanyingEntries(
  input: SegmentInput,
  released: readonly DecidedResource[],
  options: SegmenterOptions,
): BundleEntry[] {
  const copies = new Map<string, ConsentDirective>()
  const notices = new Set<string>()
  const plain = new Set<ResourceDecision>()
  for (const decided of released) {
    if (plain.has(decided.decision)) continue
    for (const { text } of statements(decided.decision, options)) notices.add(text)
    if (decided.decision.obligations.includes(CONSENT_COPY))
      for (const directive of reliedUpon(decided, input)) copies.set(consentKey(directive.ref), directive)
    else plain.add(decided.decision)
  }
  for (const [key, directive] of copies) {
    if (directive.ref.base === undefined && input.copyLeaves?.(directive) !== false) continue
    copies.delete(key)
    notices.add(explainScope(directive))
  }
  if (options.withheldNotice) notices.add(WITHHELD_NOTICE)
  return [
    ...copyEntries(copies, released, options),
    ...[...notices].map(
      (text): BundleEntry => ({
        head: entryHead(undefined),
        resource: Buffer.from(JSON.stringify(noticeOutcome(text))),
        mode: 'outcome',
      }),
    ),
  ]
}

/** One entry for each Consent that is not in the answer already. */
function copyEntries(
  copies: ReadonlyMap<string, ConsentDirective>,
  released: readonly DecidedResource[],
  options: SegmenterOptions,
): BundleEntry[] {
  if (copies.size === 0) return []
  const present = new Set<string>(released.map(({ labelled }) => labelled.facts.reference))
  return [...copies]
    .filter(([, { ref }]) => !present.has(ref.reference))
    .map(([, directive]) => ({
      head: entryHead(`${options.baseUrl}/${directive.ref.reference}`),
      resource: consentCopy(directive, present, options),
      mode: 'include',
    }))
}
