import { expect } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { directory } from '../../src/demo/patients/directory.ts'
import { DEMO_PATIENTS } from '../../src/demo/resources.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import type { LedgerRow } from '../../src/model/record.ts'
import { readExchange } from '../../src/record/verify.ts'
import { type TpoConsent, tpoConsent } from './consents.ts'
import { decodedText, entriesOf, matchesOf, openTestSite, type Reply, type TestSite } from './site.ts'

/** One file: what the site holds, and exchanges with it. */
export interface ScenarioFile {
  readonly about: string
  readonly site: {
    /** Example patients whose charts the upstream holds, beside the directory. */
    readonly patients: readonly string[]
    readonly without?: readonly string[]
    /** Resources, or facts of a Part 2 consent in `tpoConsent`. */
    readonly add?: readonly (Resource | { readonly tpoConsent: TpoConsent })[]
    readonly overrides?: JsonObject
  }
  readonly scenarios: readonly Scenario[]
}

export interface Scenario {
  readonly title: string
  readonly as: TokenRequest
  readonly request: {
    readonly method?: string
    readonly path: string
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
  }
  readonly expect: ExpectedAnswer
  readonly record: ExpectedRecord
}

interface ExpectedAnswer {
  readonly status: number
  /** Reference → what it is: exactly the matches of all pages, in any order. */
  readonly matches?: Readonly<Record<string, string>>
  readonly matchCount?: number
  readonly includes?: Readonly<Record<string, string>>
  readonly total?: number
  readonly pages?: number
  /** Texts of the answer, base64 payloads decoded. */
  readonly contains?: readonly string[]
  readonly lacks?: readonly string[]
}

interface ExpectedRecord {
  /** BALP profile or kind of each event of the first page with the patient it is about, sorted. */
  readonly events: readonly string[]
  /** AuditEvent.outcome of the exchange. */
  readonly outcome: '0' | '4' | '8'
  readonly refusal?: string
  /** Reference → first rule that withheld it: exactly those withheld on all pages. */
  readonly withheld?: Readonly<Record<string, string>>
  readonly withheldBy?: Readonly<Record<string, number>>
  /** Rules that released something. */
  readonly releasedBy?: readonly string[]
  readonly obligations?: readonly string[]
  readonly notices?: readonly string[]
}

/** Noon of the day all scenarios happen on. */
export const SCENARIO_DAY = new Date('2026-11-21T20:00:00Z')

export function openScenarioSite({ site }: ScenarioFile): Promise<TestSite> {
  const charts = DEMO_PATIENTS.filter(({ id }) => site.patients.includes(id)).flatMap(({ write }) => write())
  const dropped = new Set(site.without ?? [])
  const kept = [...directory(), ...charts].filter(text => {
    const { resourceType, id } = JSON.parse(text) as Resource
    return !dropped.has(`${resourceType}/${id}`)
  })
  const added = (site.add ?? []).map(one =>
    'tpoConsent' in one ? tpoConsent(one.tpoConsent as TpoConsent) : one,
  )
  return openTestSite({
    resources: [...kept, ...added],
    seams: { now: () => SCENARIO_DAY },
    ...(site.overrides === undefined ? {} : { overrides: site.overrides }),
  })
}

/** How a request travels: `target` begins with the base path. */
export type Carrier = (
  method: string,
  target: string,
  headers: Readonly<Record<string, string>>,
  body: string,
) => Promise<Reply>

export interface Told {
  readonly pages: readonly Reply[]
  readonly rows: readonly (readonly LedgerRow[])[]
}

/** Sends the request and follows `next` links; gives the answers and what the ledger holds of each. */
export async function tell(site: TestSite, scenario: Scenario, carrier: Carrier): Promise<Told> {
  const { method = 'GET', path, headers = {}, body = '' } = scenario.request
  const token = await site.issuer.issueToken(scenario.as)
  const own = { Authorization: `Bearer ${token}` }
  const pages = [await carrier(method, `/fhir/${path}`, { ...own, ...headers }, body)]
  for (let next = nextOf(site, pages[0]); next !== undefined; next = nextOf(site, pages.at(-1)))
    pages.push(await carrier('GET', next, own, ''))
  return {
    pages,
    rows: pages.map(page => readExchange(site.ledgerFile, idOf(page))),
  }
}

const idOf = ({ headers }: Reply): string => headers['X-Request-Id'] ?? headers['x-request-id'] ?? ''

function nextOf(site: TestSite, page: Reply | undefined): string | undefined {
  if (page?.status !== 200) return undefined
  const { link } = JSON.parse(page.text) as { link?: { relation: string; url: string }[] }
  const url = link?.find(({ relation }) => relation === 'next')?.url
  return url === undefined ? undefined : `/fhir/${url.replace(`${site.baseUrl}/`, '')}`
}

interface DecisionClass {
  readonly decision: {
    readonly effect: string
    readonly because: readonly { readonly rule: string; readonly effect: string }[]
  }
  readonly released: readonly string[]
  readonly withheld: readonly string[]
}

interface DecisionRow {
  readonly classes?: readonly DecisionClass[]
  readonly obligations?: readonly string[]
  readonly notices?: readonly string[]
  readonly refusal?: { readonly code: string }
}

const plain = (versioned: string): string => versioned.replace(/\/_history\/.*$/, '')

export function decisionOf(rows: readonly LedgerRow[]): DecisionRow {
  return JSON.parse(rows.find(({ kind }) => kind === 'decision')?.body ?? '{}') as DecisionRow
}

/** Name of an event: its BALP profile or kind, and the patient it is about. */
export function nameOf({ kind, patient, body }: LedgerRow): string {
  const { meta } = JSON.parse(body) as { meta?: { profile?: string[] } }
  const profile = kind === 'AuditEvent' ? (meta?.profile?.[0]?.split('.').at(-1) ?? 'AuditEvent') : kind
  return patient === undefined ? profile : `${profile} ${patient}`
}

/** What the record of all pages says, in the words of {@link ExpectedRecord}. */
export function recorded({ rows }: Told): Required<ExpectedRecord> {
  const decisions = rows.map(decisionOf)
  const classes = decisions.flatMap(one => one.classes ?? [])
  const audit = (rows[0] ?? []).filter(({ kind }) => kind === 'AuditEvent')
  const withheld: Record<string, string> = {}
  for (const one of classes)
    for (const reference of one.withheld)
      withheld[plain(reference)] = one.decision.because.find(({ effect }) => effect === 'deny')?.rule ?? ''
  const withheldBy: Record<string, number> = {}
  for (const rule of Object.values(withheld)) withheldBy[rule] = (withheldBy[rule] ?? 0) + 1
  const releasing = classes.filter(({ released }) => released.length > 0)
  return {
    events: (rows[0] ?? []).map(nameOf).sort(),
    outcome: (JSON.parse(audit[0]?.body ?? '{}') as { outcome: '0' }).outcome,
    refusal: decisions[0]?.refusal?.code ?? '',
    withheld,
    withheldBy,
    releasedBy: distinct(
      releasing
        .flatMap(({ decision }) => decision.because.filter(({ effect }) => effect === 'permit'))
        .map(({ rule }) => rule),
    ),
    obligations: distinct(decisions.flatMap(({ obligations = [] }) => obligations)),
    notices: distinct(decisions.flatMap(({ notices = [] }) => notices)),
  }
}

const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort()

/** The matches and includes of all pages. */
export function shown({ pages }: Told): { matches: string[]; includes: string[] } {
  const bundles = pages.filter(({ text }) => text.includes('"searchset"'))
  const reference = ({ resource }: { resource: Record<string, unknown> }) =>
    `${String(resource['resourceType'])}/${String(resource['id'])}`
  return {
    matches: bundles.flatMap(matchesOf).sort(),
    includes: bundles
      .flatMap(entriesOf)
      .filter(({ search }) => search?.mode === 'include')
      .map(reference)
      .sort(),
  }
}

export function checkAnswer(told: Told, expected: ExpectedAnswer): void {
  const { matches, includes } = shown(told)
  expect(told.pages.map(({ status }) => status)).toEqual(told.pages.map(() => expected.status))
  if (expected.matches !== undefined) expect(matches).toEqual(Object.keys(expected.matches).sort())
  if (expected.matchCount !== undefined) expect(matches.length).toBe(expected.matchCount)
  if (expected.includes !== undefined) expect(includes).toEqual(Object.keys(expected.includes).sort())
  if (expected.pages !== undefined) expect(told.pages.length).toBe(expected.pages)
  if (expected.total !== undefined)
    expect((JSON.parse(told.pages[0]?.text ?? '{}') as { total?: number }).total).toBe(expected.total)
  const text = told.pages.map(decodedText).join('\n')
  for (const [reference, what] of Object.entries(expected.matches ?? {}))
    expect(text, `${reference} is shown as`).toContain(what)
  for (const word of expected.contains ?? []) expect(text).toContain(word)
  for (const word of expected.lacks ?? []) expect(text).not.toContain(word)
}

export function checkRecord(told: Told, expected: ExpectedRecord): void {
  const actual = recorded(told)
  const asked = Object.keys(expected) as (keyof ExpectedRecord)[]
  const seen = Object.fromEntries(asked.map(key => [key, actual[key]]))
  expect(seen).toEqual(expected)
}
