import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EvidenceEntry, EvidenceKind } from '../../src/model/office.ts'
import type { Requester } from '../../src/model/requester.ts'
import { createEvidenceDesk, DeskError } from '../../src/office/desk.ts'
import { APPROVED, ENTERED, stateOf } from '../../src/office/evidence.ts'
import { createOffice } from '../../src/office/office.ts'
import { contextOf, hospital, profiles, resourceOf, shippedDecider } from '../decide/fixtures.ts'
import { end, enter, memoryStore, NOON, ORDER } from './fixtures.ts'

const kinds = profiles.evidenceKinds!
const kindOf = (id: string) => kinds.find(kind => kind.id === id) as EvidenceKind
const decider = shippedDecider()
const at = (text: string) => new Date(text)

const court: Requester = {
  ...hospital,
  key: 'court',
  client: 'court',
  organization: 'Organization/court',
  hipaa: 'none',
  role: 'court',
  relationship: 'none',
}

type Store = ReturnType<typeof memoryStore>

/** Decides resources for a requester with what is on file. */
function decide(
  store: Store,
  resources: readonly ReturnType<typeof resourceOf>[],
  given: { requester?: Requester; purposes?: readonly string[]; now?: Date } = {},
) {
  const { requester = court, purposes = ['HLEGAL'], now = NOON } = given
  const claimsOf = createOffice(store, kinds, 'personal').look().claimsOf(requester, purposes, now)
  const patients = ['Patient/p', 'Patient/q']
  const context = contextOf({
    at: now,
    requester,
    purposes,
    consents: new Map(patients.map(patient => [patient, []])),
    birthDates: new Map(patients.map(patient => [patient, '1980-01-01'])),
    ...(claimsOf === undefined ? {} : { claimsOf }),
  })
  return decider.decide(context, resources, () => []).map(({ decision }) => decision)
}

const observation = (patients: readonly string[], type = 'Observation') =>
  resourceOf({ type, id: patients.join('-').replaceAll('/', ''), part2: true, patients })

describe('Evidence on file', () => {
  test('opens what its kind states, for the patients it names and no others', () => {
    const store = memoryStore()
    enter(store, 'order', ORDER)
    const own = observation(['Patient/p'])
    const other = observation(['Patient/q'])
    const shared = observation(['Patient/p', 'Patient/q'])
    const nobodys = resourceOf({ type: 'Observation', part2: true, patients: [], patientData: false })
    const outside = observation(['Patient/p'], 'Condition')
    const effects = decide(store, [own, other, shared, nobodys, outside]).map(({ effect }) => effect)
    expect(effects).toEqual(['permit', 'deny', 'deny', 'deny', 'deny'])
    const both = memoryStore()
    enter(both, 'order', { ...ORDER, patients: ['Patient/p', 'Patient/q'] })
    expect(decide(both, [shared])[0]!.effect).toBe('permit')
  })

  test('is named by the reasons that rest on it', () => {
    const store = memoryStore()
    enter(store, 'order', ORDER)
    const [decision] = decide(store, [observation(['Patient/p'])])
    expect(decision!.because.map(({ rule, evidence }) => [rule, evidence])).toContainEqual([
      'p2-2.64-order-noncriminal',
      'order',
    ])
    expect(decision!.obligations).toContain('COURT_ORDER_SCOPE')
  })

  test('counts only once a second person approved it', () => {
    const store = memoryStore()
    enter(store, 'order', ORDER, { approved: false })
    const asked = [observation(['Patient/p'])]
    expect(decide(store, asked)[0]!.effect).toBe('deny')
    for (const by of ['ana', ' ANA ', 'ａｎａ'])
      store.append({ at: NOON.toISOString(), kind: APPROVED, subject: 'order', by, body: {} })
    expect(decide(store, asked)[0]!.effect).toBe('deny')
    store.append({
      at: NOON.toISOString(),
      kind: APPROVED,
      subject: 'order',
      by: 'ben',
      body: { account: 'ben' },
    })
    expect(decide(store, asked)[0]!.effect).toBe('permit')
  })

  test('counts from the second of its start until before that of its end, and not once it was ended', () => {
    const store = memoryStore()
    const period = { start: '2026-09-15T15:00:00.000Z', end: '2026-09-15T16:00:00.500Z' }
    enter(store, 'order', { ...ORDER, period })
    const asked = [observation(['Patient/p'])]
    const effectAt = (text: string) => decide(store, asked, { now: at(text) })[0]!.effect
    expect(effectAt('2026-09-15T14:59:59.999Z')).toBe('deny')
    expect(effectAt('2026-09-15T15:00:00.000Z')).toBe('permit')
    expect(effectAt('2026-09-15T15:59:59.999Z')).toBe('permit')
    expect(effectAt('2026-09-15T16:00:00.000Z')).toBe('deny')
    end(store, 'order')
    expect(effectAt('2026-09-15T15:30:00.000Z')).toBe('deny')
  })

  test('counts for the client, issuer, organization, user and purposes it names', () => {
    const registration = { issuer: 'https://idp' } as Requester['registration'] & object
    const requester = { ...court, registration, user: 'Practitioner/clerk' }
    const asked = [observation(['Patient/p'])]
    const effectOf = (change: Partial<EvidenceEntry>, purposes = ['HLEGAL']) => {
      const store = memoryStore()
      enter(store, 'order', { ...ORDER, ...change })
      return decide(store, asked, { requester, purposes })[0]!.effect
    }
    const permitted: readonly Partial<EvidenceEntry>[] = [
      { for: { client: 'court', issuer: 'https://idp' } },
      { for: { organization: 'Organization/court' } },
      { for: { client: 'court', user: 'Practitioner/clerk' } },
      { purposes: ['HLEGAL', 'GOV'] },
    ]
    const refused: readonly Partial<EvidenceEntry>[] = [
      { for: { client: 'other' } },
      { for: { client: 'court', issuer: 'https://other' } },
      { for: { organization: 'Organization/other' } },
      { for: { client: 'court', organization: 'Organization/other' } },
      { for: { client: 'court', user: 'Practitioner/other' } },
      { purposes: ['GOV'] },
    ]
    expect(permitted.map(change => effectOf(change))).toEqual(permitted.map(() => 'permit'))
    expect(refused.map(change => effectOf(change))).toEqual(refused.map(() => 'deny'))
  })

  test('never runs together: two orders open what each lets out, and nothing by halves', () => {
    const store = memoryStore()
    const scoped = (types: string[], days: { from: string; to: string }): EvidenceEntry => ({
      ...ORDER,
      facts: { ...ORDER.facts, scope: { resourceTypes: types, ...days } },
    })
    enter(store, 'a', scoped(['Observation'], { from: '2026-01-01', to: '2026-01-31' }))
    enter(store, 'b', scoped(['Condition'], { from: '2026-02-01', to: '2026-02-28' }))
    const dated = (type: string, day: string) =>
      resourceOf({ type, id: `${type}${day}`, part2: true, dates: [{ path: 'd', start: day }] as never })
    const effects = decide(store, [
      dated('Observation', '2026-01-15'),
      dated('Condition', '2026-02-15'),
      dated('Observation', '2026-02-15'),
      dated('Condition', '2026-01-15'),
    ]).map(({ effect, because }) => [effect, because.find(({ evidence }) => evidence)?.evidence])
    expect(effects).toEqual([
      ['permit', 'a'],
      ['permit', 'b'],
      ['deny', undefined],
      ['deny', undefined],
    ])
  })

  test('keeps to its scope even where no row asks for one, and takes nothing else along', () => {
    const store = memoryStore()
    enter(store, 'subpoena', {
      ...ORDER,
      kind: 'legal-process',
      facts: { kind: 'subpoena', satisfactoryAssurance: true, scope: { resourceTypes: ['Observation'] } },
    })
    const lawyer = { requester: { ...court, role: 'legal' as const } }
    const asked = [resourceOf({ type: 'Observation' }), resourceOf({ type: 'Procedure' })]
    expect(decide(store, asked, lawyer).map(({ effect }) => effect)).toEqual(['permit', 'deny'])
    enter(store, 'defence', { ...ORDER, kind: 'own-defense', facts: { proceeding: '12' } })
    const own = { requester: { ...lawyer.requester, relationship: 'own-counsel-of-custodian' as const } }
    expect(decide(store, asked, own).map(({ effect }) => effect)).toEqual(['permit', 'permit'])
  })

  test('is not relied on for what is released without it', () => {
    const store = memoryStore()
    enter(store, 'order', { ...ORDER, for: { client: 'hospital' } })
    const given = { requester: hospital, purposes: ['TREAT'] }
    const [decision] = decide(store, [resourceOf({ type: 'Observation' })], given)
    expect(decision!.effect).toBe('permit')
    expect(decision!.because.some(({ evidence }) => evidence !== undefined)).toBe(false)
  })

  test('makes a guardian the representative of the named patient alone', () => {
    const store = memoryStore()
    enter(store, 'guardian', {
      ...ORDER,
      kind: 'guardian',
      for: { client: 'portal', user: 'RelatedPerson/g' },
      facts: { authority: 'Probate Court 12', date: '2026-01-01' },
    })
    const requester: Requester = {
      ...court,
      client: 'portal',
      user: 'RelatedPerson/g',
      role: 'family',
      relationship: 'none',
    }
    const asked = [resourceOf({ id: 'a' }), resourceOf({ id: 'b', patients: ['Patient/q'] })]
    const given = { requester, purposes: ['PATRQT'] }
    const [own, other] = decide(store, asked, given)
    expect(own!.effect).toBe('permit')
    expect(own!.because.map(({ rule, evidence }) => [rule, evidence])).toContainEqual([
      'hipaa-502g-representative',
      'guardian',
    ])
    expect(other!.effect).toBe('deny')
    const stranger = { ...requester, user: 'RelatedPerson/h' }
    expect(decide(store, asked, { ...given, requester: stranger })[0]!.effect).toBe('deny')
  })

  test('lets a researcher see the approved data set of all patients, and an agreement be one', () => {
    const store = memoryStore()
    const researcher: Requester = { ...court, client: 'lab', role: 'researcher' }
    const waiver: EvidenceEntry = {
      ...ORDER,
      kind: 'research-waiver',
      for: { client: 'lab' },
      patients: 'any',
      facts: {
        protocol: '17',
        approvedBy: 'IRB',
        approvedOn: '2026-08-01',
        criteria: true,
        dataset: { resourceTypes: ['Observation'] },
      },
    }
    enter(store, 'waiver', waiver)
    const asked = [
      observation(['Patient/p']),
      observation(['Patient/q']),
      observation(['Patient/p'], 'Condition'),
    ]
    const given = { requester: researcher, purposes: ['HRESCH'] }
    expect(decide(store, asked, given).map(({ effect }) => effect)).toEqual(['permit', 'permit', 'deny'])
    const audited = memoryStore()
    enter(audited, 'audit', {
      ...waiver,
      kind: 'audit-agreement',
      facts: {
        agreedOn: '2026-08-01',
        purpose: 'audit',
        returnOrDestroy: true,
        resourceTypes: ['Condition'],
      },
    })
    const auditor = { requester: { ...researcher, role: 'auditor' as const }, purposes: ['HOPERAT'] }
    const decisions = decide(audited, asked, auditor)
    expect(decisions.map(({ effect }) => effect)).toEqual(['deny', 'deny', 'permit'])
    expect(decisions[2]!.because).toContainEqual(
      expect.objectContaining({ rule: 'p2-2.53-audit', evidence: 'audit' }),
    )
  })
})

describe('What the office was told', () => {
  test('means nothing where it does not fit: parts missing, a second entry, a kind nobody knows', () => {
    const store = memoryStore()
    const { patients: _, ...unscoped } = ORDER
    enter(store, 'no-patients', unscoped as EvidenceEntry)
    enter(store, 'nobody', { ...ORDER, for: {} })
    enter(store, 'order', ORDER)
    store.append({
      at: '',
      kind: ENTERED,
      subject: 'order',
      by: 'eve',
      body: { ...ORDER, patients: 'any' } as never,
    })
    enter(store, 'odd', { ...ORDER, kind: 'no-such-kind' })
    const { evidence } = createOffice(store, kinds, 'personal').look()
    expect([...evidence.keys()]).toEqual(['order', 'odd'])
    expect(evidence.get('order')!.patients).toEqual(['Patient/p'])
    expect(stateOf(evidence.get('odd')!, undefined, NOON)).toBe('unknown-kind')
    expect(decide(store, [observation(['Patient/q'])])[0]!.effect).toBe('deny')
  })

  test('is looked at anew only when something was added', () => {
    const store = memoryStore()
    const office = createOffice(store, kinds, 'personal')
    const before = office.look()
    expect(office.look()).toBe(before)
    enter(store, 'order', ORDER)
    expect(office.look()).not.toBe(before)
    expect(before.evidence.size).toBe(0)
  })
})

describe('The desk', () => {
  const actor = (by: string) => ({ by, account: by, host: 'h' })
  const desk = (store: Store) =>
    createEvidenceDesk(store, kinds, {
      newId: () => `e${store.events.length}`,
      now: () => NOON,
      accounts: 'personal',
    })

  test('keeps two persons apart and ends once', () => {
    const store = memoryStore()
    const made = desk(store)
    const { id } = made.enter(ORDER, actor('ana'))
    for (const same of ['Ana', 'a.n.a', 'Aná '])
      expect(() => made.approve(id, actor(same))).toThrow('expected somebody else to approve it')
    expect(made.stateOf(made.find(id), NOON)).toBe('waiting-for-approval')
    expect(made.approve(id, actor('ben')).approvedBy).toBe('ben')
    expect(() => made.approve(id, actor('cy'))).toThrow('this one is in force')
    expect(made.end(id, 'vacated', actor('ana')).endedWhy).toBe('vacated')
    expect(() => made.end(id, 'again', actor('ana'))).toThrow(DeskError)
    expect(() => made.find('none')).toThrow('not on file')
  })

  test('takes one account for one person, whatever names a command was given', () => {
    const store = memoryStore()
    const as = (by: string, account: string) => ({ by, account, host: 'h' })
    const { id } = desk(store).enter(ORDER, as('ana', 'ana'))
    expect(() => desk(store).approve(id, as('carol', 'ana'))).toThrow('expected somebody else to approve it')
    // Written by a command that was told that accounts are shared.
    const options = { newId: () => 'x', now: () => NOON, accounts: 'shared' } as const
    expect(createEvidenceDesk(store, kinds, options).approve(id, as('carol', 'ana')).approvedBy).toBe('carol')
    const seen = (accounts: 'personal' | 'shared') =>
      createOffice(store, kinds, accounts).look().evidence.get(id)?.approvedBy
    expect([seen('personal'), seen('shared')]).toEqual([undefined, 'carol'])
    store.append({ at: '', kind: APPROVED, subject: id, by: 'dora', body: {} })
    expect(seen('personal')).toBeUndefined()
    desk(store).approve(id, as('ben', 'ben'))
    expect(seen('personal')).toBe('ben')
  })
})

const parties = fc.oneof(
  fc.constant({ client: 'other' }),
  fc.constant({ client: 'court', user: 'Practitioner/other' }),
  fc.constant({ client: 'court', organization: 'Organization/other' }),
  fc.constant({ organization: 'Organization/other' }),
)
const elsewhere = fc.oneof(
  fc.record({ for: parties, patients: fc.constantFrom<'any' | string[]>('any', ['Patient/p', 'Patient/q']) }),
  fc.record({ for: fc.constant({ client: 'court' }), patients: fc.constant(['Patient/z']) }),
)
const anyKind = fc.constantFrom(...kinds)
const factsFor = ({ fields }: EvidenceKind) =>
  Object.fromEntries(
    fields.map(({ name, type, values }) => [
      name,
      type === 'scope'
        ? { resourceTypes: ['Observation', 'Condition'] }
        : type === 'attested'
          ? true
          : (values?.[0] ?? '2026-01-01'),
    ]),
  )
const purposesAsked = fc.constantFrom(
  ['HLEGAL'],
  ['HRESCH'],
  ['THREAT'],
  ['PATRQT'],
  ['ETREAT'],
  ['HOPERAT'],
  ['TREAT'],
)
const roles = fc.constantFrom<Requester['role'] & string>(
  'court',
  'researcher',
  'provider',
  'auditor',
  'coroner',
  'medical-personnel',
)
const asked = [
  observation(['Patient/p']),
  observation(['Patient/p', 'Patient/q']),
  resourceOf({ type: 'Condition', id: 'plain' }),
  resourceOf({ type: 'DocumentReference', id: 'notes', codes: ['PSYTHPN'] }),
]

describe('Property', () => {
  test('evidence for another patient, client, organization or user never changes a decision', () => {
    const before = memoryStore()
    fc.assert(
      fc.property(anyKind, elsewhere, purposesAsked, roles, (kind, scope, purposes, role) => {
        const store = memoryStore()
        enter(store, 'x', { ...ORDER, ...scope, kind: kind.id, facts: factsFor(kind) })
        const given = { requester: { ...court, role }, purposes }
        expect(decide(store, asked, given)).toEqual(decide(before, asked, given))
      }),
      { numRuns: 150 },
    )
  })

  test('evidence never closes: what is released without it is released with it', () => {
    let opened = 0
    fc.assert(
      fc.property(anyKind, purposesAsked, roles, (kind, purposes, role) => {
        const store = memoryStore()
        enter(store, 'x', { ...ORDER, kind: kind.id, facts: factsFor(kind) })
        const given = { requester: { ...court, role }, purposes }
        const without = decide(memoryStore(), asked, given)
        decide(store, asked, given).forEach((decision, index) => {
          if (without[index]!.effect !== 'deny') expect(decision.effect).not.toBe('deny')
          else if (decision.effect !== 'deny') {
            opened += 1
            expect(decision.because.some(({ evidence }) => evidence === 'x')).toBe(true)
          }
        })
      }),
      { numRuns: 300 },
    )
    expect(opened).toBeGreaterThan(0)
  })
})

describe('Kinds of evidence', () => {
  test('state claims that only open: no row in force closes for one of them', () => {
    const claims = new Set(kinds.map(({ claim }) => claim))
    const closing = profiles.lawRows.filter(
      ({ effect, when: { claims: asked = [], allClaims = [] } }) =>
        (effect === 'deny' || effect === 'require-consent') &&
        [...asked, ...allClaims].some(path => claims.has(path.split(/[.=]/)[0]!)),
    )
    expect(closing.map(({ id }) => id)).toEqual([])
  })

  test('hold every fact that a row asks of their claim', () => {
    const missing = profiles.lawRows.flatMap(({ id, when: { allClaims = [], scope } }) =>
      [...allClaims, ...(scope === undefined ? [] : [scope])].flatMap(path => {
        const [claim, name = ''] = path.split('=')[0]!.split('.')
        const own = kinds.filter(kind => kind.claim === claim)
        const stated = own.some(
          ({ fields, states = {}, madeBy }) =>
            madeBy === 'emergency' ||
            name === '' ||
            fields.some(field => field.name === name) ||
            Object.hasOwn(states, name),
        )
        return own.length === 0 || stated ? [] : [`${id}: ${path}`]
      }),
    )
    expect(missing).toEqual([])
  })

  test('name their two persons, longest period and citation', () => {
    for (const kind of kinds) expect(kind.citation).toMatch(/\d/)
    expect(kindOf('court-order-part2').twoPersons).toBe(true)
    expect(kindOf('threat').longest).toEqual({ days: 3 })
  })
})

describe('What evidence is for', () => {
  const { registration: _registration, token: _token, ...unregistered } = court
  const claimsFor = (entry: EvidenceEntry, requester: Requester, purposes: readonly string[]) => {
    const store = memoryStore()
    enter(store, 'e', entry)
    return createOffice(store, kinds, 'personal').look().claimsOf(requester, purposes, NOON)?.(['Patient/p'])
  }

  test('is the client of its issuer, as the token tells where no registration does', () => {
    const entry = { ...ORDER, for: { client: 'court', issuer: 'https://one' } }
    const by = (issuer: string): Requester => ({ ...unregistered, token: { issuer } }) as unknown as Requester
    expect(claimsFor(entry, by('https://one'), ['HLEGAL'])).toHaveLength(1)
    expect(claimsFor(entry, by('https://two'), ['HLEGAL'])).toBeUndefined()
    expect(claimsFor(entry, unregistered as Requester, ['HLEGAL'])).toBeUndefined()
  })

  test('is kept in the agreements that it gives, with its purposes', () => {
    const kind = kinds.find(({ agreement }) => agreement !== undefined) as EvidenceKind
    const entry = { ...ORDER, kind: kind.id, facts: {} }
    const agreed = (more: object) =>
      claimsFor({ ...entry, ...more }, court, ['HRESCH'])?.flatMap(({ agreements }) => agreements)
    expect(agreed({ purposes: ['HRESCH'] })).toEqual([
      { kind: kind.agreement, ...ORDER.period, purposes: ['HRESCH'] },
    ])
    expect(agreed({})).toEqual([{ kind: kind.agreement, ...ORDER.period }])
    expect(agreed({ purposes: ['TREAT'] })).toBeUndefined()
  })
})
