import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { type Asked, expand, type Scenario, scenarios, world } from '../law/kit.ts'
import { entriesOf, openTestSite, type TestSite } from '../support/site.ts'

/** Cases of law over HTTP: facts come from token, client registry, site configuration, upstream and clock. */

/** Custodians that get a site of their own; the others are as these, in another state. */
const SITES = 6

interface HttpCase {
  readonly given: Scenario
  readonly asked: Asked
}

/** Purposes that ask for more than a token: a declared emergency, a code of our own in the token. */
const DECLARED: ReadonlySet<string> = new Set(['BTG', 'EMPLOY'])

/** Evidence and declarations are entered otherwise; a question that needs none of them can be asked as it stands. */
function isPlain({ given, expect: { effects } }: Scenario): boolean {
  const { purpose = 'TREAT', records } = given
  const isSearched = records.every(
    name => world.records[name]?.['subject'] ?? world.records[name]?.['patient'],
  )
  return (
    given.claims === undefined &&
    given.at === undefined &&
    isSearched &&
    !Object.hasOwn(effects, 'patient') &&
    !DECLARED.has(purpose)
  )
}

const siteKey = ({ asked }: HttpCase): string =>
  JSON.stringify([asked.question.custodian, asked.question.registry])

const groups = [
  ...Map.groupBy(
    scenarios.filter(isPlain).map((given): HttpCase => ({ given, asked: expand(given) })),
    siteKey,
  ).values(),
]
  .filter(([first]) => first?.asked.question.custodian['determinations'] === undefined)
  .toSorted((left, right) => right.length - left.length)
  .slice(0, SITES)

/** Who asks, without what belongs to one patient: one client, one login. */
function clientOf({ asked: { question }, given }: HttpCase): { clientId: string } & JsonObject {
  const { organization, state, hipaa, part2, role, relationship } = question.requester
  const facts = { organization, state, hipaa, part2, role, relationship }
  const known = Object.entries(facts).filter(([, value]) => value !== undefined && value !== null)
  const purpose = given.given.purpose ?? 'TREAT'
  const clientId = `${purpose} ${known.map(([, value]) => String(value).split('/').at(-1)).join(' ')}`
  return {
    clientId: clientId.toLowerCase().replaceAll(' ', '-'),
    name: clientId,
    ...Object.fromEntries(known),
    purposes: [purpose],
    defaultPurpose: purpose,
  } as { clientId: string } & JsonObject
}

const OF_PATIENTS = new Set(['patient', 'parent', 'family', 'personal-representative'])

function tokenOf(one: HttpCase): TokenRequest {
  const { role, user } = one.asked.question.requester
  return {
    client: clientOf(one).clientId,
    ...(user === undefined || user === null ? {} : { user }),
    ...(OF_PATIENTS.has(role ?? '') ? { patient: one.given.id } : {}),
  }
}

function chartOf({ asked: { question } }: HttpCase): readonly Resource[] {
  const directory = question.directory ?? []
  return [
    question.patient as Resource,
    ...directory.filter(({ resourceType }) => resourceType === 'RelatedPerson'),
    ...(question.resources ?? []),
    ...question.consents,
  ]
}

function openSite(cases: readonly HttpCase[]): Promise<TestSite> {
  const question = cases[0]?.asked.question
  const clients = new Map(cases.map(clientOf).map(client => [client.clientId, client]))
  return openTestSite({
    resources: [...world.directory, ...cases.flatMap(chartOf)],
    overrides: {
      custodian: { ...question?.custodian } as JsonObject,
      registry: question?.registry ?? {},
      clients: [...clients.values()],
      policy: { defaultPolicy: 'law', unknownSource: 'assume' },
      ledger: { repository: 'none' },
    } as JsonObject,
    seams: { now: () => new Date(world.at) },
  })
}

const P2_STATEMENT = '42 CFR part 2'
const asked = groups.flat().length

it('at least forty of the cases are asked over HTTP', () => {
  expect(asked).toBeGreaterThanOrEqual(40)
})

describe.each(groups.map(cases => [cases[0]?.given.id ?? '', cases] as const))(
  'the site of %s',
  (_, cases) => {
    let site: TestSite
    beforeAll(async () => {
      site = await openSite(cases)
    }, 60_000)
    afterAll(async () => {
      await site?.close()
    })

    it.each(cases.map(one => [`${one.given.id}: ${one.given.scenario}`, one] as const))(
      '%s',
      async (_, one) => {
        const { given, asked } = one
        const as = tokenOf(one)
        const types = new Set(Object.values(asked.references).map(reference => reference.split('/')[0] ?? ''))
        const found = new Map<string, string>()
        let all = ''
        for (const type of types) {
          const reply = await site.get(`${type}?patient=Patient/${given.id}`, as)
          expect([type, reply.status]).toEqual([type, 200])
          for (const { resource } of entriesOf(reply))
            found.set(
              `${String(resource['resourceType'])}/${String(resource['id'])}`,
              JSON.stringify(resource),
            )
          all += reply.text
        }
        for (const [name, expected] of Object.entries(given.expect.effects)) {
          const reference = asked.references[name] ?? ''
          const lawful = [expected].flat()
          const statuses = lawful.map(each => (each === 'deny' ? 404 : 200))
          expect(statuses, `${name} read`).toContain((await site.get(reference, as)).status)
          if (lawful.length === 1) expect([name, found.has(reference)]).toEqual([name, lawful[0] !== 'deny'])
          if (!found.has(reference)) expect(all).not.toContain(reference)
        }
        const isNoticed = given.expect.obligations?.includes('P2_NOTICE') === true
        const isFree = given.expect.without?.includes('P2_NOTICE') === true
        if (isNoticed) expect(all).toContain(P2_STATEMENT)
        else if (isFree) expect(all).not.toContain(P2_STATEMENT)
      },
    )
  },
)
