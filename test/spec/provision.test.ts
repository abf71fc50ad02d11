import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createConsentReader } from '../../src/consent/reader.ts'
import {
  COMPLETE,
  consentArbitrary,
  questionArbitrary,
  resourceArbitrary,
  rivals,
} from '../consent/arbitrary.ts'
import { consent, purposes, question, verdict } from '../consent/fixtures.ts'
import { STRANGE_EXTENSION, specVerdict, specVerdicts, TYPE_EXTENSION } from './provision.ts'

/** Enough for all runs on a busy machine, ms. */
const TIMEOUT = 180_000

const extensions = [{ url: TYPE_EXTENSION, element: 'type' }, { url: STRANGE_EXTENSION }] as const
/** As a site that trusts one label system of its upstream; the other readers trust none. */
const trusting = { ...purposes, labelSystems: [COMPLETE] }
const reader = createConsentReader({ ...trusting, extensions })
const asking = createConsentReader({ ...purposes, extensions, requireVerification: true })
const newest = createConsentReader({ ...purposes, extensions, newestWins: true })

const numRuns = Number(process.env['SPEC_RUNS'] ?? 20_000)

it(
  'production decides every random Consent as the short program does',
  () => {
    const seen = new Map<string, number>()
    fc.assert(
      fc.property(consentArbitrary, questionArbitrary, resourceArbitrary, (onFile, asked, resource) => {
        const ours = reader.ask(reader.read([onFile], asked.at, 'UTC'), asked, resource)[0]?.effect ?? 'none'
        const said = specVerdict(onFile.resource, asked, resource, trusting)
        seen.set(said, (seen.get(said) ?? 0) + 1)
        expect(ours).toBe(said)
        const checked =
          asking.ask(asking.read([onFile], asked.at, 'UTC'), asked, resource)[0]?.effect ?? 'none'
        expect(checked).toBe(specVerdict(onFile.resource, asked, resource, purposes, true))
      }),
      { numRuns },
    )
    if (process.env['SPEC_RUNS'] !== undefined) console.log(Object.fromEntries(seen))
    // The comparison means something only if every outcome was met.
    for (const outcome of ['permit', 'deny', 'not-covered', 'indeterminate', 'none']) {
      expect([outcome, (seen.get(outcome) ?? 0) > numRuns / 100]).toEqual([outcome, true])
    }
  },
  TIMEOUT,
)

it(
  'production lets the newest word win as the short program does',
  () => {
    let stepped = 0
    fc.assert(
      fc.property(rivals, questionArbitrary, resourceArbitrary, (onFile, asked, resource) => {
        const ours = newest
          .ask(newest.read(onFile, asked.at, 'UTC'), asked, resource)
          .map(({ effect }) => effect)
        const resources = onFile.map(item => item.resource)
        const said = specVerdicts(resources, asked, resource, purposes).filter(effect => effect !== 'none')
        const alone = resources.map(one => specVerdict(one, asked, resource, purposes))
        if (said.join() !== alone.filter(effect => effect !== 'none').join()) stepped += 1
        expect(ours).toEqual(said)
      }),
      { numRuns },
    )
    expect(stepped).toBeGreaterThan(numRuns / 200)
  },
  TIMEOUT,
)

it('the short program is no tautology: it permits and denies the plainest Consents', () => {
  const resource = { provision: { type: 'permit' } }
  const permit = consent(resource.provision)
  const deny = consent({ type: 'deny' })
  expect(verdict(permit)?.effect).toBe('permit')
  expect(verdict(deny)?.effect).toBe('deny')
  expect(question().purposes).toEqual(['TREAT'])
})
