import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { type ConsentDirective, consentKey } from '../model/consent.ts'
import type { DecidedResource } from '../model/decision.ts'
import type { Labeller, SegmentInput } from '../model/doors.ts'
import type { Resource } from '../model/fhir.ts'
import type { ResourceFacts } from '../model/label.ts'
import type { Judge } from './judge.ts'
import type { Rooms } from './rooms.ts'
import type { Visibility } from './visibility.ts'

/** Who discloses to whom is what the Consent says, and its explanation too. */
const PARTIES = 'provision.actor['

/** By labeller: a Consent stays where it is when the rules change. */
const factsOfCopies = new WeakMap<Labeller, WeakMap<Resource, ResourceFacts>>()

/**
 * Which Consents may go along as copies: those that speak of nothing but what they open and what leaves by them. A
 * Consent also names what it denies, and may point at it; then 42 CFR 2.32(b) is met by the explanation of its scope.
 */
export async function copiesThatLeave(
  rooms: Rooms,
  judge: Judge,
  visibility: Visibility,
  released: readonly DecidedResource[],
): Promise<NonNullable<SegmentInput['copyLeaves']>> {
  const leaving = new Set<ConsentDirective>()
  const directives = new Set([...judge.directives().values()].flat())
  for (const directive of directives) {
    // Ids of another server mean nothing here: the explanation of its scope goes along.
    if (directive.ref.base !== undefined) continue
    const key = consentKey(directive.ref)
    const byIt = released.filter(({ decision }) => decision.consents.some(ref => consentKey(ref) === key))
    const [first] = byIt
    if (first === undefined) continue
    const told = new Set([...directive.form.labels, ...byIt.flatMap(({ labelled }) => [...labelled.codes])])
    const { labelled } = await judge.label([factsOf(rooms, directive.copy)])
    // What rests on the Consent comes from the program already, so that the Consent may name it too.
    const copies = labelled.map(one => ({ labelled: { ...one, part2: true }, decision: first.decision }))
    await visibility.follow(copies)
    const closed = copies.some(one => ![...one.labelled.codes].every(code => told.has(code)))
    const hidden = copies.flatMap(one => visibility.hidden(one)).filter(path => !path.startsWith(PARTIES))
    if (!closed && hidden.length === 0) leaving.add(directive)
  }
  return directive => leaving.has(directive)
}

function factsOf({ labeller }: Rooms, copy: Resource): ResourceFacts {
  const copies = factsOfCopies.get(labeller) ?? new WeakMap<Resource, ResourceFacts>()
  factsOfCopies.set(labeller, copies)
  const known = copies.get(copy)
  if (known !== undefined) return known
  const bytes = Buffer.from(JSON.stringify(copy))
  const facts = labeller.assess({ bytes, hash: hash('sha256', bytes, 'base64url') })
  copies.set(copy, facts)
  return facts
}
