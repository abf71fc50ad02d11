import fc from 'fast-check'
import { expect, it } from 'vitest'
import { consentArbitrary, questionArbitrary, resourceArbitrary } from '../consent/arbitrary.ts'
import { consent, purposes, question, reader, verdict } from '../consent/fixtures.ts'
import { specVerdict } from './provision.ts'

const numRuns = Number(process.env['SPEC_RUNS'] ?? 3000)

it('production decides every random Consent as the short program does', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(consentArbitrary, questionArbitrary, resourceArbitrary, (onFile, asked, resource) => {
      const ours = reader.ask(reader.read([onFile], asked.at, 'UTC'), asked, resource)[0]?.effect ?? 'none'
      const said = specVerdict(onFile.resource, asked, resource, purposes)
      seen.set(said, (seen.get(said) ?? 0) + 1)
      expect(ours).toBe(said)
    }),
    { numRuns },
  )
  if (process.env['SPEC_RUNS'] !== undefined) console.log(Object.fromEntries(seen))
  // The comparison means something only if every outcome was met.
  for (const outcome of ['permit', 'deny', 'not-covered', 'indeterminate', 'none']) {
    expect([outcome, (seen.get(outcome) ?? 0) > numRuns / 100]).toEqual([outcome, true])
  }
})

it('the short program is no tautology: it permits and denies the plainest Consents', () => {
  const resource = { provision: { type: 'permit' } }
  const permit = consent(resource.provision)
  const deny = consent({ type: 'deny' })
  expect(verdict(permit)?.effect).toBe('permit')
  expect(verdict(deny)?.effect).toBe('deny')
  expect(question().purposes).toEqual(['TREAT'])
})
