import type { LRUCache } from 'lru-cache'
import type { Labeller } from '../model/doors.ts'
import type { Label, PendingDocument, ResourceFacts } from '../model/label.ts'
import type { CompiledRules } from './compile.ts'
import type { DocumentReader } from './document-reader.ts'
import { hidesEncoded } from './document-text.ts'
import { FoundLabels } from './found-labels.ts'

const NOT_IN_TIME = 'a document could not be read in time'

/** How long the documents of one record may be read, ms; what is left then waits for the next time. */
const RECORD_MS = 5_000

/**
 * Facts with what was read of their documents: its words give labels and cues at the path of the attachment, as those of
 * a text would. A document that nobody could try stays pending.
 */
async function withDocuments(
  facts: ResourceFacts,
  reader: DocumentReader,
  rules: CompiledRules,
): Promise<ResourceFacts> {
  const { pending = [], ...rest } = facts
  const labels = new FoundLabels(rules, facts.labels)
  const cues = new Set(facts.cues)
  const left: PendingDocument[] = []
  const until = performance.now() + RECORD_MS
  for (const document of pending) {
    const outcome = performance.now() < until ? await reader.read(document) : 'unavailable'
    if (outcome === 'unavailable') left.push(document)
    else if (outcome === 'unreadable' || hidesEncoded(outcome.text))
      for (const hit of rules.unreadable) labels.add(hit, document.path)
    else
      for (const hit of rules.words(outcome.text)) {
        if (hit.cue !== undefined) cues.add(hit.cue)
        if (hit.notTypes?.has(facts.type) !== true) labels.add(hit, document.path)
      }
  }
  if (left.length === pending.length) return facts
  return {
    ...rest,
    labels: labels.all(),
    ...(cues.size === 0 ? {} : { cues: [...cues] }),
    ...(left.length === 0 ? {} : { pending: left }),
  }
}

/** A document that nobody has read is as good as one that cannot be read. */
export function unreadLabels(
  pending: readonly PendingDocument[] = [],
  rules: CompiledRules,
): readonly Label[] {
  return pending.flatMap(({ path }) =>
    rules.unreadable.flatMap(({ labels }) => labels.map(label => ({ ...label, path }))),
  )
}

/** Reads documents once: what was read replaces the facts in the cache, and is found again under their hash. */
export function readingDocuments(
  rules: CompiledRules,
  cache: LRUCache<string, ResourceFacts>,
  documents: DocumentReader | undefined,
): Labeller['read'] {
  const underWay = new Map<string, Promise<ResourceFacts>>()
  const read = async (facts: ResourceFacts, reader: DocumentReader): Promise<ResourceFacts> => {
    const whole = await withDocuments(facts, reader, rules)
    if (whole !== facts) cache.set(facts.hash, whole)
    // Nobody tried: that is no word on what it holds. What was read until now is kept, and the rest is tried next time.
    return whole.pending === undefined ? whole : { ...whole, notAssessable: NOT_IN_TIME }
  }
  return async facts => {
    if (facts.pending === undefined || documents === undefined) return facts
    const known = cache.get(facts.hash)
    if (known !== undefined && known.pending === undefined) return known
    const before = underWay.get(facts.hash)
    if (before !== undefined) return before
    const reading = read(known ?? facts, documents).finally(() => underWay.delete(facts.hash))
    underWay.set(facts.hash, reading)
    return reading
  }
}

/**
 * Facts in which the parts of documents speak for the record as a whole, for whoever labels it and cuts nothing out of
 * it. Identifiers of a person, which are parts too, never speak for the person.
 */
export function withParts(facts: ResourceFacts): ResourceFacts {
  const said = (facts.telling ?? []).filter(({ ranges }) => ranges !== undefined)
  if (said.length === 0) return facts
  const labels = said.flatMap(part => part.labels)
  const mentions = [...(facts.sourceMentions ?? []), ...said.flatMap(part => part.sourceMentions ?? [])]
  return {
    ...facts,
    labels: [...facts.labels, ...labels],
    ...(mentions.length === 0 ? {} : { sourceMentions: mentions }),
  }
}
