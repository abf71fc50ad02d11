import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ConsentOnFile, ConsentQuestion } from '../../src/model/consent.ts'
import type { JsonObject, JsonValue, Resource } from '../../src/model/fhir.ts'
import type { LabelledResource } from '../../src/model/label.ts'
import { consentArbitrary, questionArbitrary, resourceArbitrary, WORLD } from './arbitrary.ts'
import { combineVerdicts } from './combine.ts'
import { act, consent, directory, labelled, PLAIN, question, reader, recipient } from './fixtures.ts'

const consents = fc.array(consentArbitrary, { minLength: 1, maxLength: 4 })
const runs = { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 1000) }

function combined(onFile: readonly ConsentOnFile[], asked: ConsentQuestion, resource: LabelledResource) {
  return combineVerdicts(reader.ask(reader.read(onFile, asked.at, asked.zone), asked, resource))
}

function releases(
  onFile: readonly ConsentOnFile[],
  asked: ConsentQuestion,
  resource: LabelledResource,
): boolean {
  return combined(onFile, asked, resource) === 'permit'
}

/** The same Consent with the nested provisions of every level turned around. */
function reversed(value: JsonValue | undefined): JsonValue | undefined {
  if (Array.isArray(value)) return value.map(item => reversed(item) as JsonValue).toReversed()
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, reversed(part as JsonValue)]),
  ) as JsonObject
}

function withRoot(onFile: ConsentOnFile, change: (root: JsonObject) => JsonObject): ConsentOnFile {
  const provision = change((onFile.resource['provision'] ?? {}) as JsonObject)
  return { ...onFile, resource: { ...onFile.resource, provision } }
}

describe('Consents', () => {
  it('are decided alike in every order of Consents and of provisions', () => {
    fc.assert(
      fc.property(consents, questionArbitrary, resourceArbitrary, (onFile, asked, resource) => {
        const turned = onFile
          .map(item => ({ ...item, resource: reversed(item.resource) as Resource }))
          .toReversed()
        expect(combined(turned, asked, resource)).toBe(combined(onFile, asked, resource))
      }),
      runs,
    )
  })

  it('never release more for a deny that is added, as a Consent or as a provision', () => {
    fc.assert(
      fc.property(
        consents,
        consentArbitrary,
        questionArbitrary,
        resourceArbitrary,
        (onFile, other, asked, resource) => {
          const { type: _type, provision: _nested, ...limits } = other.resource['provision'] as JsonObject
          const deny: JsonObject = { ...limits, type: 'deny' }
          const added = [...onFile, { ...other, resource: { ...other.resource, provision: deny } }]
          const nested = onFile.map(item =>
            withRoot(item, root => ({
              ...root,
              provision: [...((root['provision'] ?? []) as JsonObject[]), deny],
            })),
          )
          if (combined(onFile, asked, resource) === 'permit') return
          // An opt-in around a deny permits what the deny does not reach: that is the opt-in, not the deny.
          const optsIn = JSON.stringify(other.resource['policyRule'] ?? '').includes('OPTIN')
          expect(!optsIn && releases(added, asked, resource)).toBe(false)
          expect(releases(nested, asked, resource)).toBe(false)
        },
      ),
      runs,
    )
  })

  it('release by an added permit no more than that permit covers', () => {
    fc.assert(
      fc.property(
        consents,
        consentArbitrary,
        questionArbitrary,
        resourceArbitrary,
        (onFile, permit, asked, resource) => {
          if (releases(onFile, asked, resource) || !releases([...onFile, permit], asked, resource)) return
          expect(releases([permit], asked, resource)).toBe(true)
        },
      ),
      runs,
    )
  })

  it('never release more when a reference of the directory becomes unresolvable', () => {
    const references = WORLD.map(({ resourceType, id }) => `${resourceType}/${id}`)
    fc.assert(
      fc.property(
        consents,
        questionArbitrary,
        resourceArbitrary,
        fc.subarray(references),
        (onFile, asked, resource, gone) => {
          const before = { ...asked, directory: directory(WORLD) }
          const after = { ...asked, directory: directory(WORLD, gone) }
          expect(releases(onFile, after, resource) && !releases(onFile, before, resource)).toBe(false)
        },
      ),
      { numRuns: runs.numRuns * 3 },
    )
  })

  it('never release more when the labels of a resource become unresolvable', () => {
    fc.assert(
      fc.property(consents, questionArbitrary, resourceArbitrary, (onFile, asked, resource) => {
        const blind = { ...resource, notAssessable: 'labelling failed' }
        expect(releases(onFile, asked, blind) && !releases(onFile, asked, resource)).toBe(false)
      }),
      runs,
    )
  })

  it('that cannot be read are indeterminate: withheld and listed, never "no consent"', () => {
    fc.assert(
      fc.property(consentArbitrary, questionArbitrary, resourceArbitrary, (onFile, asked, resource) => {
        const strange = {
          ...onFile.resource,
          status: 'active',
          scope: { coding: [{ code: 'patient-privacy' }] },
          modifierExtension: [{ url: 'http://example.org/m' }],
        }
        const file = [{ ...onFile, resource: strange }]
        expect(combined(file, asked, resource)).toBe('indeterminate')
        const [directive] = reader.read(file, asked.at, 'UTC')
        expect([directive?.state, directive?.why]).toEqual([
          'unreadable',
          expect.stringContaining('modifierExtension'),
        ])
      }),
      { numRuns: 200 },
    )
  })

  it('of patient A release nothing of patient B, whatever the order in which patients are mentioned', () => {
    const permit = consent({ type: 'permit' })
    const ofB = labelled({ ...PLAIN, id: 'b', subject: { reference: 'Patient/p2' } })
    for (const resources of [[PLAIN, PLAIN], [PLAIN]].map(list => list.map(item => labelled(item)))) {
      expect(resources.map(item => releases([permit], question(), item)).every(Boolean)).toBe(true)
    }
    expect(combined([permit], question(), ofB)).toBe('not-covered')
    expect(combined([consent({ type: 'deny' })], question(), ofB)).toBe('deny')
    const byIdentifier = consent({ type: 'permit' }, { patient: { identifier: { value: 'b' } } })
    expect(combined([byIdentifier], question(), ofB)).toBe('permit')
    expect(combined([consent({ type: 'permit' }, { patient: undefined })], question(), ofB)).toBe(
      'indeterminate',
    )
  })

  it('never throw, whatever JSON stands where a Consent should be', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (provision, policyRule, identifier) => {
        const resource = { ...consent(undefined).resource, provision, policyRule, identifier } as Resource
        const file = [{ ref: { reference: 'Consent/odd' }, resource }]
        const [directive] = reader.read(file, new Date('2024-06-01T00:00:00Z'), 'UTC')
        expect(directive?.ref.reference).toBe('Consent/odd')
        expect(reader.ask([directive!], question(), labelled(PLAIN))).toHaveLength(1)
      }),
      { numRuns: 500 },
    )
  })

  it('with a permit for one and a label of another still release to the one: the positive control', () => {
    const provision = { type: 'permit', actor: [recipient('Organization/x')], securityLabel: [act('HIV')] }
    const hiv = labelled({ ...PLAIN, meta: { security: [act('HIV')] } })
    expect(combined([consent(provision)], question(), hiv)).toBe('permit')
  })
})
