import { loadHolds } from './data/holds.ts'
import type { Configuration } from './model/configuration.ts'
import type { HoldRule } from './model/holds.ts'

/** Codes and clients of `policy.holds` that are not there. */
export function holdProblems(
  { policy, clients }: Pick<Configuration, 'policy' | 'clients'>,
  isPurpose: (code: string) => boolean,
): string[] {
  const ids = new Set(clients.map(({ clientId }) => clientId))
  return (policy.holds ?? []).flatMap((rule, index) => [
    ...strangers(
      rule.purposes,
      isPurpose,
      `policy.holds[${index}].purposes`,
      'a purpose of use, e.g. HPAYMT',
    ),
    ...strangers(
      rule.clients,
      id => ids.has(id),
      `policy.holds[${index}].clients`,
      'the clientId of a registered client',
    ),
  ])
}

function strangers(
  given: readonly string[] | undefined,
  isKnown: (one: string) => boolean,
  place: string,
  expected: string,
): string[] {
  return (given ?? []).flatMap((one, index) =>
    isKnown(one) ? [] : [`${place}[${index}]: ${one}: expected ${expected}`],
  )
}

/** Rules that may stop a clinician or a patient, and cases that nobody is told of. */
export function holdWarnings({
  policy,
  clients,
  emergency,
}: Pick<Configuration, 'policy' | 'clients' | 'emergency'>): string[] {
  const { holds: rules = [] } = policy
  if (rules.length === 0) return []
  const { onlyWhereNamed } = loadHolds()
  return [
    ...rules.flatMap(({ id, purposes = [] }) =>
      purposes
        .filter(code => onlyWhereNamed.includes(code))
        .map(
          code =>
            `policy.holds: ${id} holds ${code}: care, or a patient's own access, will wait for the office`,
        ),
    ),
    ...rules
      .filter(rule => !reaches(rule, clients))
      .map(({ id }) => `policy.holds: ${id} speaks of no registered client`),
    ...(emergency.alerts === undefined
      ? ['emergency.alerts: none; held disclosures stand in `holds list` and nobody is told of them']
      : []),
  ]
}

function reaches({ roles, clients: ids }: HoldRule, clients: Configuration['clients']): boolean {
  return clients.some(
    ({ clientId, role }) =>
      (ids === undefined || ids.includes(clientId)) && (roles === undefined || roles.includes(role)),
  )
}
