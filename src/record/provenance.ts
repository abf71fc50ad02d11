import { consentKey } from '../model/consent.ts'
import type { Segmented } from '../model/exchange.ts'
import type { RequesterFragments } from './agents.ts'
import type { EventFrame } from './audit-event.ts'
import type { RecorderOptions } from './fragments.ts'
import { CODING, concept, consentReference, literal, q } from './fragments.ts'
import type { PatientFacts } from './release-facts.ts'

const DERIVATIONS_MAX = 16

/** The three agents, the same in every Provenance of this gateway. US Core provenance-1: a Device acts onBehalfOf. */
export function provenanceAgents(options: RecorderOptions): string {
  const organization = literal(options.organization, options.organizationName)
  return (
    `[{"type":${concept(CODING.assembler)},"who":${literal(options.device, options.deviceName)},"onBehalfOf":${organization}},` +
    `{"type":${concept(CODING.custodian)},"who":${organization}},` +
    `{"type":${concept(CODING.transmitter)},"who":${organization}}]`
  )
}

/** Policy set in force, then the policies of the Consents that the release rests on (42 CFR Part 2 and the like). */
function policies(segmented: Segmented, patient: string, facts: PatientFacts, baseUrl: string): string[] {
  const uris = new Set([`${baseUrl}/policy/${segmented.decision.revision}`])
  for (const { ref, form } of segmented.directives.get(patient) ?? []) {
    if (!facts.permits.has(consentKey(ref))) continue
    for (const policy of form.policies) if (policy.includes(':')) uris.add(policy)
  }
  return [...uris]
}

/** RFC 6920 name of the released bytes; stands for the versions where they are too many to name. */
function digestEntity(digestHex: string, count: number): string {
  const value = `ni:///sha-256;${Buffer.from(digestHex, 'hex').toString('base64url')}`
  const what = `{"identifier":{"system":"urn:ietf:rfc:3986","value":${q(value)}},"display":"${count} released resources"}`
  return `{"role":"derivation","what":${what}}`
}

function entities(segmented: Segmented, facts: PatientFacts, most: number): string {
  const consents = Array.from(
    facts.permits.values(),
    ref => `{"role":"source","what":${consentReference(ref)}}`,
  )
  const versions =
    facts.released.length > most
      ? [digestEntity(segmented.release.digest, facts.released.length)]
      : facts.released.map(version => `{"role":"derivation","what":{"reference":${q(version)}}}`)
  return [...consents, ...versions].join(',')
}

/**
 * Provenance of the view that one patient's data left in (activity iso-21089-lifecycle#disclose: v3 has no DISCLOSE).
 * It names what was released and nothing that was withheld or redacted, since a requester may come to see it.
 */
export function provenanceText(
  frame: EventFrame,
  segmented: Segmented,
  requester: RequesterFragments,
  about: { id: string; patient: string; facts: PatientFacts; agents: string },
): string {
  const { options, exchange, recorded } = frame
  const { interaction } = segmented
  const type = interaction.code === 'search-type' ? 'Bundle' : interaction.resourceType
  const policy = policies(segmented, about.patient, about.facts, options.baseUrl)
  return (
    `{"resourceType":"Provenance","id":${q(about.id)},` +
    `"target":[{"type":${q(type)},"identifier":{"system":${q(`${options.baseUrl}/exchange`)},"value":${q(exchange.id)}}}],` +
    `"occurredDateTime":"${exchange.receivedAt.toISOString()}","recorded":"${recorded}","policy":${JSON.stringify(policy)},` +
    `"reason":${requester.purposes},"activity":${concept(CODING.disclose)},"agent":${about.agents},` +
    `"entity":[${entities(segmented, about.facts, options.derivationsMax ?? DERIVATIONS_MAX)}]}`
  )
}
