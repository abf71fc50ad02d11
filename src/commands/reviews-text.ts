import { type Emergencies, type ReviewCase, stateOf } from '../office/reviews.ts'
import type { UnderGrant } from '../record/under-grant.ts'
import { linesText } from './lines.ts'

/** One line a case, in columns that `cut` and `sort` can take apart. */
export function listText(cases: readonly ReviewCase[], known: Emergencies, at: Date): string {
  if (cases.length === 0) return 'no case\n'
  const lines = cases.map(one => {
    const { id, patient, user, client, reviewBy } = one.grant
    const alerts = alertsOf(one, known)
    const late = alerts.filter(({ sent }) => sent === undefined).length
    return [
      id,
      stateOf(one, at).padEnd(13),
      `review by ${reviewBy}`,
      `${user} of ${client}`,
      patient,
      late === 0 ? 'alerts arrived' : `${late} of ${alerts.length} alerts waiting`,
    ].join('  ')
  })
  return linesText(lines)
}

/** Alerts of one case in order, with when each arrived. */
function alertsOf({ grant }: ReviewCase, { queued, sent }: Emergencies) {
  return [...queued.values()]
    .filter(alert => alert.grant === grant.id)
    .map(({ id, kind, at }) => ({ kind, at, sent: sent.get(id) }))
}

interface About {
  readonly known: Emergencies
  readonly at: Date
  /** Ledger that was looked in. */
  readonly file: string
  /** Absent: that ledger does not hold the declaration. */
  readonly released: readonly UnderGrant[] | undefined
}

/** One case in words: what was declared, what was seen, how it ended. */
export function caseText(one: ReviewCase, about: About): string {
  const { grant, declaredAt, ended, closed } = one
  const { facts } = grant
  const lines = [
    `case       ${grant.id}: ${stateOf(one, about.at)}, review by ${grant.reviewBy}`,
    `declared   ${declaredAt} in exchange ${grant.exchange}`,
    `who        ${grant.userName === undefined ? grant.user : `${grant.userName} (${grant.user})`} of ${grant.client}`,
    `patient    ${grant.patient}`,
    `open       from ${grant.start} until ${grant.end}`,
    ...(ended === undefined ? [] : [`ended      ${ended.at} by ${ended.by}`]),
    `personnel  ${facts.medicalPersonnel.name}, ${facts.medicalPersonnel.facility}`,
    `discloser  ${grant.discloser}`,
    `nature     ${facts.natureOfEmergency}`,
    `reason     ${facts.reason}`,
    `consent    could not be obtained: ${facts.consentUnobtainableReason}`,
    ...releasedLines(about),
    ...alertsOf(one, about.known).map(
      ({ kind, at, sent }) =>
        `alert      ${kind} of ${at}: ${sent === undefined ? 'waiting' : `arrived ${sent}`}`,
    ),
    ...(closed === undefined
      ? []
      : [
          `closed     ${closed.at} by ${closed.by}: ${closed.outcome}${closed.note === undefined ? '' : `, ${closed.note}`}`,
        ]),
  ]
  return linesText(lines)
}

function releasedLines({ released, file }: About): readonly string[] {
  if (released === undefined)
    return [`released   not known: ${file} does not hold the declaration; --ledger names another`]
  if (released.length === 0) return ['released   nothing that needed the grant']
  return released.flatMap(({ exchange, at, released: records }) => [
    `released   ${records.length} in exchange ${exchange} at ${at}:`,
    ...records.map(record => `           ${record}`),
  ])
}
