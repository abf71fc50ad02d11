import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { loadHolds } from '../../src/data/holds.ts'
import { loadPurposes } from '../../src/data/purpose.ts'
import { purposeTree } from '../../src/decide/purpose.ts'
import { createHolds } from '../../src/flow/holds.ts'
import { createBreadthCount } from '../../src/flow/holds-breadth.ts'
import { spanInDays } from '../../src/flow/holds-dates.ts'
import { afterHours } from '../../src/flow/holds-hours.ts'
import { createInteractionParser } from '../../src/interaction/parser.ts'
import type { HoldRule, OpeningHours } from '../../src/model/holds.ts'
import { Refusal } from '../../src/model/refusal.ts'
import type { Requester, RequesterRole } from '../../src/model/requester.ts'
import { createHoldGate } from '../../src/office/holds-desk.ts'
import { exchange, FORM, OPTIONS } from '../interaction/exchange.ts'
import { memoryStore } from '../office/fixtures.ts'
import { requester, world } from './world.ts'

const parser = createInteractionParser(OPTIONS)
const table = loadHolds()
const { wide } = purposeTree(loadPurposes('profiles/purpose').purposeParents, [])

const RULE: HoldRule = {
  id: 'rule',
  kind: 'whole-chart',
  approvalHours: 24,
  caseHours: 168,
  openCasesMax: 50,
  spanDays: 366,
  values: 20,
  narrowing: [],
  windowHours: 24,
}

interface As {
  readonly purposes?: readonly [string, ...string[]]
  readonly role?: RequesterRole
  readonly client?: string
  readonly user?: string
  readonly at?: string
  readonly more?: Partial<Requester>
}

let store = memoryStore()
let ids = 0
beforeEach(() => {
  store = memoryStore()
  ids = 0
})

/** Asks one gate again and again; gives the code of the refusal, or `flows`. */
function asking(rules: readonly Partial<HoldRule>[], zone = 'UTC') {
  const holds = createHolds({
    rules: rules.map(rule => ({ ...RULE, ...rule })),
    table,
    wide,
    zone,
    gate: createHoldGate(store, {
      newId: () => `case-${++ids}`,
      now: () => new Date('2026-03-02T12:00:00Z'),
    }),
    count: createBreadthCount(),
  })
  return (target: string, as: As = {}): string => {
    const { purposes = ['HPAYMT'], role = 'payer', client = 'plan', at, user } = as
    const given = exchange(`/fhir/${target}`, at === undefined ? {} : { receivedAt: new Date(at) })
    const identified = {
      ...given,
      requester: {
        ...requester,
        key: `idp|${client}|${user ?? ''}`,
        client,
        role,
        ...(user === undefined ? {} : { user }),
        ...as.more,
      },
      purposeOfUse: { effective: purposes, asserted: purposes, registered: purposes },
    }
    try {
      holds.check({ ...identified, interaction: parser.understand(identified) })
      return 'flows'
    } catch (error) {
      if (error instanceof Refusal) return error.code
      throw error
    }
  }
}

describe('a whole chart', () => {
  test.each([
    'Observation?patient=a',
    'Observation?subject=Patient/a&_count=50&_sort=-date',
    'Observation',
    'Observation?patient=a&status=final',
    'Observation?patient=a&category=laboratory',
    'Observation?patient=a&_lastUpdated=ge2026-01-01&_lastUpdated=le2026-02-01',
    'Observation?patient=a&date=ge1900-01-01',
    'Observation?patient=a&date=ge1900-01-01&date=le2030',
    'Observation?patient=a&date=ne2026-01-01',
    'Observation?patient=a&date=le1900,ge1900',
    'Observation?patient=a&code=http://loinc.org%7C',
    `Observation?patient=a&code=${Array.from({ length: 21 }, (_, n) => `c${n}`).join()}`,
    'Patient',
    'Patient?gender=female',
    'Patient?_id=a&_revinclude=Observation:patient',
    'Organization?_id=o&_revinclude=Encounter:service-provider',
    'EpisodeOfCare?_id=e&_revinclude=Encounter:episode-of-care',
    'DocumentReference?patient=a&_include=DocumentReference:subject',
  ])('%s is held', target => {
    expect(asking([{}])(target)).toBe('held')
  })

  test.each([
    'Observation/1',
    'Observation/1/_history/2',
    'Patient/a',
    'Patient?_id=a',
    'Patient?family=Marsh&birthdate=1970-01-01',
    'Organization?name=Bayview',
    'Coverage?patient=a',
    'Observation?patient=a&code=http://loinc.org%7C85354-9',
    'Observation?patient=a&date=2026',
    'Observation?patient=a&date=ge2026-01-01&date=lt2026-04-01',
    'Observation?patient=a&encounter=Encounter/7',
    'Encounter?_id=7&_revinclude=Observation:encounter',
    'Claim?identifier=http://claims.example%7C1182',
  ])('%s is narrow and flows', target => {
    expect(asking([{}])(target)).toBe('flows')
  })

  test('is judged alike by GET, by POST and on a later page', () => {
    const post = exchange('/fhir/Observation/_search', {
      method: 'POST',
      headers: [['Host', 'gw.example'], FORM],
      body: 'patient=a',
    })
    const interaction = parser.understand(post)
    expect(interaction.code).toBe('search-type')
    const holds = createHolds({
      rules: [{ ...RULE, purposes: ['TREAT'] }],
      table,
      wide,
      zone: 'UTC',
      gate: createHoldGate(store, { newId: () => 'one', now: () => new Date() }),
      count: createBreadthCount(),
    })
    const page = interaction.code === 'search-type' ? { ...interaction, offset: 20 } : interaction
    const effective = ['TREAT'] as const
    for (const each of [interaction, page])
      expect(() =>
        holds.check({
          ...post,
          requester,
          purposeOfUse: { effective, asserted: effective, registered: effective },
          interaction: each,
        }),
      ).toThrow(Refusal)
    expect(store.events.length).toBe(1)
  })

  test('a site may name more that narrows, and a shorter span', () => {
    expect(asking([{ narrowing: ['category'] }])('Observation?patient=a&category=laboratory')).toBe('flows')
    expect(asking([{ spanDays: 90 }])('Observation?patient=a&date=2026')).toBe('held')
  })

  test('searches that narrow by page and order alone are one case; another patient is another', () => {
    const ask = asking([{}])
    ask('Observation?patient=a')
    ask('Observation?patient=a&_count=5&_sort=date')
    ask('Condition?patient=Patient/a')
    expect(store.events.length).toBe(1)
    ask('Observation?patient=b')
    expect(store.events.length).toBe(2)
    ask('Observation?patient=a', { user: 'Practitioner/other' })
    ask('Observation?patient=a', { purposes: ['HOPERAT'] })
    expect(store.events.length).toBe(4)
  })
})

describe('whom a rule is about', () => {
  const WHOLE = 'Observation?patient=a'

  test.each<[string, Partial<HoldRule>, As, string]>([
    ['a purpose under the one it names', { purposes: ['HPAYMT'] }, { purposes: ['COVAUTH'] }, 'held'],
    ['one held purpose of several', { purposes: ['HPAYMT'] }, { purposes: ['HOPERAT', 'HPAYMT'] }, 'held'],
    ['another purpose', { purposes: ['HPAYMT'] }, { purposes: ['HRESCH'] }, 'flows'],
    ['a named role', { roles: ['payer'] }, {}, 'held'],
    ['another role', { roles: ['payer'] }, { role: 'auditor' }, 'flows'],
    ['a named client', { clients: ['plan'] }, {}, 'held'],
    ['another client', { clients: ['plan'] }, { client: 'aco' }, 'flows'],
    ['a clinician, where no purpose is named', {}, { purposes: ['TREAT'], role: 'provider' }, 'flows'],
    [
      'a clinician under the rule of payers',
      { purposes: ['HPAYMT', 'HOPERAT'] },
      { purposes: ['TREAT'] },
      'flows',
    ],
    ['coordination of care, where no purpose is named', {}, { purposes: ['COC'] }, 'flows'],
    ['an emergency, where no purpose is named', {}, { purposes: ['ETREAT'] }, 'flows'],
    ['an emergency, where treatment is named', { purposes: ['TREAT'] }, { purposes: ['ETREAT'] }, 'flows'],
    ['the broken glass, where treatment is named', { purposes: ['TREAT'] }, { purposes: ['BTG'] }, 'flows'],
    ['all purposes named at once', { purposes: ['PurposeOfUse'] }, { purposes: ['TREAT'] }, 'flows'],
    ['treatment, where it is named', { purposes: ['TREAT'] }, { purposes: ['TREAT'] }, 'held'],
    ['an emergency, where it is named', { purposes: ['ETREAT'] }, { purposes: ['BTG'] }, 'held'],
    ['the patient', {}, { purposes: ['PATRQT'], role: 'patient' }, 'flows'],
    ['a threat', {}, { purposes: ['THREAT'] }, 'flows'],
    ['public health', {}, { purposes: ['PUBHLTH'] }, 'held'],
  ])('%s', (_, rule, as, expected) => {
    expect(asking([rule])(WHOLE, as)).toBe(expected)
  })

  test('a rule of payers never holds a clinician, whatever is asked and when', () => {
    const kinds = [
      { kind: 'whole-chart' },
      { kind: 'breadth', patients: 1 },
      { kind: 'first-contact' },
      { kind: 'after-hours', open: { weekdays: ['mon'], from: '08:00', to: '08:01' } },
    ] as const
    const rules = kinds.flatMap((rule, index) => [
      { ...rule, id: `all-${index}` },
      { ...rule, id: `payers-${index}`, purposes: ['HPAYMT', 'HOPERAT'] },
    ])
    const ask = asking(rules)
    fc.assert(
      fc.property(
        fc.constantFrom('TREAT', 'ETREAT', 'BTG', 'COC', 'ERTREAT'),
        fc.constantFrom(
          'Observation?patient=a',
          'Observation',
          'Patient/b',
          'Observation/1',
          'Patient?_id=c',
        ),
        fc.date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true }),
        (purpose, target, at) =>
          ask(target, { purposes: [purpose], role: 'provider', client: 'ehr', at: at.toISOString() }) ===
          'flows',
      ),
    )
    expect(store.events.length).toBe(0)
    expect(ask('Observation?patient=a')).toBe('held')
  })
})

describe('breadth', () => {
  const at = (time: string): As => ({ at: `2026-03-02T${time}Z` })
  const LIMIT: Partial<HoldRule> = { kind: 'breadth', patients: 2, windowHours: 1 }

  test('more different patients than the limit are held, the same ones again are not', () => {
    const ask = asking([LIMIT])
    expect(ask('Observation?patient=a', at('10:00:00'))).toBe('flows')
    expect(ask('Patient/b', at('10:10:00'))).toBe('flows')
    expect(ask('Condition?patient=c', at('10:20:00'))).toBe('held')
    expect(ask('Condition?patient=b', at('10:20:00'))).toBe('flows')
    expect(ask('Condition?patient=a,b,c', at('10:20:00'))).toBe('held')
    expect(ask('Condition?patient=c', { ...at('10:20:00'), user: 'Practitioner/other' })).toBe('flows')
  })

  test('what was held does not count, and the window rolls', () => {
    const ask = asking([LIMIT])
    ask('Patient/a', at('10:00:00'))
    ask('Patient/b', at('10:30:00'))
    expect(ask('Patient/c', at('10:59:59'))).toBe('held')
    expect(ask('Patient/c', at('11:00:00'))).toBe('flows')
    expect(ask('Patient/a', at('11:00:00'))).toBe('held')
  })

  test('a search that names nobody may reach everybody and is held; one for a person counts as one', () => {
    const ask = asking([LIMIT])
    expect(ask('Condition?code=http://snomed.info/sct%7C75544000')).toBe('held')
    expect(ask('Organization?name=x')).toBe('flows')
    expect(ask('Patient?family=Marsh&birthdate=1970-01-01')).toBe('flows')
    expect(ask('Patient?identifier=http://mrn%7C1')).toBe('flows')
    expect(ask('Patient?family=Dell')).toBe('held')
    expect(ask('Patient')).toBe('held')
  })

  test.each([
    'Patient?birthdate=ge1900-01-01',
    'Patient?birthdate=1970',
    'Patient?birthdate=1970-01-01',
    'Patient?birthdate=1970-01-01&name=a',
    'Patient?birthdate=1970-01-01&family=Marsh,Dell,Young',
    'Patient?family=Marsh',
    'Patient?address=CA',
    'Patient?identifier=http://mrn%7C',
    'Patient?phone=555,556,557',
  ])('%s may find everybody, and does not pass as one person', query => {
    expect(asking([LIMIT])(query)).toBe('held')
    expect(asking([LIMIT])('Patient?phone=555-0100')).toBe('flows')
  })

  test('a token for one patient names that patient', () => {
    const ask = asking([LIMIT])
    const more = { onlyPatient: 'Patient/a' } as const
    for (const target of ['Observation', 'Condition?code=x', 'Patient/a'])
      expect(ask(target, { more })).toBe('flows')
  })

  test('records asked for by id count where the site says so', () => {
    const ask = asking([{ ...LIMIT, records: 3 }])
    expect(ask('Observation?_id=1,2')).toBe('flows')
    expect(ask('Observation/3')).toBe('flows')
    expect(ask('Observation/3')).toBe('flows')
    expect(ask('Observation/4')).toBe('held')
    expect(asking([LIMIT])('Observation?_id=1,2,3,4')).toBe('flows')
  })

  test('rules with other windows do not forget for each other', () => {
    const ask = asking([
      { ...LIMIT, id: 'day', windowHours: 24 },
      { ...LIMIT, id: 'hour', patients: 100 },
    ])
    ask('Patient/a', at('01:00:00'))
    ask('Patient/b', at('03:00:00'))
    expect(ask('Patient/c', at('09:00:00'))).toBe('held')
  })
})

describe('after hours', () => {
  const OPEN: OpeningHours = { weekdays: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '08:00', to: '18:00' }
  const closed = (zone: string, at: string, open = OPEN) => afterHours(zone)(open, new Date(at))

  test.each([
    ['2026-03-02T15:59:59Z', true],
    ['2026-03-02T16:00:00Z', false],
    ['2026-03-03T01:59:59Z', false],
    ['2026-03-03T02:00:00Z', true],
    ['2026-03-07T20:00:00Z', true],
  ])('in Los Angeles %s: closed is %s', (at, expected) => {
    expect(closed('America/Los_Angeles', at)).toBe(expected)
  })

  test('the clock on the wall decides, before and after daylight saving time begins and ends', () => {
    expect(closed('America/New_York', '2026-03-06T12:59:00Z')).toBe(true)
    expect(closed('America/New_York', '2026-03-06T13:00:00Z')).toBe(false)
    expect(closed('America/New_York', '2026-03-09T11:59:00Z')).toBe(true)
    expect(closed('America/New_York', '2026-03-09T12:00:00Z')).toBe(false)
    expect(closed('America/New_York', '2026-11-02T12:30:00Z')).toBe(true)
    expect(closed('America/New_York', '2026-11-02T13:00:00Z')).toBe(false)
  })

  test('an hour that is repeated is open twice, and one that is left out is not missed', () => {
    const early: OpeningHours = { weekdays: ['sun'], from: '01:00', to: '02:00' }
    const night = (at: string) => closed('America/New_York', at, early)
    expect([night('2026-11-01T05:30:00Z'), night('2026-11-01T06:30:00Z')]).toEqual([false, false])
    expect(night('2026-11-01T07:00:00Z')).toBe(true)
    const spring: OpeningHours = { weekdays: ['sun'], from: '02:00', to: '03:00' }
    expect(closed('America/New_York', '2026-03-08T07:00:00Z', spring)).toBe(true)
  })

  test('a day may last until 24:00', () => {
    const whole: OpeningHours = { weekdays: ['mon'], from: '00:00', to: '24:00' }
    expect([
      closed('UTC', '2026-03-02T00:00:00Z', whole),
      closed('UTC', '2026-03-02T23:59:59Z', whole),
    ]).toEqual([false, false])
    expect(closed('UTC', '2026-03-03T00:00:00Z', whole)).toBe(true)
  })

  test('a payer at night is held in the zone of the site, by day it is not', () => {
    const ask = asking([{ kind: 'after-hours', open: OPEN }], 'America/New_York')
    expect(ask('Observation/1', { at: '2026-03-02T23:30:00Z' })).toBe('held')
    expect(ask('Observation/1', { at: '2026-03-02T16:00:00Z' })).toBe('flows')
  })
})

describe('several rules and many cases', () => {
  test('every rule that holds opens its case at once, and none is approved by another', () => {
    const ask = asking([{ id: 'chart' }, { id: 'contact', kind: 'first-contact' }])
    expect(ask('Observation?patient=a')).toBe('held')
    expect(store.events.map(({ body }) => (body['held'] as { rule: string }).rule)).toEqual([
      'chart',
      'contact',
    ])
    expect(ask('Observation?patient=b')).toBe('held')
    expect(store.events.length).toBe(3)
  })

  test('one user cannot bury the office: beyond the open cases requests are refused without a case', () => {
    const ask = asking([{ openCasesMax: 2 }])
    expect(['a', 'b', 'c', 'a'].map(id => ask(`Observation?patient=${id}`))).toEqual([
      'held',
      'held',
      'rate-limited',
      'held',
    ])
    expect(store.events.length).toBe(2)
  })

  test('an office that cannot be asked approves nothing', () => {
    store = {
      ...memoryStore(),
      since: () => {
        throw new Error('gone')
      },
    }
    expect(asking([{}])('Observation?patient=a')).toBe('record-unavailable')
    expect(asking([{ kind: 'first-contact' }])('Observation/1')).toBe('record-unavailable')
    expect(asking([{}])('Observation/1')).toBe('flows')
  })
})

describe('in the corridor', () => {
  test('a held request reaches no upstream and is recorded; forbidden equals absent: nothing hangs on what is there', async () => {
    const over = (id: string) =>
      world({
        resources: [
          { resourceType: 'Observation', id, status: 'final', subject: { reference: `Patient/${id}` } },
        ],
        over: {
          holds: createHolds({
            rules: [{ ...RULE, purposes: ['TREAT'] }],
            table,
            wide,
            zone: 'UTC',
            gate: createHoldGate(memoryStore(), { newId: () => 'case', now: () => new Date() }),
            count: createBreadthCount(),
          }),
        },
      })
    const [there, absent] = [over('a'), over('b')]
    const [one, other] = [await there.get('Observation?patient=a'), await absent.get('Observation?patient=a')]
    expect(one.text).toBe('held')
    expect(other).toEqual(one)
    expect([...there.calls, ...absent.calls]).toEqual([])
    expect(there.refused[0]?.refusal).toMatchObject({
      code: 'held',
      diagnostics: 'case case',
      detail: 'policy.holds: rule',
    })
    expect((await there.get('Observation?code=x&patient=a')).status).toBe(200)
  })
})

describe('the span of dates', () => {
  test.each<[readonly string[], number | undefined]>([
    [['2026-03-02'], 1],
    [['2026-02'], 28],
    [['2024'], 366],
    [['2026-03-01,2026-03-05'], 2],
    [['ge2026-03-01', 'le2026-03-31'], 31],
    [['le2026-03-31T10:00:00Z', 'gt2026-03-01'], 31],
    [['ge2026-03-01'], undefined],
    [['ge2026-03-01', 'le2025-03-01'], undefined],
    [['ap2026-03-01'], undefined],
    [['2026-03-01', 'ge1900'], 1],
    [['ge2026-01-01,2026-01-01', 'le2026-01-02'], undefined],
  ])('%j is %s days', (values, days) => {
    expect(spanInDays(values)).toBe(days)
  })
})
