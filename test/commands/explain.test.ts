import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { demoResources } from '../../src/demo/resources.ts'
import type { ResourceDecision } from '../../src/model/decision.ts'
import type { LedgerRow } from '../../src/model/record.ts'
import { plainConsent, weighed } from '../support/permits.ts'
import { openTestSite, type TestSite } from '../support/site.ts'
import { lines, run } from '../support/terminal.ts'

const HOSPITAL: TokenRequest = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
let site: TestSite

beforeAll(async () => {
  const refusal = plainConsent({ id: 'no-hospital', patient: 'Patient/a', type: 'deny' })
  site = await openTestSite({
    resources: [
      ...demoResources(),
      ...weighed('a'),
      ...weighed('b'),
      { ...refusal, meta: { versionId: '7' } },
    ],
  })
})
afterAll(() => site.close())

/** What `explain` prints of one request. */
async function explained(path: string, as: TokenRequest): Promise<{ text: string; rows: LedgerRow[] }> {
  const reply = await site.get(path, as)
  const words = ['explain', reply.headers['X-Request-Id'] ?? '', '--ledger', site.ledgerFile]
  const [{ out: text }, { out }] = [await run(words), await run([...words, '--json'])]
  return { text, rows: lines<LedgerRow>(out) }
}

/** The lines under a heading (`released`, `withheld`) that say why. */
function becauseOf(text: string, heading: string): string[] {
  const all = text.split('\n')
  return all.flatMap((line, n) => {
    if (!line.startsWith(heading)) return []
    const rest = all.slice(n + 1)
    const end = rest.findIndex(one => !one.startsWith(' '))
    return rest.slice(0, end < 0 ? undefined : end).filter(one => one.includes('because'))
  })
}

describe('explain', () => {
  test('names for what a patient refused the Consent, its version and provision, and the ground', async () => {
    const { text } = await explained('Observation/weight-a', HOSPITAL)
    const because = becauseOf(text, 'withheld')
    expect(because.join('\n')).toMatch(
      /because consent-deny denies by Consent\/no-hospital version \S+ at \S*provision\S* \[45 CFR 171\.202\(e\)\]/,
    )
    expect(text).not.toContain('accountable')
  })

  test('names for what law withholds rule, citation and ground', async () => {
    const { text } = await explained('Condition?patient=elena-marsh', { client: 'health-plan' })
    expect(becauseOf(text, 'withheld').join('\n')).toMatch(
      /because p2-2\.31-consent \(42 CFR 2\.12\(a\)[^)]*.*\) denies .*\[45 CFR 171\.202\(b\)\]/,
    )
  })

  test('names for what leaves the permission, and the Consent where one was asked for', async () => {
    const plain = await explained('Observation/weight-b', HOSPITAL)
    expect(becauseOf(plain.text, 'released').join('\n')).toMatch(
      /because hipaa-506c2-treatment \(45 CFR 164\.506\(c\)\(2\)\) permits$/m,
    )
    expect(plain.text).toContain('not in the accounting of 45 CFR 164.528: tpo')
    const { text } = await explained('Condition?patient=elena-marsh', HOSPITAL)
    const because = becauseOf(text, 'released').join('\n')
    expect(because).toMatch(/because p2-2\.31-consent \(.*\) asks for a Consent, which is there/)
    expect(because).toMatch(/because p2-2\.31-consent \(.*\) permits by Consent\/\S+( version \S+)? at \S+/)
    expect(text).toContain('in that of 42 CFR 2.25 (tolled)')
    const health = await explained('Observation/weight-b', { client: 'public-health' })
    expect(health.text).toMatch(
      /because hipaa-512b-public-health .* permits[\s\S]*accountable \(45 CFR 164\.528\)/,
    )
  })

  test('names a view once, as what it is: how much of it goes, and no permission', async () => {
    const { text } = await explained('Condition?patient=elena-marsh', { client: 'health-plan' })
    expect(text).toMatch(/because view:payment-payer \(.*\) says how much of it goes$/m)
    expect(text.match(/view:payment-payer/g)).toHaveLength(1)
    expect(text).not.toContain('narrowed to')
  })

  test('every denial of these exchanges has a ground, every release a permission', async () => {
    const asked = [
      ['Observation/weight-a', HOSPITAL],
      ['Condition?patient=elena-marsh', { client: 'health-plan' }],
      ['Condition?patient=elena-marsh', HOSPITAL],
      ['Observation/weight-b', { client: 'researcher' }],
    ] as const
    for (const [path, as] of asked) {
      const { text, rows } = await explained(path, as)
      expect(text).not.toContain('no ground of')
      const row = rows.find(({ kind }) => kind === 'decision')?.body as unknown as {
        classes: { decision: ResourceDecision; released: string[]; withheld: string[] }[]
      }
      expect(row.classes.length).toBeGreaterThan(0)
      for (const { decision, released, withheld } of row.classes) {
        const of = (effect: string) => decision.because.filter(one => one.effect === effect)
        if (withheld.length > 0) expect(of('deny').every(({ ground }) => ground !== undefined)).toBe(true)
        if (released.length > 0) expect(of('permit').length).toBeGreaterThan(0)
      }
    }
  })
})
