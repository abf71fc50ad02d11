import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import { answerQuestion, type QuestionRooms } from '../../src/flow/question.ts'
import type { ConsentPolicy } from '../../src/model/consent.ts'
import type { Coding, JsonObject, Resource } from '../../src/model/fhir.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { Question, QuestionRequester } from '../../src/model/question.ts'

/** What published engines and profiles decide or say, as small cases: which records of a chart one requester gets. */
interface PublishedCase {
  readonly title: string
  /** Repository and path the facts are from, where the file names more than one. */
  readonly source?: string
  readonly at: string
  readonly actors: NonNullable<QuestionRequester['actors']>
  /** Codings, or codes of v3-ActReason. */
  readonly purposes: readonly (Coding | string)[]
  readonly action?: string
  readonly class?: readonly Coding[]
  readonly defaultPolicy?: string
  /** What the site does with Consents; what a site does that says nothing, where absent. */
  readonly policy?: ConsentPolicy
  /** Laid over a complete active privacy Consent, or the name of one of the file; null takes an element away. */
  readonly consents: readonly (JsonObject | string)[]
  /** The part of the chart that is asked for; all of it where absent. */
  readonly chart?: readonly string[]
  /** `Type/id`, or the id of an Observation; `all` for the whole chart. */
  readonly released: readonly string[] | 'all'
  readonly decision?: string
  /** The one of the fifteen decisions by which ours differs from what the source states or would do. */
  readonly disputed?: number
  readonly stated?: { readonly released?: readonly string[] | 'all'; readonly decision?: string }
  /** Why it is decided so; a disputed case must say it. */
  readonly why?: string
}

interface PublishedFile {
  readonly source: string
  readonly licence: string
  readonly resources: readonly Resource[]
  readonly directory: readonly Resource[]
  readonly consents?: Readonly<Record<string, JsonObject>>
  readonly cases: readonly PublishedCase[]
}

const folder = new URL('cases/', import.meta.url).pathname
const files = readdirSync(folder).map(
  name => [name, JSON.parse(readFileSync(folder + name, 'utf8')) as PublishedFile] as const,
)
const rooms = new Map<string, QuestionRooms>()

/** The rooms of a site of this policy, opened once. */
function roomsFor(consent: ConsentPolicy = {}): QuestionRooms {
  const known = rooms.get(JSON.stringify(consent))
  const none = { labelFolders: [], conceptMaps: [], profileFolders: [], disabledRows: [], enabledRows: [] }
  const opened = known ?? openEngine({ ...none, consent }).questionRooms
  rooms.set(JSON.stringify(consent), opened)
  return opened
}

function consentOf(over: JsonObject, index: number): Resource {
  const whole = {
    resourceType: 'Consent',
    id: `c${index}`,
    status: 'active',
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: 'Patient/p' },
    dateTime: '2022-06-13',
    ...over,
  }
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null)) as Resource
}

const inFull = (name: string) => (name.includes('/') ? name : `Observation/${name}`)
const referenceOf = ({ resourceType, id }: Resource) => `${resourceType}/${id ?? ''}`

function purposeOf(purpose: Coding | string): Coding {
  return typeof purpose === 'string' ? { system: SYSTEM.actReason, code: purpose } : purpose
}

function questionOf(file: PublishedFile, subject: PublishedCase): Question {
  const { at, actors, purposes, action, class: classes, defaultPolicy, consents, chart } = subject
  const named = file.consents ?? {}
  const written = consents.map(consent => {
    const over = typeof consent === 'string' ? named[consent] : consent
    if (over === undefined)
      throw new Error(`${subject.title}: expected a Consent of the file, got ${consent}`)
    return over
  })
  const asked = chart?.map(inFull)
  return {
    at,
    requester: { actors },
    purposeOfUse: purposes.map(purposeOf),
    patient: { reference: 'Patient/p' },
    directory: file.directory,
    consents: written.map(consentOf),
    resources: file.resources.filter(one => asked?.includes(referenceOf(one)) ?? true),
    ...(action === undefined ? {} : { action }),
    ...(classes === undefined ? {} : { class: classes }),
    ...(defaultPolicy === undefined ? {} : { defaultPolicy }),
  }
}

describe.each(files)('%s', (_, file) => {
  it.each(file.cases)('$title', subject => {
    const question = questionOf(file, subject)
    const { answer } = answerQuestion(roomsFor(subject.policy), question, {
      policy: 'none',
      trustLabels: true,
    })
    const expected = (released: readonly string[] | 'all') =>
      released === 'all' ? (question.resources ?? []).map(referenceOf).sort() : released.map(inFull).sort()
    const permitted = Object.entries(answer.resources).filter(([, { effect }]) => effect === 'permit')
    const released = permitted.map(([reference]) => reference).sort()
    expect(released).toEqual(expected(subject.released))
    if (subject.decision !== undefined) expect(answer.decision).toBe(subject.decision)
    if (released.length > 0) expect(answer.decision).toBe('permit')
    // A dispute is one as long as what is stated differs from what we do.
    const { released: theirs = subject.released, decision = answer.decision } = subject.stated ?? {}
    const differs = decision !== answer.decision || expected(theirs).join() !== released.join()
    expect(differs).toBe(subject.disputed !== undefined)
  })
})

it('every case tells where its facts are from, and every dispute the decision and the reason', () => {
  for (const [name, { source, licence, cases }] of files) {
    expect([name, source.length > 0, licence.length > 0]).toEqual([name, true, true])
    expect(new Set(cases.map(({ title }) => title)).size).toBe(cases.length)
    for (const { title, source: own = source, disputed, stated, why = '' } of cases) {
      expect([title, own !== '']).toEqual([title, true])
      if (disputed === undefined) expect([title, stated]).toEqual([title, undefined])
      else expect([title, disputed >= 1 && disputed <= 15, why !== '']).toEqual([title, true, true])
    }
  }
})

afterAll(() => {
  const count = files.reduce((sum, [, { cases }]) => sum + cases.length, 0)
  expect(count).toBeGreaterThan(270)
})
