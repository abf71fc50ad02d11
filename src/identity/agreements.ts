import type { Agreement, ClientRegistration } from '../model/requester.ts'

/** `YYYY`, `YYYY-MM` or `YYYY-MM-DD`. */
const DAY = /^\d{4}(-\d{2}){0,2}$/

/** The calendar day (`YYYY-MM-DD`) of an instant in one zone, worked out once a minute. */
export function createCalendar(zone: string): (at: Date) => string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  let minute = Number.NaN
  let day = ''
  return at => {
    const current = Math.floor(at.getTime() / 60_000)
    if (current !== minute) {
      minute = current
      day = parts.format(at)
    }
    return day
  }
}

/** A date covers its whole day (month, year); a dateTime is an instant; what is neither never holds. */
function hasBegun(start: string, at: Date, today: string): boolean {
  if (DAY.test(start)) return today.slice(0, start.length) >= start
  return Date.parse(start) <= at.getTime()
}

function isOver(end: string, at: Date, today: string): boolean {
  if (DAY.test(end)) return today.slice(0, end.length) > end
  return !(Date.parse(end) >= at.getTime())
}

function isCurrent(agreement: Agreement, at: Date, today: string): boolean {
  const { status, start, end } = agreement
  if (status === 'ended') return false
  if (start !== undefined && !hasBegun(start, at, today)) return false
  return end === undefined || !isOver(end, at, today)
}

/** The first kind of agreement that the registration requires and that is not on file and current at `at`. */
export function missingAgreement(
  registration: ClientRegistration,
  at: Date,
  calendar: (at: Date) => string,
): Agreement['kind'] | undefined {
  if (registration.requiredAgreements.length === 0) return undefined
  const today = calendar(at)
  const isOnFile = (kind: Agreement['kind']): boolean =>
    registration.agreements.some(agreement => agreement.kind === kind && isCurrent(agreement, at, today))
  return registration.requiredAgreements.find(kind => !isOnFile(kind))
}
