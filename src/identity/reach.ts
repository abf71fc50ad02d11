import type { DataInteraction } from '../model/interaction.ts'
import type { ResourceFacts } from '../model/label.ts'
import { Refusal } from '../model/refusal.ts'
import type { Requester, SmartScope } from '../model/requester.ts'
import { createGranular } from './granular.ts'

type Code = DataInteraction['code']

/** SMART App Launch 2.2: `r` is read and vread, `s` is search-type. */
function grants(scope: SmartScope, code: Code): boolean {
  return code === 'search-type' ? scope.search : scope.read
}

function covers(scope: SmartScope, resourceType: string, code: Code): boolean {
  return (scope.resourceType === '*' || scope.resourceType === resourceType) && grants(scope, code)
}

/**
 * Scope and launch context against the interaction, before any upstream call.
 * Throws Refusal `scope-insufficient`, or `patient-context-missing` where only `patient/` scopes cover it and the token
 * names no patient.
 */
export function admit(requester: Requester, interaction: DataInteraction): void {
  const { resourceType, code } = interaction
  const covering = requester.scopes.filter(scope => covers(scope, resourceType, code))
  if (covering.length === 0) {
    const letter = code === 'search-type' ? 's' : 'r'
    throw new Refusal('scope-insufficient', { diagnostics: `scope: expected ${resourceType}.${letter}` })
  }
  const needsPatient = covering.every(scope => scope.context === 'patient')
  if (needsPatient && requester.patient === undefined) {
    throw new Refusal('patient-context-missing', { diagnostics: 'token: expected a launch patient' })
  }
}

/** Types that gather several patients: one member's launch context does not open the others'. */
const COLLECTIONS = new Set(['Bundle', 'Group', 'MeasureReport', 'Parameters'])

/** Whether a resource belongs to `patient`, or to nobody because its type does not speak of patients. */
function isOf(patient: string, facts: ResourceFacts): boolean {
  if (facts.type === 'Patient') return facts.reference === patient
  if (facts.patients.length === 0) return !facts.patientData
  if (COLLECTIONS.has(facts.type) && facts.patients.length > 1) return false
  return facts.patients.includes(patient)
}

function isInContext(scope: SmartScope, requester: Requester, facts: ResourceFacts): boolean {
  if (scope.context === 'patient') return requester.patient !== undefined && isOf(requester.patient, facts)
  // What a patient may see as a user is the own record (SMART: `user/` is what the user has access to).
  const isOwn = scope.context === 'user' && requester.user?.startsWith('Patient/') === true
  return !isOwn || isOf(requester.user ?? '', facts)
}

/** How scopes reach resources: some scope of the right type, letter and context, whose constraints the resource meets. */
export function createReach(): (requester: Requester, facts: ResourceFacts, code: Code) => boolean {
  const meets = createGranular()
  return (requester, facts, code) => {
    if (requester.onlyPatient !== undefined && !isOf(requester.onlyPatient, facts)) return false
    return requester.scopes.some(
      scope =>
        covers(scope, facts.type, code) &&
        isInContext(scope, requester, facts) &&
        (scope.constraints.length === 0 || meets(scope.constraints, facts)),
    )
  }
}
