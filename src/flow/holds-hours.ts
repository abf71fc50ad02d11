import type { OpeningHours } from '../model/holds.ts'

const MINUTE_MS = 60_000

/**
 * Whether a moment lies outside of opening hours, by the clock on the wall of the zone: an hour that daylight saving time
 * repeats or leaves out is what that clock says. @param zone IANA time zone
 */
export function afterHours(zone: string): (open: OpeningHours, at: Date) => boolean {
  const clock = wallClock(zone)
  return ({ weekdays, from, to }, at) => {
    const { weekday, time } = clock(at)
    return !weekdays.some(each => each === weekday) || time < from || time >= to
  }
}

interface WallTime {
  /** `mon` … `sun`. */
  readonly weekday: string
  /** `07:05`. */
  readonly time: string
}

/** Asked for each request: the last minute is remembered. */
function wallClock(zone: string): (at: Date) => WallTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  let known: { readonly minute: number; readonly wall: WallTime } | undefined
  return at => {
    const minute = Math.floor(at.getTime() / MINUTE_MS)
    if (known?.minute === minute) return known.wall
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
    const wall = {
      weekday: parts.get('weekday')?.toLowerCase() ?? '',
      time: `${parts.get('hour')}:${parts.get('minute')}`,
    }
    known = { minute, wall }
    return wall
  }
}
