import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Carrier,
  checkAnswer,
  checkRecord,
  openScenarioSite,
  recorded,
  type ScenarioFile,
  shown,
  tell,
} from '../support/scenario.ts'
import type { TestSite } from '../support/site.ts'

const folder = new URL('.', import.meta.url).pathname
const files = readdirSync(folder)
  .filter(name => name.endsWith('.json'))
  .map(name => [name, JSON.parse(readFileSync(folder + name, 'utf8')) as ScenarioFile] as const)

/** What some scenario showed and what some scenario withheld, over all files. */
const everShown = new Set<string>()
const everWithheld = new Map<string, string>()

describe.each(files)('%s', (_name, file) => {
  let site: TestSite
  let inside: Carrier
  let overHttp: Carrier
  beforeAll(async () => {
    site = await openScenarioSite(file)
    const url = await site.serve()
    inside = (method, target, headers, body) => site.ask(method, target, undefined, headers, body)
    overHttp = async (method, target, headers, body) => {
      const reply = await fetch(url.replace(/\/fhir$/, target), {
        method,
        headers,
        ...(body === '' ? {} : { body }),
      })
      return { status: reply.status, headers: Object.fromEntries(reply.headers), text: await reply.text() }
    }
  })
  afterAll(() => site?.close())

  describe.each([
    ['inside', () => inside],
    ['over HTTP', () => overHttp],
  ] as const)('%s', (_way, carrier) => {
    test.each(file.scenarios.map(scenario => [scenario.title, scenario] as const))(
      '%s',
      async (title, scenario) => {
        const told = await tell(site, scenario, carrier())
        const { matches, includes } = shown(told)
        for (const reference of [...matches, ...includes]) everShown.add(reference)
        for (const reference of Object.keys(recorded(told).withheld)) everWithheld.set(reference, title)
        if (scenario.expect.status === 200) everShown.add(scenario.request.path)
        checkAnswer(told, scenario.expect)
        checkRecord(told, scenario.record)
      },
    )
  })
})

test('whatever a scenario withholds, another one shows to somebody who may see it', () => {
  const never = [...everWithheld].filter(([reference]) => !everShown.has(reference))
  expect(never).toEqual([])
  expect(everWithheld.size).toBeGreaterThan(50)
  expect(files.flatMap(([, { scenarios }]) => scenarios).length).toBeGreaterThanOrEqual(20)
})
