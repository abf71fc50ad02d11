import type { EmergencyIdentity } from '../model/emergency.ts'
import type { Identified } from '../model/exchange.ts'
import { Refusal } from '../model/refusal.ts'
import type { RequesterRole } from '../model/requester.ts'

/** The scope that opens the door; no SMART resource scope does, not even one for everything. */
const SCOPE = 'emergency-access'
/**
 * Purposes under which an emergency may be declared (v3-ActReason). Law asks for them again at each release, and for each
 * purpose of a request: a declaration for another beside them would open nothing.
 */
const EMERGENCY_PURPOSES: readonly string[] = ['ETREAT', 'BTG']
/** Medical personnel (42 CFR 2.51(a)) and treating providers (45 CFR 164.522(a)(1)(iii)). */
const ROLES: readonly (RequesterRole | undefined)[] = ['provider', 'medical-personnel']
const PRACTITIONER = /(?:^|\/)(?:Practitioner|PractitionerRole)\/[A-Za-z0-9\-.]{1,64}$/

/**
 * Who may break the glass: a named practitioner of a client that the site registered for it, in a role that treats, for a
 * purpose of emergency. Agreements, factors of authentication and registered purposes were checked before. Pure.
 */
export function createEmergencyIdentity(): EmergencyIdentity {
  return {
    admit,
    reaches: ({ patient, onlyPatient }, asked) => {
      if ([patient, onlyPatient].some(bound => bound !== undefined && bound !== asked))
        throw new Refusal('scope-insufficient', { diagnostics: 'patient: expected the patient of the token' })
    },
  }
}

function admit({ requester, purposeOfUse }: Identified): void {
  const { namedScopes = [], registration, user, role } = requester
  if (!namedScopes.includes(SCOPE))
    throw new Refusal('scope-insufficient', { diagnostics: `scope: expected ${SCOPE}` })
  if (registration?.breakGlass !== true)
    throw new Refusal('actor-not-allowed', {
      diagnostics: 'client: expected one that is registered to break the glass',
    })
  if (user === undefined || !PRACTITIONER.test(user))
    throw new Refusal('user-required', { diagnostics: 'fhirUser: expected a practitioner' })
  if (!ROLES.includes(role))
    throw new Refusal('actor-not-allowed', {
      diagnostics: 'client: expected the role provider or medical-personnel',
    })
  if (!purposeOfUse.effective.every(code => EMERGENCY_PURPOSES.includes(code)))
    throw new Refusal('purpose-not-allowed', {
      diagnostics: `purpose of use: expected ${EMERGENCY_PURPOSES.join(' or ')} and no other, registered for the client`,
    })
}
