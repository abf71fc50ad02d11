import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createConsentReader } from '../../src/consent/reader.ts'
import type { ConsentOnFile, ConsentQuestion } from '../../src/model/consent.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import type { LabelledResource } from '../../src/model/label.ts'
import {
  COMPLETE,
  consentArbitrary,
  questionArbitrary,
  resourceArbitrary,
  rivals,
  WORLD,
} from '../consent/arbitrary.ts'
import { combineVerdicts } from '../consent/combine.ts'
import { directory, purposes } from '../consent/fixtures.ts'
import { STRANGE_EXTENSION, TYPE_EXTENSION } from '../spec/provision.ts'

/** What a site may switch; the promises hold under every one of them. */
const POLICIES = {
  'the newest word wins': { newestWins: true },
  'a verification is asked for': { requireVerification: true },
  'labels of the upstream are complete': { labelSystems: [COMPLETE] },
  'extensions carry meaning': {
    extensions: [{ url: TYPE_EXTENSION, element: 'type' as const }, { url: STRANGE_EXTENSION }],
  },
}
const runs = { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 500) }

describe.each(Object.entries(POLICIES))('where %s, Consents', (_, policy) => {
  const reader = createConsentReader({ ...purposes, ...policy })
  const said = (onFile: readonly ConsentOnFile[], asked: ConsentQuestion, resource: LabelledResource) =>
    combineVerdicts(reader.ask(reader.read(onFile, asked.at, asked.zone), asked, resource))

  it('are decided alike in every order', () => {
    fc.assert(
      fc.property(rivals, questionArbitrary, resourceArbitrary, (onFile, asked, resource) => {
        expect(said(onFile.toReversed(), asked, resource)).toBe(said(onFile, asked, resource))
      }),
      runs,
    )
  })

  it('never release more for a deny that is added', () => {
    fc.assert(
      fc.property(
        rivals,
        consentArbitrary,
        questionArbitrary,
        resourceArbitrary,
        (onFile, other, asked, resource) => {
          const {
            type: _type,
            provision: _nested,
            extension: _told,
            ...limits
          } = other.resource['provision'] as JsonObject
          const { policyRule: _rule, ...rest } = other.resource
          const deny = {
            ...other,
            resource: { ...rest, provision: { ...limits, type: 'deny' } },
          } as ConsentOnFile
          if (said(onFile, asked, resource) === 'permit') return
          expect(said([...onFile, deny], asked, resource)).not.toBe('permit')
        },
      ),
      runs,
    )
  })

  it('release by an added permit no more than that permit covers', () => {
    fc.assert(
      fc.property(
        rivals,
        consentArbitrary,
        questionArbitrary,
        resourceArbitrary,
        (onFile, added, asked, resource) => {
          if (said(onFile, asked, resource) === 'permit') return
          if (said([...onFile, added], asked, resource) !== 'permit') return
          expect(said([added], asked, resource)).toBe('permit')
        },
      ),
      runs,
    )
  })

  it('never release more when a reference of the directory becomes unresolvable', () => {
    const references = WORLD.map(({ resourceType, id }) => `${resourceType}/${id}`)
    fc.assert(
      fc.property(
        rivals,
        questionArbitrary,
        resourceArbitrary,
        fc.subarray(references),
        (onFile, asked, resource, gone) => {
          if (said(onFile, { ...asked, directory: directory(WORLD) }, resource) === 'permit') return
          expect(said(onFile, { ...asked, directory: directory(WORLD, gone) }, resource)).not.toBe('permit')
        },
      ),
      runs,
    )
  })
})
