import { randomUUIDv7 } from 'node:crypto'
import { overall } from '../decide/overall.ts'
import type {
  Decided,
  ExchangeId,
  HttpRequest,
  HttpResponse,
  Identified,
  Received,
  Recorded,
  RecordedRefusal,
  Refused,
  Segmented,
  Understood,
} from '../model/exchange.ts'
import type { SearchInteraction } from '../model/interaction.ts'
import type { ResourceFacts } from '../model/label.ts'
import type { AuditSet } from '../model/record.ts'
import { Refusal } from '../model/refusal.ts'
import { recipientOf } from '../model/requester.ts'
import { copiesThatLeave } from './consent-copies.ts'
import { createJudge, type Judge } from './judge.ts'
import { receiptFor } from './receipt.ts'
import type { Rooms } from './rooms.ts'
import { gatherSearch } from './search.ts'
import { createVisibility } from './visibility.ts'

/**
 * One exchange, end to end: received → identified → understood → fetched → labelled → decided → segmented → recorded →
 * respond. Never throws: whatever goes wrong is a refusal, and a refusal is recorded too. When nothing can be recorded
 * the answer is a constant 503 (invariant 1).
 */
export async function exchange(rooms: Rooms, request: HttpRequest): Promise<HttpResponse> {
  const received = receive(rooms, request)
  let reached: Received & Partial<Understood> = received
  try {
    refuseUnread(request)
    const document = rooms.interaction.publicDocument(received)
    if (document !== undefined)
      return rooms.responder.document(document, await rooms.upstream.capabilities().catch(() => undefined))
    const identified = await rooms.identity.identify(received)
    reached = identified
    const understood = understand(rooms, identified)
    reached = understood
    rooms.holds?.check(understood)
    const segmented = await disclose(rooms, understood)
    if ('refusal' in segmented) return await refuse(rooms, segmented)
    return await release(rooms, segmented)
  } catch (error) {
    return await refuse(rooms, { ...reached, refusal: asRefusal(error) })
  }
}

/** Mints the exchange id; the client's own ids are kept as correlation data only. */
export function receive(rooms: Rooms, request: HttpRequest): Received {
  const receivedAt = rooms.site.now()
  const id: ExchangeId = randomUUIDv7()
  const header = (name: string): string | undefined => {
    const value = request.headers.find(([key]) => key.toLowerCase() === name)?.[1]
    return value !== undefined && /^[\x21-\x7e]{1,128}$/.test(value) ? value : undefined
  }
  const requestId = header('x-request-id')
  const traceparent = header('traceparent')
  return {
    id,
    receivedAt,
    request,
    correlation: {
      ...(requestId === undefined ? {} : { requestId }),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
  }
}

/** What the server could not take in is refused before anybody looks at it. */
export function refuseUnread({ oversized, unreadable }: HttpRequest): void {
  if (oversized === true) throw new Refusal('too-large')
  if (unreadable === 'headers') throw new Refusal('bad-header', { diagnostics: 'the headers are too large' })
  if (unreadable !== undefined)
    throw new Refusal('bad-request', {
      diagnostics:
        unreadable === 'time' ? 'the request did not arrive in time' : 'expected one HTTP/1.1 request',
    })
}

function understand(rooms: Rooms, identified: Identified): Understood {
  const interaction = rooms.interaction.understand(identified)
  rooms.identity.admit(identified.requester, interaction)
  return { ...identified, interaction }
}

/** Fetch, label, decide and segment; a read of what is withheld ends exactly as one of what is absent. */
async function disclose(rooms: Rooms, understood: Understood): Promise<Segmented | Refused> {
  return understood.interaction.code === 'search-type'
    ? search(rooms, { ...understood, interaction: understood.interaction })
    : read(rooms, understood)
}

const singles = new WeakMap<ResourceFacts, readonly ResourceFacts[]>()

/** A list of one; the same list for the same facts, so that what is remembered by list is found again. */
function alone(facts: ResourceFacts): readonly ResourceFacts[] {
  const known = singles.get(facts)
  if (known !== undefined) return known
  const list = [facts]
  singles.set(facts, list)
  return list
}

async function read(rooms: Rooms, understood: Understood): Promise<Segmented | Refused> {
  const { interaction } = understood
  if (interaction.code === 'search-type') throw new Error('a search is not a read')
  refuseNamedRecord(understood)
  const versionId = interaction.code === 'vread' ? interaction.versionId : undefined
  // Before anything is fetched: what fails here fails for a record that exists and for one that does not.
  const judge = createJudge(rooms, understood)
  const raw = await rooms.upstream.read(interaction.resourceType, interaction.id, versionId)
  if (raw === 'absent') return { ...understood, refusal: new Refusal('not-found') }
  const facts = rooms.labeller.assess(raw)
  if (
    facts.notAssessable === undefined &&
    facts.reference !== `${interaction.resourceType}/${interaction.id}`
  )
    throw new Refusal('upstream-invalid', { detail: 'the upstream answered a read with another resource' })
  const { labelled, known } = await judge.label(alone(facts))
  const resources = await judge.decide(labelled, known)
  const decided = decidedExchange(rooms, understood, judge.directives(), resources)
  const [one] = resources
  if (one === undefined || one.decision.effect === 'deny' || (await isWithheldNow(rooms, understood, judge)))
    return { ...understood, refusal: new Refusal('not-found'), decided }
  const visibility = createVisibility(rooms, judge)
  await visibility.follow(resources)
  const release = rooms.segmenter.segment({
    decided,
    matches: visibility.shown(resources),
    includes: [],
    withheld: [],
    hidden: visibility.hidden,
    recipient: recipientOf(understood.requester),
  })
  return { ...decided, release }
}

/**
 * Who asks for de-identified records cannot name one: by its id it would be known whose it is, and a pseudonym cannot be
 * turned back. Refused before the upstream is asked. Where only evidence of the privacy office makes a release
 * pseudonymous, the judge withholds it.
 */
function refuseNamedRecord({ requester: { claims } }: Understood): void {
  const { deidentify, researchBasis } = claims as {
    readonly deidentify?: { readonly standard?: unknown }
    readonly researchBasis?: { readonly basis?: unknown }
  }
  if (deidentify?.standard === undefined && researchBasis?.basis !== 'dua-lds') return
  throw new Refusal('not-supported', {
    diagnostics:
      'de-identified records are given by search alone: a read names its record by an id, which is an identifier',
  })
}

/**
 * Whether a version is asked for of what is withheld, or gone, today: what was labelled, moved to another patient or
 * deleted since must not stay open in its older versions (invariant 6).
 */
async function isWithheldNow(rooms: Rooms, { interaction }: Understood, judge: Judge): Promise<boolean> {
  if (interaction.code !== 'vread') return false
  const current = await rooms.upstream.read(interaction.resourceType, interaction.id)
  if (current === 'absent') return true
  const { labelled, known } = await judge.label([rooms.labeller.assess(current)])
  const decided = await judge.decide(labelled, known)
  return decided.some(({ decision }) => decision.effect === 'deny')
}

async function search(
  rooms: Rooms,
  understood: Understood & { readonly interaction: SearchInteraction },
): Promise<Segmented> {
  const { interaction } = understood
  const judge = createJudge(rooms, understood)
  const visibility = createVisibility(rooms, judge)
  const page = await gatherSearch(rooms, judge, visibility, understood)
  const resources = [...page.matches, ...page.includes, ...page.withheld]
  const decided = decidedExchange(rooms, understood, judge.directives(), resources)
  const self =
    interaction.offset === 0
      ? `${rooms.site.baseUrl}/${interaction.resourceType}${interaction.canonical === '' ? '' : `?${interaction.canonical}`}`
      : rooms.interaction.sealNext(understood, interaction, interaction.offset)
  const copyLeaves = await copiesThatLeave(rooms, judge, visibility, [...page.matches, ...page.includes])
  const release = rooms.segmenter.segment({
    decided,
    copyLeaves,
    matches: visibility.shown(page.matches),
    includes: visibility.shown(page.includes),
    withheld: page.withheld,
    hidden: visibility.hidden,
    recipient: recipientOf(understood.requester),
    page: {
      self,
      ...(page.more
        ? {
            next: rooms.interaction.sealNext(understood, interaction, interaction.offset + interaction.count),
          }
        : {}),
      ...(page.total === undefined ? {} : { total: page.total }),
    },
  })
  return { ...decided, release }
}

function decidedExchange(
  rooms: Rooms,
  understood: Understood,
  directives: Decided['directives'],
  resources: Decided['decision']['resources'],
): Decided {
  const unread = [...directives.values()].flat().filter(({ state }) => state === 'unreadable')
  return {
    ...understood,
    raw: resources.map(({ labelled: { facts } }) => ({ bytes: facts.bytes, hash: facts.hash })),
    labelled: resources.map(({ labelled }) => labelled),
    decision: {
      // For the record: that nobody ever said anything is told apart from a refusal.
      decision: resources.length === 0 ? 'permit' : overall(resources),
      revision: rooms.site.revision,
      resources,
      unread: unread.map(({ ref, why }) => ({ consent: ref, why: why ?? 'unreadable' })),
    },
    directives,
  }
}

/** The only way out for patient data: the receipt comes first, the response is made from it. */
async function release(rooms: Rooms, segmented: Segmented): Promise<HttpResponse> {
  const set = disclosureSet(rooms, segmented)
  let recorded: Recorded
  try {
    recorded = { ...segmented, receipt: await receiptFor(rooms, set) }
  } catch {
    return rooms.responder.unrecorded()
  }
  return rooms.responder.release(recorded)
}

/** Throws Refusal `record-unavailable` where the record of this disclosure cannot be built: then there is none. */
function disclosureSet(rooms: Rooms, segmented: Segmented): AuditSet {
  try {
    return rooms.recorder.disclosure(segmented)
  } catch (error) {
    throw new Refusal('record-unavailable', { detail: placeOf(error), cause: error })
  }
}

/** A refusal for want of a record is recorded where it can be, and answered like every other: by the constant 503. */
export async function refuse(rooms: Rooms, refused: Refused): Promise<HttpResponse> {
  try {
    const receipt = await receiptFor(rooms, rooms.recorder.refusal(refused))
    if (refused.refusal.code === 'record-unavailable') return rooms.responder.unrecorded()
    const recorded: RecordedRefusal = { ...refused, receipt }
    return rooms.responder.refuse(recorded)
  } catch {
    return rooms.responder.unrecorded()
  }
}

/** Anything that is not a Refusal is a defect of ours: constant answer. */
export function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('internal', { detail: placeOf(error), cause: error })
}

/** For the record: kind of error and place in the code, never the message, which may quote data. */
export function placeOf(error: unknown): string {
  const place = error instanceof Error ? /\bsrc\/[\w/.-]+:\d+/.exec(error.stack ?? '')?.[0] : undefined
  const kind = error instanceof Error ? error.name : 'unknown error'
  return place === undefined ? kind : `${kind} at ${place}`
}
