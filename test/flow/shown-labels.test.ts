import { describe, expect, it } from 'vitest'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { tpoConsent } from '../support/consents.ts'
import { type Asked, effects, HOSPITAL, leaves, PROGRAM, SUBJECT } from './question-kit.ts'

const coded = (code: string) => ({ coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code }] })
const problem: Resource = {
  resourceType: 'Condition',
  id: 'oud',
  subject: SUBJECT,
  recorder: PROGRAM,
  code: coded('F11.20'),
}
const withReason = (id: string, reason: JsonObject, more: JsonObject = {}): Resource => ({
  resourceType: 'Procedure',
  id,
  status: 'completed',
  subject: SUBJECT,
  performer: [{ actor: HOSPITAL }],
  code: { text: 'Electrocardiogram' },
  reasonReference: [reason],
  ...more,
})
const bare = withReason('bare', { reference: 'Condition/oud' })
const told = withReason('told', { reference: 'Condition/oud', display: 'Opioid dependence' })
const ofReport: Resource = {
  resourceType: 'DiagnosticReport',
  id: 'two-steps',
  status: 'final',
  subject: SUBJECT,
  performer: [HOSPITAL],
  code: { text: 'Report' },
  basedOn: [{ reference: 'ServiceRequest/order' }],
}
const order: Resource = {
  resourceType: 'ServiceRequest',
  id: 'order',
  status: 'active',
  intent: 'order',
  subject: SUBJECT,
  requester: HOSPITAL,
  code: { text: 'Electrocardiogram' },
  reasonReference: [{ reference: 'Condition/oud' }],
}
const own = withReason('own', { reference: 'Condition/oud' }, { reasonCode: [coded('F11.20')] })

/** The released resource by reference, as JSON. */
function released(given: Asked): ReadonlyMap<string, Resource> {
  const { entry = [] } = JSON.parse(leaves(given)) as { entry?: { resource: Resource }[] }
  return new Map(entry.map(({ resource }) => [`${resource.resourceType}/${resource.id}`, resource]))
}

describe('labels that are written on what leaves', () => {
  const resources = [problem, bare, told, ofReport, order, own]

  it('do not tell of a withheld record that the resource refers to, in one step or two', () => {
    expect(effects({ resources })['Condition/oud']).toBe('deny')
    const found = released({ resources })
    for (const reference of [
      'Procedure/bare',
      'Procedure/told',
      'DiagnosticReport/two-steps',
      'ServiceRequest/order',
    ]) {
      expect([reference, JSON.stringify(found.get(reference)).match(/SUD|OPIOID|"R"|Opioid/g)]).toEqual([
        reference,
        null,
      ])
    }
  })

  it('are those the resource would have had, had the withheld record never existed', () => {
    const without = released({ resources: resources.filter(one => one !== problem) })
    for (const [reference, resource] of released({ resources }))
      if (reference !== 'Procedure/told')
        expect([reference, resource]).toEqual([reference, without.get(reference)])
  })

  it('stay where one of several finds is taken out and another is not', () => {
    const reference = { reference: 'Condition/oud', display: 'Opioid dependence' }
    const both = withReason('both', reference, { reasonCode: [{ text: 'Opioid dependence' }] })
    const found = released({ resources: [problem, both, told] })
    expect(JSON.stringify(found.get('Procedure/both'))).toContain('PROCESSINLINELABEL')
    expect(JSON.stringify(found.get('Procedure/told'))).not.toMatch(/SUD|Opioid|PROCESSINLINELABEL/)
  })

  it('stay where the resource itself tells, and where the record may be known', () => {
    expect(JSON.stringify(released({ resources }).get('Procedure/own'))).toContain('OPIOIDUD')
    const consents = [
      tpoConsent({
        id: 'tpo',
        patient: 'Patient/p',
        discloser: PROGRAM.reference,
        recipient: 'Organization/other',
      }),
    ]
    const found = released({ resources, consents })
    for (const reference of ['Procedure/bare', 'Procedure/told', 'ServiceRequest/order'])
      expect(JSON.stringify(found.get(reference))).toContain('OPIOIDUD')
  })
})
