import { describe, expect, test } from 'vitest'
import type { EvidenceKind, EvidenceOnFile, OfficeEvent } from '../../src/model/office.ts'
import { createEvidenceDesk, DeskError } from '../../src/office/desk.ts'
import { APPROVED, ENDED, ENTERED, stateOf, told } from '../../src/office/evidence.ts'
import { EmergencyFold, EVENT } from '../../src/office/reviews.ts'
import { profiles } from '../decide/fixtures.ts'
import { enter, memoryStore, NOON, ORDER } from './fixtures.ts'

let seq = 0
const event = (kind: string, body: object, more: Partial<OfficeEvent> = {}): OfficeEvent => ({
  seq: ++seq,
  at: '2026-09-01T00:00:00.000Z',
  kind,
  subject: 'e',
  by: 'ana',
  body: body as never,
  ...more,
})

describe('Evidence, told event by event', () => {
  const onFile = (...events: OfficeEvent[]): EvidenceOnFile | undefined => {
    const on = new Map<string, EvidenceOnFile>()
    for (const one of events) told(on, one, 'personal')
    return on.get('e')
  }
  const kind = profiles.evidenceKinds?.find(({ id }) => id === ORDER.kind) as EvidenceKind

  test('that no account is known to have entered is approved by nobody where accounts are personal', () => {
    const approval = event(APPROVED, { account: 'ben' }, { by: 'ben' })
    expect(onFile(event(ENTERED, ORDER), approval)?.approvedAt).toBeUndefined()
    expect(onFile(event(ENTERED, { ...ORDER, account: 'ana' }), approval)?.approvedBy).toBe('ben')
  })

  test('ends without a reason too, and counts no more', () => {
    const entered = event(ENTERED, { ...ORDER, account: 'ana' })
    const approved = event(APPROVED, { account: 'ben' }, { by: 'ben' })
    const before = onFile(entered, approved) as EvidenceOnFile
    const ended = onFile(entered, approved, event(ENDED, {})) as EvidenceOnFile
    expect(stateOf(before, kind, NOON)).toBe('in-force')
    expect(stateOf(ended, kind, NOON)).toBe('ended')
    expect(ended).not.toHaveProperty('endedWhy')
    expect(onFile(entered, event(ENDED, { why: 'vacated' }))?.endedWhy).toBe('vacated')
  })
})

describe('An approval', () => {
  test('that comes after somebody else ended the evidence says so', () => {
    const store = memoryStore()
    const { append } = store
    const desk = createEvidenceDesk(
      {
        ...store,
        append: given => {
          // Between the look of this process and its word another one speaks.
          if (given.kind === APPROVED) append({ ...given, kind: ENDED, body: { why: 'vacated' } })
          return append(given)
        },
      },
      profiles.evidenceKinds ?? [],
      { newId: () => 'e2', now: () => NOON, accounts: 'personal' },
    )
    enter(store, 'e', ORDER, { approved: false })
    const ben = { by: 'ben', account: 'ben', host: 'office' }
    expect(() => desk.approve('e', ben)).toThrow(new DeskError('evidence e: was ended meanwhile'))
    expect(desk.find('e').approvedAt).toBeUndefined()
  })
})

describe('An emergency, told event by event', () => {
  const grant = { id: 'e', patient: 'Patient/p', client: 'c', user: 'Practitioner/x' }
  const fold = (...events: OfficeEvent[]): EmergencyFold => {
    const made = new EmergencyFold()
    made.take([event(EVENT.declared, { grant }), ...events])
    return made
  }

  test('keeps the first end of its grant, and passes over the end of what nobody declared', () => {
    const later = { at: '2026-09-02T00:00:00.000Z', by: 'ben' }
    const cases = fold(
      event(EVENT.ended, {}),
      event(EVENT.ended, {}, later),
      event(EVENT.ended, {}, { subject: 'other' }),
    ).cases
    expect(cases.get('e')?.ended).toEqual({ at: '2026-09-01T00:00:00.000Z', by: 'ana' })
    expect(cases.size).toBe(1)
  })

  test('is closed with a note where one was written, once', () => {
    const closed = (...notes: object[]) =>
      fold(...notes.map(note => event(EVENT.closed, { outcome: 'appropriate', ...note }))).cases.get('e')
        ?.closed
    expect(closed({ note: 'seen' }, { note: 'again' })?.note).toBe('seen')
    expect(closed({})).not.toHaveProperty('note')
  })

  test('queues an alert under its own id alone', () => {
    const alert = { id: 'e.late', kind: 'review-overdue', at: '', grant: 'e', body: {} }
    const size = (subject: string): number => fold(event(EVENT.queued, { alert }, { subject })).queued.size
    expect(size('e.late')).toBe(2)
    expect(size('e.other')).toBe(1)
    expect(fold(event(EVENT.queued, {}, { subject: 'e.late' })).queued.size).toBe(1)
  })
})
