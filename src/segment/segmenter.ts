import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import type { ConsentDirective } from '../model/consent.ts'
import type { DecidedResource } from '../model/decision.ts'
import type { Segmenter, SegmentInput } from '../model/doors.ts'
import type { Release } from '../model/exchange.ts'
import { rewriteLinks } from '../model/links.ts'
import type { Notice } from '../model/rules.ts'
import { type BundleEntry, noticeOutcome, searchset } from './bundle.ts'
import { type Accompaniment, bundleMeta } from './mark.ts'
import { noticesOf, undischargeable } from './obligations.ts'
import type { RequiredElements } from './redact.ts'
import { explainScope } from './scope.ts'
import { createVariants, type Variants } from './variants.ts'

export interface SegmenterOptions {
  readonly baseUrl: string
  readonly upstreamBase: string
  readonly notices: Readonly<Record<string, Notice>>
  readonly required: RequiredElements
  readonly cacheBytes: number
  /** Constant for all patients: "some data may have been withheld". */
  readonly withheldNotice: boolean
}

/** A constant text, the same for every patient and every answer (DESIGN §3, invariant 3). */
const WITHHELD_NOTICE = 'Some data may have been withheld in accordance with law, patient consent or policy.'

/** Makes the final bytes of an exchange. Throws when an obligation cannot be discharged: then nothing leaves. */
export function createSegmenter(options: SegmenterOptions): Segmenter {
  const variants = createVariants(options)
  const noticeIds = new Set(Object.keys(options.notices))
  return {
    undischargeable: decision => undischargeable(decision, noticeIds),
    segment: input => {
      const released = [...input.matches, ...input.includes]
      for (const { decision, labelled } of released) {
        const missing = undischargeable(decision, noticeIds)
        if (missing !== undefined)
          throw new Error(`obligation ${missing} on ${labelled.facts.type} cannot be discharged`)
        if (decision.effect === 'deny') throw new Error('a denied resource was handed over for release')
      }
      const body =
        input.page === undefined
          ? single(input, variants, options)
          : bundle(input, released, variants, options)
      return finish(input, released, body)
    },
  }
}

function finish(input: SegmentInput, released: readonly DecidedResource[], body: Uint8Array): Release {
  return {
    status: 200,
    headers: {},
    body,
    digest: hash('sha256', body, 'hex'),
    released,
    withheld: input.withheld,
    obligations: [...new Set(released.flatMap(({ decision }) => decision.obligations))],
    notices: [...new Set(released.flatMap(({ decision }) => noticesOf(decision)))],
  }
}

const NOTHING: readonly string[] = []

/** Paths of the references in a released resource that lead to what the requester must not know of. */
function hiddenPaths(decided: DecidedResource, hides: SegmentInput['hides']): readonly string[] {
  const { references } = decided.labelled.facts
  const hidden = references.filter(reference => hides(reference.target, decided))
  return hidden.length === 0 ? NOTHING : hidden.map(({ path }) => path)
}

function single(input: SegmentInput, variants: Variants, options: SegmenterOptions): Uint8Array {
  const decided = input.matches[0]
  if (decided === undefined || input.matches.length !== 1)
    throw new Error('a read releases exactly one resource')
  const along = accompaniment(decided, input, options, 'long')
  return variants.of(decided, hiddenPaths(decided, input.hides), along.value, along.key)
}

function bundle(
  input: SegmentInput,
  released: readonly DecidedResource[],
  variants: Variants,
  options: SegmenterOptions,
): Uint8Array {
  const page = input.page ?? { self: options.baseUrl }
  const alongs = new Map<string, ReturnType<typeof accompaniment>>()
  const entry = (decided: DecidedResource, mode: 'match' | 'include'): BundleEntry => {
    const { labelled, decision } = decided
    const alongKey = `${labelled.facts.patients.join()}|${decision.notices.join()}|${decision.consents.map(c => c.reference).join()}|${decision.obligations.join()}`
    let along = alongs.get(alongKey)
    if (along === undefined) {
      along = accompaniment(decided, input, options, 'short')
      alongs.set(alongKey, along)
    }
    return {
      fullUrl: `${options.baseUrl}/${labelled.facts.reference}`,
      resource: variants.of(decided, hiddenPaths(decided, input.hides), along.value, along.key),
      mode,
    }
  }
  const entries = [
    ...input.matches.map(decided => entry(decided, 'match')),
    ...input.includes.map(decided => entry(decided, 'include')),
    ...accompanyingEntries(input, released, options),
  ]
  const meta = bundleMeta(released)
  return searchset({ ...page, ...(meta === undefined ? {} : { meta }) }, entries)
}

/** Statements and consent explanation for one resource, and a key that names them. */
function accompaniment(
  decided: DecidedResource,
  input: SegmentInput,
  options: SegmenterOptions,
  form: 'long' | 'short',
): { value: Accompaniment; key: string } {
  const ids = noticesOf(decided.decision).map(id =>
    form === 'short' ? (options.notices[id]?.short ?? id) : id,
  )
  const directives = reliedUpon(decided, input)
  const explained = decided.decision.obligations.includes('P2_CONSENT_COPY') && form === 'long'
  const texts = [
    ...ids.map(id => options.notices[id]?.text ?? ''),
    ...(explained ? directives.map(explainScope) : []),
  ]
  const consents = directives.map(directive => `${options.baseUrl}/${directive.ref.reference}`)
  return {
    value: { texts, consents },
    key: `${form}|${ids.join()}|${directives.map(refKey).join()}|${decided.decision.caveats.join()}`,
  }
}

function refKey(directive: ConsentDirective): string {
  return `${directive.ref.reference}@${directive.ref.version ?? ''}`
}

function reliedUpon(decided: DecidedResource, input: SegmentInput): readonly ConsentDirective[] {
  const wanted = new Set(decided.decision.consents.map(ref => ref.reference))
  if (wanted.size === 0) return []
  return decided.labelled.facts.patients
    .flatMap(patient => input.decided.directives.get(patient) ?? [])
    .filter(directive => wanted.has(directive.ref.reference))
}

/** Copies of the consents a Part 2 release rests on (2.32(b)), then the full statements, then the constant notice. */
function accompanyingEntries(
  input: SegmentInput,
  released: readonly DecidedResource[],
  options: SegmenterOptions,
): BundleEntry[] {
  const copies = new Map<string, ConsentDirective>()
  const notices = new Set<string>()
  for (const decided of released) {
    for (const id of noticesOf(decided.decision)) notices.add(id)
    if (!decided.decision.obligations.includes('P2_CONSENT_COPY')) continue
    for (const directive of reliedUpon(decided, input)) copies.set(refKey(directive), directive)
  }
  const present = new Set(released.map(({ labelled }) => labelled.facts.reference as string))
  const consentEntries = [...copies.values()]
    .filter(directive => !present.has(directive.ref.reference))
    .map((directive): BundleEntry => {
      const copy = rewriteLinks(structuredClone(directive.copy), options.upstreamBase, options.baseUrl)
      return {
        fullUrl: `${options.baseUrl}/${directive.ref.reference}`,
        resource: bytesOf(copy),
        mode: 'include',
      }
    })
  const texts = [...notices].map(id => options.notices[id]?.text ?? '')
  if (options.withheldNotice) texts.push(WITHHELD_NOTICE)
  return [
    ...consentEntries,
    ...texts.map((text): BundleEntry => ({ resource: bytesOf(noticeOutcome(text)), mode: 'outcome' })),
  ]
}

function bytesOf(resource: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(resource))
}
