import type { Alert } from '../model/emergency.ts'
import { alertOf, type Emergencies, type ReviewCase } from './reviews.ts'

/** What is odd, as the site's configuration says. */
export interface OddUseLimits {
  /** Declarations of one user within 24 hours; more are alerted. */
  readonly declarationsPerUser: number
  /** Different patients of one user within 24 hours; more are alerted. */
  readonly patientsPerUser: number
  /** Records released under one grant; more are alerted. */
  readonly recordsPerGrant: number
}

const DAY_MS = 86_400_000
/** How long after its declaration the use of a grant is looked at. */
const LOOKED_AT_MS = 7 * DAY_MS

/**
 * Alerts that follow from what is on file and have not been queued: repeated or wide declarations, a grant that ended
 * unused, one under which much was seen, a review that is overdue. Each at most once; none is lost when the process ends
 * before it was queued, because it follows again.
 * @param releases records released under a grant, or undefined where the ledger at hand does not know of it
 */
export function oddUse(
  emergencies: Emergencies,
  limits: OddUseLimits,
  at: Date,
  releases: (known: ReviewCase) => number | undefined,
): readonly Alert[] {
  const all = [...emergencies.cases.values()]
  const recent = all.filter(({ declaredAt }) => at.getTime() - Date.parse(declaredAt) < LOOKED_AT_MS + DAY_MS)
  const looked = recent.filter(({ declaredAt }) => at.getTime() - Date.parse(declaredAt) < LOOKED_AT_MS)
  return [
    ...looked.flatMap(one => [
      ...unlessQueued(emergencies, one, 'repeated', () => repeated(one, recent, limits, at)),
      ...unlessQueued(emergencies, one, 'patients', () => wide(one, recent, limits, at)),
      ...useOf(emergencies, one, limits, at, releases),
    ]),
    ...all.flatMap(one => unlessQueued(emergencies, one, 'overdue', () => overdue(one, at))),
  ]
}

function unlessQueued(
  { queued }: Emergencies,
  { grant }: ReviewCase,
  suffix: string,
  alert: () => Alert | undefined,
): readonly Alert[] {
  if (queued.has(`${grant.id}.${suffix}`)) return []
  const made = alert()
  return made === undefined ? [] : [made]
}

/**
 * Declarations of one principal in the 24 hours until a moment: what bounds how many more there may be.
 */
export function declaredWithinDay({ cases }: Emergencies, principal: string, at: Date): number {
  let declarations = 0
  for (const { grant, declaredAt } of cases.values())
    if (grant.principal === principal && Date.parse(declaredAt) > at.getTime() - DAY_MS) declarations++
  return declarations
}

/** Cases of the same user that were declared in the 24 hours that end with this one, this one included. */
function before({ grant, declaredAt }: ReviewCase, all: readonly ReviewCase[]): readonly ReviewCase[] {
  const until = Date.parse(declaredAt)
  return all.filter(other => {
    const time = Date.parse(other.declaredAt)
    return other.grant.principal === grant.principal && time <= until && time > until - DAY_MS
  })
}

function repeated(
  one: ReviewCase,
  all: readonly ReviewCase[],
  { declarationsPerUser }: OddUseLimits,
  at: Date,
): Alert | undefined {
  const declarations = before(one, all).length
  if (declarations <= declarationsPerUser) return undefined
  return alertOf('repeated', 'repeated-declarations', one.grant, at.toISOString(), {
    declarations,
    limit: declarationsPerUser,
  })
}

function wide(
  one: ReviewCase,
  all: readonly ReviewCase[],
  { patientsPerUser }: OddUseLimits,
  at: Date,
): Alert | undefined {
  const patients = new Set(before(one, all).map(({ grant }) => grant.patient)).size
  if (patients <= patientsPerUser) return undefined
  return alertOf('patients', 'many-patients', one.grant, at.toISOString(), {
    patients,
    limit: patientsPerUser,
  })
}

/** How long after its end an exchange that began under a grant may still be recorded. */
export const SETTLED_MS = 60_000

function useOf(
  { queued }: Emergencies,
  one: ReviewCase,
  { recordsPerGrant }: OddUseLimits,
  at: Date,
  releases: (known: ReviewCase) => number | undefined,
): readonly Alert[] {
  const { grant, closed } = one
  const end = Date.parse(grant.end)
  const isOver = at.getTime() >= end + SETTLED_MS
  const told = queued.has(`${grant.id}.records`) || queued.has(`${grant.id}.unused`)
  if (told || closed !== undefined) return []
  const records = releases(one)
  if (records === undefined) return []
  if (records > recordsPerGrant)
    return [alertOf('records', 'many-records', grant, at.toISOString(), { records, limit: recordsPerGrant })]
  return isOver && records === 0 ? [alertOf('unused', 'grant-unused', grant, at.toISOString())] : []
}

function overdue({ grant, closed }: ReviewCase, at: Date): Alert | undefined {
  if (closed !== undefined || at.getTime() < Date.parse(grant.reviewBy)) return undefined
  return alertOf('overdue', 'review-overdue', grant, at.toISOString())
}
