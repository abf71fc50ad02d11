import { describe, expect, it } from 'vitest'
import { describeProvisions } from '../../src/consent/provisions.ts'
import type { ConsentOnFile } from '../../src/model/consent.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import {
  act,
  consent,
  labelled,
  optIn,
  optOut,
  PLAIN,
  purposes,
  question,
  reader,
  type,
  verdict,
} from './fixtures.ts'

const MEDICATION: Resource = { ...PLAIN, resourceType: 'MedicationRequest', id: 'm' }
const HIV: Resource = { ...MEDICATION, id: 'h', meta: { security: [act('HIV')] } }
const medications = { type: 'permit', class: [type('MedicationRequest')] }
const noHiv = { type: 'deny', securityLabel: [act('HIV')] }
const within = (...provision: readonly JsonObject[]) => ({ provision })

const said = (file: ConsentOnFile) =>
  [MEDICATION, PLAIN, HIV].map(resource => verdict(file, question(), labelled(resource))?.effect)

describe('an opt-in by policyRule whose root has no type', () => {
  it('is to what its provisions permit, where they permit something', () => {
    expect(said(consent(within(medications), optIn))).toEqual(['permit', 'not-covered', 'permit'])
    expect(verdict(consent(within(medications), optIn), question(), labelled(MEDICATION))?.path).toBe(
      'provision.provision[0]',
    )
    expect(said(consent(within({ type: 'permit' }), optIn))).toEqual(['permit', 'permit', 'permit'])
  })

  it('is to everything but what its provisions refuse, where they permit nothing: the positive control', () => {
    expect(said(consent(within(noHiv), optIn))).toEqual(['permit', 'permit', 'deny'])
    expect(said(consent({}, optIn))).toEqual(['permit', 'permit', 'permit'])
    expect(said(consent(undefined, optIn))).toEqual(['permit', 'permit', 'permit'])
    const exception = within({
      ...noHiv,
      provision: [{ type: 'permit', class: [type('MedicationRequest')] }],
    })
    expect(said(consent(exception, optIn))).toEqual(['permit', 'permit', 'permit'])
  })

  it('never is to more because a refusal stands beside what it permits', () => {
    expect(said(consent(within(medications, noHiv), optIn))).toEqual(['permit', 'not-covered', 'deny'])
    expect(said(consent(within(noHiv, medications), optIn))).toEqual(['permit', 'not-covered', 'deny'])
  })

  it('is so in its period alone', () => {
    const ended = { ...within(medications), period: { end: '2024-05-31' } }
    expect(said(consent(ended, optIn))).toEqual([undefined, undefined, undefined])
    const current = { ...within(medications), period: { end: '2024-06-01' } }
    expect(said(consent(current, optIn))).toEqual(['permit', 'not-covered', 'permit'])
  })
})

describe('what is written otherwise stays as it is written', () => {
  it('a root that is a permit by its type', () => {
    const typed = { type: 'permit', ...within(medications) }
    expect(said(consent(typed, optIn))).toEqual(['permit', 'permit', 'permit'])
    expect(said(consent(typed))).toEqual(['permit', 'permit', 'permit'])
  })

  it('a refusal, by its type or by an opt-out, with its exceptions', () => {
    for (const [root, rule] of [
      [within(medications), optOut],
      [{ type: 'deny', ...within(medications) }, optOut],
    ] as const)
      expect(said(consent(root, rule))).toEqual(['permit', 'deny', 'permit'])
    expect(said(consent({ type: 'deny', ...within(medications) }, optIn))).toEqual([
      'permit',
      'deny',
      'permit',
    ])
  })
})

describe('an opt-in to what its provisions permit', () => {
  const file = consent(within({ ...medications, securityLabel: [act('HIV')] }, noHiv), optIn)

  it('is told as these, not as a permit of everything', () => {
    expect(describeProvisions(file, purposes, 'UTC')).toMatchObject([
      { path: 'provision.provision[0]', type: 'permit', depth: 0 },
      { path: 'provision.provision[1]', type: 'deny', depth: 0 },
    ])
  })

  it('is no general release', () => {
    const [directive] = reader.read([file], question().at, 'UTC')
    expect(directive?.form).toMatchObject({ labels: ['HIV'] })
    expect(directive?.form).not.toHaveProperty('general')
    const [open] = reader.read([consent({}, optIn)], question().at, 'UTC')
    expect(open?.form.general).toBe(true)
  })
})
