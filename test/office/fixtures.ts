import type { EvidenceEntry, OfficeEvent, OfficeStore } from '../../src/model/office.ts'
import { APPROVED, ENDED, ENTERED } from '../../src/office/evidence.ts'

/** A store in memory. */
export function memoryStore(): OfficeStore & { readonly events: OfficeEvent[] } {
  const events: OfficeEvent[] = []
  return {
    events,
    append: event => {
      const stored = { ...event, seq: events.length + 1 }
      events.push(stored)
      return stored
    },
    since: seq => events.slice(seq),
    close: () => undefined,
  }
}

export const NOON = new Date('2026-09-15T15:00:00Z')

export const ORDER: EvidenceEntry = {
  kind: 'court-order-part2',
  for: { client: 'court' },
  patients: ['Patient/p'],
  period: { start: '2026-09-01T00:00:00.000Z', end: '2026-10-01T00:00:00.000Z' },
  facts: {
    section: '42 CFR 2.64',
    court: 'Superior Court',
    date: '2026-08-30',
    findings: 'no other way; the public interest outweighs',
    noticeAndHearing: true,
    subpoenaAttached: true,
    scope: { resourceTypes: ['Observation'] },
  },
}

/** Events of an evidence that was entered, and approved unless told otherwise. */
export function enter(
  store: OfficeStore,
  id: string,
  entry: EvidenceEntry,
  { approved = true }: { readonly approved?: boolean } = {},
): void {
  const at = entry.period.start
  store.append({ at, kind: ENTERED, subject: id, by: 'ana', body: { ...entry, account: 'ana' } as never })
  if (approved) store.append({ at, kind: APPROVED, subject: id, by: 'ben', body: { account: 'ben' } })
}

export function end(store: OfficeStore, id: string): void {
  store.append({ at: NOON.toISOString(), kind: ENDED, subject: id, by: 'ana', body: { why: 'vacated' } })
}
