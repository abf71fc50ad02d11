import fc from 'fast-check'
import type { ConsentVerdict } from '../../src/model/consent.ts'
import type { DecisionContext, OrganizationRule } from '../../src/model/decision.ts'
import type { LabelledResource } from '../../src/model/label.ts'
import type { LawCondition, LawRow } from '../../src/model/law.ts'
import {
  authorizationForm,
  contextOf,
  custodian,
  directive,
  emptyForm,
  hospital,
  resourceOf,
  tpoForm,
  verdict,
} from './fixtures.ts'

export const parents = {
  TREAT: ['PurposeOfUse'],
  ETREAT: ['TREAT'],
  BTG: ['ETREAT'],
  HOPERAT: ['PurposeOfUse'],
  HLEGAL: ['HOPERAT'],
  HPAYMT: ['PurposeOfUse'],
}
export const knownDuties = ['AUDIT', 'MIN_NECESSARY', 'ACCOUNTING_LOG']
const codes = ['HIV', 'SUD', 'PSYTHPN']
const purposes = ['TREAT', 'ETREAT', 'BTG', 'HOPERAT', 'HLEGAL', 'HPAYMT']
const roles = ['provider', 'payer', 'researcher'] as const
const forms = [emptyForm, tpoForm, authorizationForm, { ...authorizationForm, labels: ['HIV'] }]
export const kinds = ['any', 'any-written', 'part2-tpo', 'hipaa-auth', 'specific:HIV']

const some = <T>(values: readonly T[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 2 })

/** Leaves out every part that is undefined. */
function given<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never
}

/** Absent in most cases: a row with many conditions never speaks. */
const rare = <T>(value: fc.Arbitrary<T>, weight: number) =>
  fc.oneof({ weight: 10 - weight, arbitrary: fc.constant(undefined) }, { weight, arbitrary: value })

const condition = (weight: number): fc.Arbitrary<LawCondition> =>
  fc
    .record({
      labels: rare(some([...codes, '!HIV']), weight),
      part2: rare(fc.boolean(), weight),
      purposes: rare(some(purposes), weight),
      requesterRoles: rare(some(roles), weight),
      outOfState: rare(fc.boolean(), weight),
      allClaims: rare(some(['emergency', 'approval']), weight),
      minor: rare(fc.constant(true), weight),
    })
    .map(given)

const effects = [
  'permit',
  'permit',
  'permit',
  'deny',
  'require-consent',
  'require-consent',
  'limit',
  'except',
  'duty',
] as const

export const anyRow = (id: string): fc.Arbitrary<LawRow> =>
  fc
    .record({
      effect: fc.constantFrom(...effects),
      broad: condition(1),
      narrow: condition(4),
      enabled: fc.constantFrom(true, true, true, false),
      consent: some(kinds),
      asks: fc.boolean(),
      duties: fc.oneof(
        { weight: 20, arbitrary: fc.subarray(knownDuties) },
        { weight: 1, arbitrary: fc.constant(['NOBODY_KNOWS']) },
      ),
      lifts: fc.subarray(['row-0', 'row-1', 'row-2'], { minLength: 1 }),
      overrides: fc.subarray(['consent', 'default-policy'] as const),
      past: fc.constantFrom(false, false, false, true),
    })
    .map(({ effect, broad, narrow, enabled, consent, asks, duties, lifts, overrides, past }) => ({
      id,
      title: id,
      citation: `citation of ${id}`,
      jurisdiction: 'US',
      enabled,
      confidence: 'high',
      effect,
      when: effect === 'permit' || effect === 'limit' ? broad : narrow,
      ...(effect === 'require-consent' || (effect === 'permit' && asks) ? { consent } : {}),
      ...(duties.length > 0 ? { obligations: duties } : {}),
      ...(effect === 'except' || effect === 'limit' ? { lifts } : {}),
      ...(effect === 'permit' && overrides.length > 0 ? { overrides, onOverride: ['MIN_NECESSARY'] } : {}),
      ...(past ? { effectiveTo: '2020-01-01' } : {}),
    }))

/** Closing rows first, so that `lifts` finds them often; an id lifts closing rows only, as the loader sees to. */
export const anyRows: fc.Arbitrary<readonly LawRow[]> = fc
  .tuple(...[0, 1, 2, 3, 4, 5].map(i => anyRow(`row-${i}`)))
  .map(rows => {
    const closing = new Set(
      rows.filter(({ effect }) => effect === 'deny' || effect === 'require-consent').map(({ id }) => id),
    )
    return rows.map(row =>
      row.lifts === undefined ? row : { ...row, lifts: row.lifts.filter(id => closing.has(id)) },
    )
  })

export const anyVerdict: fc.Arbitrary<ConsentVerdict> = fc
  .record({
    effect: fc.constantFrom(
      'permit',
      'permit',
      'permit',
      'permit',
      'permit',
      'deny',
      'not-covered',
      'indeterminate',
    ),
    form: fc.constantFrom(...forms),
    id: fc.nat(3),
  })
  .map(({ effect, form, id }) => verdict(effect, form, `Consent/${id}`))

export const anyResource: fc.Arbitrary<LabelledResource> = fc
  .record({
    codes: fc.subarray(codes),
    part2: fc.boolean(),
    patients: fc.constantFrom(
      ['Patient/p'],
      ['Patient/p'],
      ['Patient/p', 'Patient/q'],
      [],
      ['Patient/unasked'],
    ),
    patientData: fc.constantFrom(true, true, false),
    unread: fc.constantFrom(...Array(9).fill(false), true),
  })
  .map(({ unread, ...rest }) =>
    resourceOf({ ...rest, ...(unread ? { notAssessable: 'cannot be read' } : {}) }),
  )

const anyOrganizationRule: fc.Arbitrary<OrganizationRule> = fc.record({
  id: fc.constantFrom('house-1', 'house-2'),
  labels: fc.subarray(codes),
  purposes: fc.subarray(purposes, { maxLength: 2 }),
  effect: fc.constantFrom('permit', 'require-consent', 'deny'),
})

export interface World {
  readonly rows: readonly LawRow[]
  readonly context: DecisionContext
  readonly resource: LabelledResource
  readonly verdicts: ReadonlyMap<string, readonly ConsentVerdict[]>
}

export const anyWorld: fc.Arbitrary<World> = fc
  .record({
    rows: anyRows,
    resource: anyResource,
    p: fc.array(anyVerdict, { maxLength: 3 }),
    q: fc.array(anyVerdict, { maxLength: 2 }),
    asked: fc.uniqueArray(fc.constantFrom(...purposes), { minLength: 1, maxLength: 2 }),
    role: fc.option(fc.constantFrom(...roles), { nil: undefined }),
    state: fc.option(fc.constantFrom('NE', 'TX'), { nil: undefined }),
    claims: fc.record({ emergency: fc.boolean(), approval: fc.constantFrom('', 'P-1') }),
    birthDate: fc.constantFrom('2015-01-01', '1980-01-01', undefined),
    defaultPolicy: fc.constantFrom('law', 'law', 'deny'),
    house: fc.array(anyOrganizationRule, { maxLength: 1 }),
  })
  .map(({ rows, resource, p, q, asked, role, state, claims, birthDate, defaultPolicy, house }) => {
    const { role: _role, state: _state, ...nobody } = hospital
    return {
      rows,
      resource,
      verdicts: new Map([
        ['Patient/p', p],
        ['Patient/q', q],
      ]),
      context: contextOf({
        custodian,
        requester: { ...nobody, claims, ...given({ role, state }) },
        purposes: asked,
        defaultPolicy,
        consents: new Map(['Patient/p', 'Patient/q'].map(patient => [patient, [directive()]])),
        birthDates: new Map(birthDate === undefined ? [] : [['Patient/p', birthDate]]),
        organizationPolicy: house,
      }),
    }
  })
