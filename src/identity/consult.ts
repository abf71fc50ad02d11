import type { ConsultedFor } from '../model/consult.ts'
import type { ConsultIdentity } from '../model/doors.ts'
import type { Identified } from '../model/exchange.ts'
import type { Identifier } from '../model/fhir.ts'
import type { ActorName } from '../model/interaction.ts'
import { Refusal } from '../model/refusal.ts'
import type { ClientRegistration, PurposeOfUse, Requester, RequesterActor } from '../model/requester.ts'
import { createCalendar } from './agreements.ts'
import { NPI_OID, NPI_SYSTEM } from './claims.ts'
import { checkAgreements } from './client.ts'
import type { IdentityOptions } from './identity.ts'
import { createPurposes } from './purpose.ts'
import { organizationActors } from './requester.ts'

/** The scope that opens the door; no SMART resource scope does, not even one for everything. */
const SCOPE = 'consent-consult'

/**
 * Who a consult may be asked for. Actors in the question prove nothing: they are compared with the verified ones of the
 * requester, or with those of a client that the registration (`consultFor`) lets it ask for. Pure but for `now`.
 */
export function createConsultIdentity(
  options: Pick<IdentityOptions, 'clients' | 'purposeMap' | 'zone'>,
  now: () => Date,
): ConsultIdentity {
  const purposes = createPurposes(options.purposeMap)
  const calendar = createCalendar(options.zone ?? 'UTC')

  /** A client the asker may ask for, all of whose names the question uses are its own; undefined where there is none. */
  const represented = (asker: Requester, named: readonly ActorName[]) => {
    const { registration } = asker
    const allowed = new Set(registration?.consultFor ?? [])
    for (const other of options.clients) {
      if (!allowed.has(other.clientId) || other.issuer !== registration?.issuer || !other.enabled) continue
      const found = matching(organizationActors(other), named)
      if (found !== undefined) return { other, found }
    }
    return undefined
  }

  const onBehalf = (identified: Identified, named: readonly ActorName[]): ConsultedFor => {
    const found = represented(identified.requester, named)
    if (found === undefined)
      throw new Refusal('actor-not-allowed', {
        diagnostics:
          'context.actor: expected actors of the requester, or of one it is registered to consult for',
      })
    const { other } = found
    checkAgreements(other, now(), calendar)
    const effective = identified.purposeOfUse.effective.filter(code => other.purposes.includes(code))
    return {
      requesters: narrowed(standingFor(identified.requester, other), found.found),
      purposeOfUse: atLeastOne(
        identified.purposeOfUse,
        effective,
        'purpose of use: expected one of the actor',
      ),
      onBehalfOf: other.clientId,
    }
  }

  return {
    admit: ({ namedScopes = [] }) => {
      if (!namedScopes.includes(SCOPE))
        throw new Refusal('scope-insufficient', { diagnostics: `scope: expected ${SCOPE}` })
    },
    consultFor: (identified, { actors, purposes: asked }) => {
      const own = matching(identified.requester.actors, actors)
      const found: ConsultedFor =
        own === undefined
          ? onBehalf(identified, actors)
          : { requesters: narrowed(identified.requester, own), purposeOfUse: identified.purposeOfUse }
      const wanted = asked.map(code => purposes.normalise(code))
      return { ...found, purposeOfUse: narrowedPurposes(found.purposeOfUse, wanted) }
    },
    reaches: ({ onlyPatient, patient, user }, asked) => {
      if (onlyPatient !== undefined && onlyPatient !== asked) return false
      if (patient !== undefined) return patient === asked
      return user?.startsWith('Patient/') !== true || user === asked
    },
  }
}

/** The actors that the names stand for; undefined where a name is nobody's of them. No name: all. */
function matching(
  actors: readonly RequesterActor[],
  named: readonly ActorName[],
): readonly RequesterActor[] | undefined {
  if (named.length === 0) return actors
  const found = new Set<RequesterActor>()
  for (const name of named) {
    const own = actors.filter(actor => isNamed(actor, name))
    if (own.length === 0) return undefined
    for (const actor of own) found.add(actor)
  }
  return [...found]
}

function isNamed(actor: RequesterActor, { reference, identifier }: ActorName): boolean {
  if (reference !== undefined) return actor.reference === reference
  const own = actor.identifier
  if (identifier === undefined || own === undefined) return false
  if (plain(own.value) !== plain(identifier.value)) return false
  return identifier.system === undefined || systemOf(own) === systemOf(identifier)
}

/** An OID is written with and without its URN prefix. */
const plain = (value: string): string => value.replace(/^urn:oid:/, '')
const systemOf = ({ system }: Identifier): string => (system === NPI_OID ? NPI_SYSTEM : (system ?? ''))

/** Naming some of its actors asks less, and never more: all of them must be permitted too. */
function narrowed(requester: Requester, actors: readonly RequesterActor[]): ConsultedFor['requesters'] {
  return actors.length === requester.actors.length ? [requester] : [requester, { ...requester, actors }]
}

/** A registered client as the one who would receive; what the asker's token limits stays limited. */
function standingFor(asker: Requester, other: ClientRegistration): Requester {
  const { organization, state, relationship } = other
  return {
    key: JSON.stringify(['consult', asker.key, other.issuer, other.clientId]),
    client: other.clientId,
    registration: other,
    name: other.name,
    ...(organization === undefined ? {} : { organization }),
    ...(state === undefined ? {} : { state }),
    hipaa: other.hipaa,
    part2: other.part2,
    role: other.role,
    ...(relationship === undefined ? {} : { relationship }),
    userRoles: [],
    actors: organizationActors(other),
    scopes: [],
    claims: {},
    residual: asker.residual,
  }
}

/** An answer for fewer purposes than asked would be taken for one to all: each must be a purpose of the token. */
function narrowedPurposes(purposeOfUse: PurposeOfUse, wanted: readonly (string | undefined)[]): PurposeOfUse {
  if (wanted.length === 0) return purposeOfUse
  const { effective } = purposeOfUse
  if (!wanted.every(code => code !== undefined && effective.includes(code)))
    throw new Refusal('purpose-not-allowed', {
      diagnostics: 'context.purposeOfUse: expected purposes of the token',
    })
  const left = effective.filter(code => wanted.includes(code))
  return atLeastOne(purposeOfUse, left, 'context.purposeOfUse: expected a purpose of the token')
}

function atLeastOne(purposeOfUse: PurposeOfUse, codes: readonly string[], diagnostics: string): PurposeOfUse {
  const [first, ...rest] = codes
  if (first === undefined) throw new Refusal('purpose-not-allowed', { diagnostics })
  return codes.length === purposeOfUse.effective.length
    ? purposeOfUse
    : { ...purposeOfUse, effective: [first, ...rest] }
}
