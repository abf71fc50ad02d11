import { describe, expect, test } from 'vitest'
import {
  readReferences,
  referencePaths,
  resourceTypes,
  searchParameter,
  searchParameterPaths,
  servedTypes,
} from '../../src/interaction/search-parameters.ts'

const DERIVED_FROM = [
  'DocumentReference',
  'ImagingStudy',
  'Media',
  'MolecularSequence',
  'Observation',
  'QuestionnaireResponse',
]

describe('the table of search parameters', () => {
  test('knows the resource types of R4 and nothing else', () => {
    for (const type of ['Patient', 'Binary', 'MedicationKnowledge', 'SubstanceSpecification'])
      expect(resourceTypes().has(type)).toBe(true)
    for (const type of ['Resource', 'DomainResource', 'Subscriptions', 'patient', 'Bundle[]'])
      expect(resourceTypes().has(type)).toBe(false)
  })

  test('gives every type its ids and change dates', () => {
    for (const type of resourceTypes()) {
      expect(searchParameter(type, '_id')?.type).toBe('token')
      expect(searchParameter(type, '_lastUpdated')?.type).toBe('date')
    }
  })

  test('names for every served parameter the elements it reads', () => {
    for (const { type, searchParameters } of servedTypes()) {
      for (const { name } of searchParameters) {
        expect(searchParameterPaths(type, name), `${type}.${name}`).not.toEqual([])
      }
    }
  })

  test('serves no record, no composite and nothing that reaches labels', () => {
    const all = servedTypes().flatMap(({ searchParameters }) => searchParameters)
    expect(servedTypes().map(({ type }) => type)).not.toContain('AuditEvent')
    expect(all.filter(({ type }) => type === 'composite' || type === 'special')).toEqual([])
    expect(all.filter(({ name }) => name.startsWith('_')).map(({ name }) => name)).toEqual(
      servedTypes().flatMap(() => ['_id', '_lastUpdated']),
    )
  })

  test.each([
    ['Observation', 'encounter', ['encounter'], ['Encounter', 'EpisodeOfCare']],
    ['Observation', 'patient', ['subject'], ['Patient']],
    ['MedicationRequest', 'medication', ['medicationReference'], ['Medication']],
    ['Encounter', 'practitioner', ['participant.individual'], ['Practitioner']],
    ['Encounter', 'location', ['location.location'], ['Location']],
    ['Appointment', 'patient', ['participant.actor'], ['Patient']],
    ['Observation', 'code', [], []],
    ['Observation', 'nothing', [], []],
    ['QuestionnaireResponse', 'questionnaire', [], []],
    ['PlanDefinition', 'depends-on', [], []],
    ['Observation', 'derived-from', ['derivedFrom'], DERIVED_FROM],
    ['Procedure', 'instantiates-canonical', [], []],
  ])('%s:%s is followed along its element paths', (type, parameter, paths, targets) => {
    const found = referencePaths(type, parameter)
    expect(found.paths).toEqual(paths)
    expect([...found.targets].sort()).toEqual(targets)
  })

  test('reference parameters of clinical types lead somewhere', () => {
    for (const type of [
      'Observation',
      'Condition',
      'Encounter',
      'Procedure',
      'DiagnosticReport',
      'CarePlan',
      'Provenance',
    ]) {
      const references = servedTypes()
        .find(served => served.type === type)
        ?.searchParameters.filter(
          parameter => parameter.type === 'reference' && parameter.name !== 'instantiates-canonical',
        )
      for (const { name } of references ?? [])
        expect(referencePaths(type, name).paths, `${type}:${name}`).not.toEqual([])
    }
  })

  test.each([
    ['Observation', 'combo-value-quantity', ['value', 'component']],
    ['Observation', 'value-string', ['value']],
    ['Observation', '_lastUpdated', ['meta']],
    ['Patient', 'deceased', ['deceased']],
    ['Patient', 'phone', ['telecom']],
    ['Patient', 'race', ['extension']],
    ['AllergyIntolerance', 'code', ['code', 'reaction']],
    ['Patient', 'unknown', []],
  ])('%s?%s reads its top-level elements', (type, name, elements) => {
    expect(searchParameterPaths(type, name)).toEqual(elements)
  })
})

describe('readReferences', () => {
  const encounter = {
    resourceType: 'Encounter',
    subject: { reference: 'Patient/1', display: 'A' },
    participant: [
      { individual: { reference: 'Practitioner/1' } },
      { individual: { display: 'nobody' } },
      { individual: { reference: 'Practitioner/2' } },
      {},
    ],
    reason: 'text',
    hospitalization: null,
  }

  test.each([
    ['subject', ['Patient/1']],
    ['participant.individual', ['Practitioner/1', 'Practitioner/2']],
    ['participant', []],
    ['reason', []],
    ['reason.reference', []],
    ['hospitalization.origin', []],
    ['absent.path', []],
  ])('finds what stands at %s, over arrays', (path, references) => {
    expect(readReferences(encounter, path)).toEqual(references)
  })

  test('finds a choice element by its base name', () => {
    expect(readReferences({ sourceReference: { reference: 'Contract/1' } }, 'source')).toEqual(['Contract/1'])
  })
})
