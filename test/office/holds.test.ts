import { describe, expect, test } from 'vitest'
import type { HeldRequest } from '../../src/model/holds.ts'
import { endOf, HOLD_EVENT, type HoldCase, HoldFold, heldAlert, holdState } from '../../src/office/holds.ts'
import { createHoldDesk, createHoldGate, rememberKnownClients } from '../../src/office/holds-desk.ts'
import { EmergencyFold, waiting } from '../../src/office/reviews.ts'
import { memoryStore } from './fixtures.ts'

const HELD: HeldRequest = {
  key: 'k',
  rule: 'payer-whole-chart',
  kind: 'whole-chart',
  approvalHours: 24,
  caseHours: 48,
  openCasesMax: 2,
  principal: 'idp|user|pat',
  client: 'plan',
  user: 'Practitioner/pat',
  userName: 'Pat Morgan',
  purposes: ['HPAYMT'],
  covers: 'Patient/a',
  request: 'Observation?patient=Patient/a',
  exchange: 'x1',
}
const ANA = { by: 'ana', account: 'ana', host: 'office' }

function office() {
  const store = memoryStore()
  const clock = { at: new Date('2026-03-02T12:00:00.500Z') }
  let ids = 0
  const now = () => clock.at
  return {
    store,
    set: (text: string) => {
      clock.at = new Date(text)
    },
    gate: createHoldGate(store, { newId: () => `case-${++ids}`, now }),
    desk: createHoldDesk(store, now),
    ask: (
      more: Partial<HeldRequest> = {},
      gate = createHoldGate(store, { newId: () => `case-${++ids}`, now }),
    ) => gate.ask({ ...HELD, ...more }, clock.at),
    now,
  }
}

describe('a case', () => {
  test('is opened once for the same request, by whichever gateway, and waits', () => {
    const { ask, gate, store } = office()
    expect(ask()).toEqual({ state: 'held', id: 'case-1' })
    expect(ask()).toEqual({ state: 'held', id: 'case-1' })
    expect(ask({}, gate)).toEqual({ state: 'held', id: 'case-1' })
    expect(ask({ key: 'other' })).toEqual({ state: 'held', id: 'case-2' })
    expect(store.events.length).toBe(2)
  })

  test('that nobody decides on lapses, and the next request opens another', () => {
    const { ask, set, desk } = office()
    ask()
    set('2026-03-04T11:59:59.999Z')
    expect(ask().id).toBe('case-1')
    set('2026-03-04T12:00:00Z')
    expect(() => desk.approve('case-1', ANA, {})).toThrow('lapsed')
    expect(ask()).toEqual({ state: 'held', id: 'case-2' })
  })

  test('that is approved lets the request through until a second, and then is asked for anew', () => {
    const { ask, set, desk, gate } = office()
    ask({}, gate)
    const approved = desk.approve('case-1', ANA, { hours: 2, why: 'claim 1182' })
    expect(approved.decided).toEqual({
      what: 'approved',
      at: '2026-03-02T12:00:00.500Z',
      by: 'ana',
      until: '2026-03-02T14:00:00Z',
      why: 'claim 1182',
    })
    expect(ask({}, gate)).toEqual({ state: 'approved', id: 'case-1' })
    set('2026-03-02T13:59:59.999Z')
    expect(ask().state).toBe('approved')
    set('2026-03-02T14:00:00.000Z')
    expect(ask()).toEqual({ state: 'held', id: 'case-2' })
  })

  test('that is denied is refused for its hours, can be approved still, and an approval can be taken back', () => {
    const { ask, set, desk } = office()
    ask()
    desk.deny('case-1', 'no claim', ANA)
    expect(ask()).toEqual({ state: 'denied', id: 'case-1' })
    expect(() => desk.deny('case-1', 'again', ANA)).toThrow('denied already')
    desk.approve('case-1', ANA, {})
    expect(ask().state).toBe('approved')
    expect(() => desk.approve('case-1', ANA, {})).toThrow('approved already')
    desk.deny('case-1', 'withdrawn', ANA)
    expect(ask().state).toBe('denied')
    set('2026-03-04T12:00:00Z')
    expect(ask()).toEqual({ state: 'held', id: 'case-2' })
  })

  test('is not decided by who asked, however the name is spelt, nor by such an event', () => {
    const { ask, desk, store } = office()
    ask()
    for (const by of ['pat', 'PAT MORGAN', 'Practitioner/pat', 'Pat-Morgan'])
      expect(() => desk.approve('case-1', { ...ANA, by }, {})).toThrow('somebody else')
    const body = { until: '2026-04-01T00:00:00Z' }
    store.append({
      at: '2026-03-02T12:00:00Z',
      kind: HOLD_EVENT.approved,
      subject: 'case-1',
      by: 'pat morgan',
      body,
    })
    expect(ask().state).toBe('held')
    store.append({
      at: '2026-03-02T12:00:00Z',
      kind: HOLD_EVENT.approved,
      subject: 'case-1',
      by: 'ana',
      body: {},
    })
    expect(ask().state).toBe('held')
  })

  test('is approved for no longer than its rule allows', () => {
    const { ask, desk } = office()
    ask()
    for (const hours of [25, 0, -1, Number.NaN])
      expect(() => desk.approve('case-1', ANA, { hours })).toThrow('at most 24')
    expect(desk.approve('case-1', ANA, { hours: 0.5 }).decided?.until).toBe('2026-03-02T12:30:00Z')
    expect(() => desk.approve('nobody', ANA, {})).toThrow('holds list')
  })

  test('of a first contact stays approved until it is taken back, and takes no hours', () => {
    const { ask, desk, set } = office()
    ask({ kind: 'first-contact' })
    expect(() => desk.approve('case-1', ANA, { hours: 1 })).toThrow('no hours')
    desk.approve('case-1', ANA, {})
    set('2036-03-02T12:00:00Z')
    expect(ask({ kind: 'first-contact' }).state).toBe('approved')
    desk.deny('case-1', 'contract ended', ANA)
    expect(ask({ kind: 'first-contact' }).state).toBe('denied')
  })

  test('counts against the user until it is decided on', () => {
    const { ask, desk } = office()
    ask({ key: 'a' })
    ask({ key: 'b' })
    expect(ask({ key: 'c' })).toEqual({ state: 'too-many' })
    expect(ask({ key: 'c', principal: 'another' }).state).toBe('held')
    desk.deny('case-1', 'no', ANA)
    expect(ask({ key: 'c' }).state).toBe('held')
  })

  test('that was opened twice by gateways of their own is denied where one is, and approved where one is', () => {
    const { ask, store, desk } = office()
    ask()
    store.append({
      at: '2026-03-02T12:00:00Z',
      kind: HOLD_EVENT.opened,
      subject: 'twin',
      by: 'consentry',
      body: { held: { ...HELD } as never },
    })
    desk.approve('twin', ANA, {})
    expect(ask()).toEqual({ state: 'approved', id: 'twin' })
    desk.deny('case-1', 'no', ANA)
    expect(ask()).toEqual({ state: 'denied', id: 'case-1' })
  })
})

describe('clients that are known', () => {
  test('are remembered once, when a rule is first in force: no later release makes one known', () => {
    const { store, gate, now } = office()
    rememberKnownClients(store, ['contact'], () => ['old'], now)
    rememberKnownClients(
      store,
      ['contact'],
      () => {
        throw new Error('asked again')
      },
      now,
    )
    expect([gate.isKnownClient('contact', 'old'), gate.isKnownClient('contact', 'new')]).toEqual([
      true,
      false,
    ])
    expect(gate.isKnownClient('other', 'old')).toBe(false)
    rememberKnownClients(store, ['contact', 'other'], () => ['old', 'new'], now)
    expect([gate.isKnownClient('contact', 'new'), gate.isKnownClient('other', 'new')]).toEqual([false, true])
  })
})

describe('the store', () => {
  test('a case queues its alert in the same event, which tells nothing of what was asked', () => {
    const { ask, store } = office()
    ask()
    const fold = new EmergencyFold()
    fold.take(store.since(0))
    const [alert] = waiting(fold)
    expect(alert).toMatchObject({ id: 'case-1.held', kind: 'disclosure-held', grant: 'case-1' })
    expect(JSON.stringify(alert?.body)).not.toMatch(/Patient\/a|Observation|Morgan/)
    expect(alert?.body).toMatchObject({ data: { case: 'case-1', rule: 'payer-whole-chart', client: 'plan' } })
    expect(fold.cases.size).toBe(0)
  })

  test('events that do not fit change nothing', () => {
    const fold = new HoldFold()
    const store = memoryStore()
    const say = (kind: string, subject: string, body: object) =>
      store.append({ at: '2026-03-02T12:00:00Z', kind, subject, by: 'ana', body: body as never })
    say(HOLD_EVENT.opened, 'broken', { held: { key: 'k' } })
    say(HOLD_EVENT.opened, 'empty', {})
    say(HOLD_EVENT.approved, 'nobody', { until: '2030-01-01T00:00:00Z' })
    say(HOLD_EVENT.known, 'contact', { clients: 'all' })
    say('evidence-approved', 'case', {})
    fold.take(store.since(0))
    expect([fold.cases.size, fold.known.get('contact')?.size, fold.last]).toEqual([0, 0, 5])
    say(HOLD_EVENT.opened, 'case', { held: HELD })
    say(HOLD_EVENT.opened, 'case', { held: { ...HELD, caseHours: 9999 } })
    fold.take(store.since(fold.last))
    const one = fold.cases.get('case')
    expect(one?.caseHours).toBe(48)
    expect(one && holdState(one, new Date('2026-03-02T12:00:00Z'))).toBe('open')
  })
})

describe('the end of a case', () => {
  const openedAt = '2026-03-02T12:00:00.500Z'
  const one: HoldCase = { ...HELD, id: 'case-1', openedAt }
  const word = { at: '2026-03-03T12:00:00.900Z', by: 'ana' }

  test('is told as it stands, and is where its state changes', () => {
    const until = '2026-03-04T12:00:00Z'
    const ends = [
      [one, '2026-03-04T12:00:00Z', 'open'],
      [{ ...one, decided: { ...word, what: 'denied' } }, '2026-03-05T12:00:00Z', 'denied'],
      [{ ...one, decided: { ...word, what: 'approved', until } }, until, 'approved'],
    ] as const
    for (const [held, end, state] of ends) {
      expect(endOf(held)).toBe(end)
      expect(holdState(held, new Date(Date.parse(end) - 1))).toBe(state)
      expect(holdState(held, new Date(end))).toBe('lapsed')
    }
  })

  test('never comes for an approval without one', () => {
    const approved: HoldCase = { ...one, decided: { ...word, what: 'approved' } }
    expect(endOf(approved)).toBeUndefined()
    expect(holdState(approved, new Date('2036-01-01T00:00:00Z'))).toBe('approved')
  })
})

describe('the alert of a case', () => {
  const event = (body: object) =>
    ({
      seq: 1,
      at: '2026-03-02T12:00:00Z',
      kind: HOLD_EVENT.opened,
      subject: 'case-1',
      by: 'g',
      body,
    }) as never

  test('says who asks as far as that is known, and not what was asked', () => {
    const { user: _user, ...nobody } = HELD
    expect(heldAlert(event({ held: { ...HELD, organization: 'Organization/plan' } }))?.body.data).toEqual({
      case: 'case-1',
      rule: HELD.rule,
      kind: HELD.kind,
      client: 'plan',
      user: 'Practitioner/pat',
      organization: 'Organization/plan',
      purposes: ['HPAYMT'],
    })
    expect(heldAlert(event({ held: nobody }))?.body.data).not.toHaveProperty('user')
  })

  test('is none where the event holds no case', () => {
    expect(heldAlert(event({}))).toBeUndefined()
  })
})
