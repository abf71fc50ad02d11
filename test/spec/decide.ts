import type { ConsentVerdict } from '../../src/model/consent.ts'
import type { DecisionContext } from '../../src/model/decision.ts'
import type { LabelledResource } from '../../src/model/label.ts'
import type { LawCondition, LawRow } from '../../src/model/law.ts'

/**
 * What decide/ must do, as short as it can be said. One resource, no memory, no order, no speed; conditions on labels,
 * part2, purposes, roles, states, claims and minority. Production must agree on random rows, Consents and resources.
 */
export interface Asked {
  readonly context: DecisionContext
  readonly rows: readonly LawRow[]
  readonly resource: LabelledResource
  readonly verdictsOf: (patient: string) => readonly ConsentVerdict[]
  readonly parents: Readonly<Record<string, readonly string[]>>
  readonly obligations: readonly string[]
  /** Whether the default policy opens for a purpose. */
  readonly defaultOpens: boolean
  /** Whether a form is of a kind. */
  readonly isKind: (kind: string, verdict: ConsentVerdict, patient: string) => boolean
}

export function specified(asked: Asked): 'permit' | 'redact' | 'deny' {
  const { resource, context } = asked
  if (resource.notAssessable !== undefined) return 'deny'
  if (resource.facts.patientData && resource.facts.patients.length === 0) return 'deny'
  if (resource.facts.patients.some(patient => !context.consents.has(patient))) return 'deny'
  if (context.purposes.length === 0) return 'deny'
  const each = context.purposes.map(purpose => forPurpose(purpose, asked))
  if (each.includes('deny')) return 'deny'
  return each.includes('redact') ? 'redact' : 'permit'
}

function forPurpose(purpose: string, asked: Asked): 'permit' | 'redact' | 'deny' {
  const { resource, context, verdictsOf } = asked
  const patients = resource.facts.patients
  const verdicts = patients.flatMap(verdictsOf)
  const isConsented = (kinds: readonly string[]) =>
    patients.length > 0 &&
    patients.every(patient =>
      verdictsOf(patient).some(
        each => each.effect === 'permit' && kinds.some(kind => asked.isKind(kind, each, patient)),
      ),
    )
  const isRefused = verdicts.some(({ effect }) => effect === 'deny' || effect === 'indeterminate')
  const isUnheard = patients.some(patient => !verdictsOf(patient).some(({ effect }) => effect === 'permit'))

  const heard = asked.rows.filter(
    row => row.enabled && isInForce(row, context.at) && speaks(row, purpose, asked),
  )
  const open = heard.filter(row => opens(row) && (row.consent === undefined || isConsented(row.consent)))
  const lifted = open.flatMap(row => row.lifts ?? [])
  const closed = heard.filter(row => !opens(row) && !lifted.includes(row.id))
  const authorities = open.filter(({ effect }) => effect !== 'except')
  const overridden = authorities.flatMap(({ overrides = [] }) => overrides)

  if (authorities.length === 0) return 'deny'
  if (closed.some(({ effect }) => effect === 'deny')) return 'deny'
  if (closed.some(row => row.effect === 'require-consent' && !isConsented(row.consent ?? []))) return 'deny'
  if (isRefused && !overridden.includes('consent')) return 'deny'
  if (isUnheard && !asked.defaultOpens && !overridden.includes('default-policy')) return 'deny'
  for (const rule of context.organizationPolicy) {
    if (rule.labels.length > 0 && !rule.labels.some(label => resource.codes.has(label))) continue
    if (rule.purposes.length > 0 && !rule.purposes.some(each => above(purpose, asked).includes(each)))
      continue
    if (rule.effect === 'deny') return 'deny'
    if (rule.effect === 'require-consent' && !isConsented(['any'])) return 'deny'
  }
  const released = [...open, ...closed]
  const duties = released.flatMap(({ obligations = [] }) => obligations)
  const more = isRefused ? authorities.flatMap(({ onOverride = [] }) => onOverride) : []
  if ([...duties, ...more].some(each => !asked.obligations.includes(each))) return 'deny'
  return authorities.some(({ effect }) => effect === 'limit') ? 'redact' : 'permit'
}

const opens = ({ effect }: LawRow) => effect === 'permit' || effect === 'limit' || effect === 'except'

function isInForce({ effectiveFrom = '0000', effectiveTo = '9999' }: LawRow, at: Date): boolean {
  const today = at.toISOString().slice(0, 10)
  return effectiveFrom <= today && today <= effectiveTo
}

/** Doubt counts against release: an unknown role or age lets a row close and keeps it from opening. */
function speaks(row: LawRow, purpose: string, asked: Asked): boolean {
  const { resource, context } = asked
  const when: LawCondition = row.when
  const inDoubt = !opens(row)
  const reach = opens(row) ? permittedBy(purpose, asked) : above(purpose, asked)
  const { role, state, claims } = context.requester
  const has = (claim: string) => Boolean(claims[claim])
  return (
    (when.labels === undefined || listed(when.labels, label => resource.codes.has(label))) &&
    (when.part2 === undefined || when.part2 === resource.part2) &&
    (when.purposes === undefined || when.purposes.some(each => reach.includes(each))) &&
    (when.requesterRoles === undefined ||
      (role === undefined ? inDoubt : when.requesterRoles.includes(role))) &&
    (when.outOfState === undefined || when.outOfState === (state !== context.custodian.state)) &&
    (when.allClaims === undefined || when.allClaims.every(has)) &&
    (when.minor === undefined ||
      resource.facts.patients.some(
        patient =>
          context.birthDates.get(patient) === '2015-01-01' || (inDoubt && !context.birthDates.has(patient)),
      ))
  )
}

function listed(values: readonly string[], holds: (value: string) => boolean): boolean {
  const plain = values.filter(value => !value.startsWith('!'))
  const negated = values.filter(value => value.startsWith('!')).map(value => value.slice(1))
  return !negated.some(holds) && (plain.length === 0 || plain.some(holds))
}

/** The purpose and everything above it. */
function above(purpose: string, asked: Asked): string[] {
  return [purpose, ...(asked.parents[purpose] ?? []).flatMap(parent => above(parent, asked))]
}

/** The purpose and what above it permits it: BTG and HLEGAL are permitted by name only. */
function permittedBy(purpose: string, asked: Asked): string[] {
  if (purpose === 'BTG' || purpose === 'HLEGAL') return [purpose]
  return [purpose, ...(asked.parents[purpose] ?? []).flatMap(parent => permittedBy(parent, asked))]
}
