import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EmergencyGrant } from '../../src/model/emergency.ts'
import { grantEvent } from '../../src/office/grants.ts'
import { oddUse } from '../../src/office/odd-use.ts'
import { EmergencyFold, EVENT, isUser, stateOf } from '../../src/office/reviews.ts'

const LIMITS = { declarationsPerUser: 2, patientsPerUser: 3, recordsPerGrant: 10 }
const START = Date.parse('2026-09-15T22:00:00Z')
const HOUR = 3_600_000

interface Said {
  readonly id: string
  readonly hour: number
  readonly user?: string
  readonly patient?: string
}

function grantOf({ id, hour, user = 'u', patient = 'ada' }: Said): EmergencyGrant {
  const at = START + hour * HOUR
  const text = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`
  return {
    id,
    patient: `Patient/${patient}`,
    start: text(at),
    end: text(at + HOUR),
    reviewBy: text(at + 72 * HOUR),
    principal: `issuer user ${user}`,
    client: 'ed',
    user: `Practitioner/${user}`,
    userName: 'Zoë  de-la Cruz',
    facts: {
      reason: 'r',
      natureOfEmergency: 'n',
      consentUnobtainable: true,
      consentUnobtainableReason: 'w',
      medicalPersonnel: { name: 'Dr. Cruz', facility: 'ED' },
    },
    discloser: 'Custodian',
    exchange: id,
  }
}

function folded(declarations: readonly Said[]): EmergencyFold {
  const fold = new EmergencyFold()
  fold.take(
    declarations.map((said, index) => ({
      ...grantEvent(grantOf(said), new Date(START + said.hour * HOUR)),
      seq: index + 1,
    })),
  )
  return fold
}

const alerts = (fold: EmergencyFold, hour: number, records: number | undefined) =>
  oddUse(fold, LIMITS, new Date(START + hour * HOUR), () => records).map(({ id }) => id)

describe('odd use', () => {
  test('more declarations of one user within 24 hours than the limit are alerted, of others and of older days not', () => {
    const within = folded([
      { id: 'a', hour: 0 },
      { id: 'b', hour: 10 },
      { id: 'c', hour: 20 },
    ])
    expect(alerts(within, 20, undefined)).toEqual(['c.repeated'])
    const apart = folded([
      { id: 'a', hour: 0 },
      { id: 'b', hour: 10 },
      { id: 'c', hour: 24 },
      { id: 'd', hour: 20, user: 'v' },
    ])
    expect(alerts(apart, 24, undefined)).toEqual([])
  })

  test('more patients of one user than the limit are alerted', () => {
    const wide = ['ada', 'ben', 'carl', 'dora'].map((patient, hour) => ({ id: patient, hour, patient }))
    expect(alerts(folded(wide), 4, undefined)).toEqual(
      expect.arrayContaining(['dora.patients', 'dora.repeated']),
    )
    expect(alerts(folded(wide.slice(0, 3)), 4, undefined)).not.toContain('carl.patients')
  })

  test('a grant that ended without a release that needed it is alerted, one in use is not, one unknown here is not', () => {
    const one = folded([{ id: 'a', hour: 0 }])
    expect(alerts(one, 0.5, 0)).toEqual([])
    expect(alerts(one, 2, 0)).toEqual(['a.unused'])
    expect(alerts(one, 2, 3)).toEqual([])
    expect(alerts(one, 2, undefined)).toEqual([])
  })

  test('more records under one grant than the limit are alerted while it is open', () => {
    expect(alerts(folded([{ id: 'a', hour: 0 }]), 0.5, 11)).toEqual(['a.records'])
    expect(alerts(folded([{ id: 'a', hour: 0 }]), 0.5, 10)).toEqual([])
  })

  test('a review that is not closed by its second is overdue and alerted; a closed one is neither', () => {
    const fold = folded([{ id: 'a', hour: 0 }])
    const known = () => fold.cases.get('a') as NonNullable<ReturnType<EmergencyFold['cases']['get']>>
    expect(stateOf(known(), new Date(START + 72 * HOUR - 1))).toBe('open')
    expect(stateOf(known(), new Date(START + 72 * HOUR))).toBe('overdue')
    expect(alerts(fold, 72, 1)).toEqual(['a.overdue'])
    fold.take([
      {
        seq: 2,
        at: 'later',
        kind: EVENT.closed,
        subject: 'a',
        by: 'officer',
        body: { outcome: 'appropriate' },
      },
    ])
    expect(stateOf(known(), new Date(START + 99 * HOUR))).toBe('appropriate')
    expect(alerts(fold, 99, 1)).toEqual([])
  })

  test('what was queued once is never queued again, however often it is looked for', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            hour: fc.integer({ min: 0, max: 60 }),
            user: fc.constantFrom('u', 'v'),
            patient: fc.constantFrom('ada', 'ben', 'carl', 'dora'),
          }),
          { maxLength: 12 },
        ),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 20 })), {
          maxLength: 6,
        }),
        (declarations, looks) => {
          const fold = folded(declarations.map((one, index) => ({ ...one, id: `g${index}` })))
          const told: string[] = []
          for (const [hour, records] of looks) {
            const made = oddUse(fold, LIMITS, new Date(START + hour * HOUR), () => records)
            told.push(...made.map(({ id }) => id))
            fold.take(
              made.map(alert => ({
                seq: fold.last + 1,
                at: alert.at,
                kind: EVENT.queued,
                subject: alert.id,
                by: 'consentry',
                body: { alert: { ...alert } },
              })),
            )
          }
          expect(new Set(told).size).toBe(told.length)
        },
      ),
    )
  })
})

describe('who may close a review', () => {
  test.each(['Practitioner/u', 'u', 'zoe de la cruz', 'ZOË DE-LA CRUZ', 'dr cruz', 'issuer user u'])(
    'not %s, which is a name of the user',
    name => {
      expect(isUser(grantOf({ id: 'a', hour: 0 }), name)).toBe(true)
    },
  )
  test('somebody else', () => {
    expect(isUser(grantOf({ id: 'a', hour: 0 }), 'Ruth Okafor')).toBe(false)
  })
})
