import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { TypeShape } from '../../src/model/deidentification.ts'
import { deidentified, faults, RULES } from './deidentify-kit.ts'

/** Resource types that may leave, with every element of their shape. */
const TYPES = [
  'Patient',
  'Condition',
  'Observation',
  'Encounter',
  'Claim',
  'Coverage',
  'MedicationRequest',
  'Procedure',
  'Immunization',
  'DiagnosticReport',
  'Device',
  'ImagingStudy',
  'Provenance',
  'RelatedPerson',
  'Organization',
  'Location',
  'CarePlan',
  'FamilyMemberHistory',
  'AllergyIntolerance',
  'Specimen',
  'ServiceRequest',
  'Goal',
  'Appointment',
  'Practitioner',
]
const TEXTUAL = new Set([
  'string',
  'markdown',
  'uri',
  'url',
  'canonical',
  'code',
  'id',
  'oid',
  'uuid',
  'base64Binary',
  'xhtml',
  'time',
  'date',
  'dateTime',
  'instant',
])

/** A resource or datatype in which every textual element, at every depth, says the secret. */
function filled(
  shape: TypeShape,
  secret: string,
  depth: number,
  pick: (path: string) => boolean,
): Record<string, unknown> {
  const made: Record<string, unknown> = {}
  for (const [name, { type, list }] of shape.elements) {
    const path = `${shape.path}.${name}`
    if (type === 'Resource' || !pick(path)) continue
    const inner = TEXTUAL.has(type) ? undefined : RULES.shapeOf(type)
    let value: unknown
    if (TEXTUAL.has(type)) value = secret
    else if (type === 'boolean') value = true
    else if (inner === undefined) value = 1
    else if (depth > 0) value = filled(inner, secret, depth - 1, pick)
    if (value !== undefined) made[name] = list ? [value, value] : value
    if (TEXTUAL.has(type))
      made[`_${name}`] = { id: secret, extension: [{ url: secret, valueString: secret }] }
  }
  return made
}

const secrets = fc.stringMatching(/^[A-Z][a-z]{2,8} [A-Z][a-z]{2,8} \d{3}-\d{4}$/)

describe('a secret in any text of a resource', () => {
  it.each(['safe-harbor', 'limited-data-set'] as const)('never remains after %s', standard => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TYPES),
        secrets,
        fc.integer({ min: 0, max: 2 }),
        fc.integer(),
        (type, secret, depth, seed) => {
          const shape = RULES.shapeOf(type)
          if (shape === undefined) throw new Error(type)
          let n = seed
          const pick = (): boolean => {
            n = (n * 1103515245 + 12345) & 0x7fffffff
            return n % 3 !== 0
          }
          const resource = {
            ...filled(shape, secret, depth, pick),
            resourceType: type,
            id: 'r1',
            unknown: secret,
            fhir_comments: [secret],
          }
          expect(JSON.stringify(resource)).toContain(secret)
          expect(JSON.stringify(deidentified(resource, standard))).not.toContain(secret)
        },
      ),
      { numRuns: 150 },
    )
  })

  it.each(TYPES)('never remains in a %s that says it everywhere', type => {
    const shape = RULES.shapeOf(type)
    if (shape === undefined) throw new Error(type)
    const secret = 'Quinn Zeta 555-0100'
    const resource = { ...filled(shape, secret, 2, () => true), resourceType: type, id: 'r1' }
    for (const standard of ['safe-harbor', 'limited-data-set'] as const)
      expect(JSON.stringify(deidentified(resource, standard))).not.toContain(secret)
  })

  it('never makes an invalid resource of a valid one with a secret in a name of ours', () => {
    fc.assert(
      fc.property(secrets, fc.constantFrom('display', 'identifier'), (secret, where) => {
        const who = where === 'display' ? { display: secret } : { identifier: { value: secret } }
        const resource = {
          resourceType: 'Provenance',
          id: 'v1',
          target: [who],
          recorded: '2020-01-02T03:04:05Z',
          agent: [{ who }],
        }
        expect(faults(resource)).toEqual([])
        const left = deidentified(resource)
        expect(JSON.stringify(left)).not.toContain(secret)
        expect(faults(left)).toEqual([])
      }),
      { numRuns: 20 },
    )
  })
})
