import { describe, expect, it } from 'vitest'
import { createConsentReader } from '../../src/consent/reader.ts'
import { openEngine } from '../../src/engine.ts'
import { answerQuestion } from '../../src/flow/question.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { Question } from '../../src/model/question.ts'
import { act, coding, conf, consent, labelled, PLAIN, purposes, question, verdict } from './fixtures.ts'

const OURS = 'https://site.example/labels'
const THEIRS = 'https://others.example/labels'
const reader = createConsentReader({ ...purposes, labelSystems: [OURS, `${SYSTEM.actCode}/`] })

const carrying = (...security: readonly JsonObject[]) =>
  labelled({ ...PLAIN, meta: { security } } as Resource)
const refusing = (...labels: readonly JsonObject[]) =>
  consent({ type: 'permit', provision: [{ type: 'deny', securityLabel: labels }] })
const permitting = (...labels: readonly JsonObject[]) => consent({ type: 'permit', securityLabel: labels })
const effect = (file: ReturnType<typeof consent>, resource = carrying(), by = reader) =>
  verdict(file, question(), resource, by)?.effect

describe('a deny of a label of a system that the upstream uses completely', () => {
  const deny = refusing(coding(OURS, 'ALPHA'))

  it('reaches the records that bear exactly that label', () => {
    expect(effect(deny, carrying(coding(OURS, 'ALPHA')))).toBe('deny')
    expect(effect(deny, carrying(act('HIV'), coding(OURS, 'ALPHA')))).toBe('deny')
    expect(effect(deny, carrying(coding(OURS, 'BETA')))).toBe('permit')
    expect(effect(deny, carrying(coding(OURS, 'alpha')))).toBe('permit')
    expect(effect(deny, carrying(coding(THEIRS, 'ALPHA')))).toBe('permit')
    expect(effect(deny, carrying(act('HIV')))).toBe('permit')
    expect(effect(deny)).toBe('permit')
  })

  it('reaches all where the site does not say so, as does one of another system or of none', () => {
    const none = createConsentReader(purposes)
    expect(effect(deny, carrying(), none)).toBe('deny')
    expect(effect(refusing(coding(THEIRS, 'ALPHA')))).toBe('deny')
    expect(effect(refusing({ code: 'ALPHA' }))).toBe('deny')
    expect(effect(refusing(coding(OURS, 'ALPHA'), coding(THEIRS, 'ALPHA')))).toBe('deny')
  })

  it('takes content that could not be read for what its labels say, and no more', () => {
    const scan = act('UNASSESSED')
    expect(effect(deny, carrying(scan))).toBe('permit')
    expect(effect(deny, carrying(scan, coding(OURS, 'ALPHA')))).toBe('deny')
    expect(effect(refusing(coding(OURS, 'ALPHA'), act('HIV')), carrying(scan))).toBe('deny')
    expect(effect(deny, { ...carrying(), notAssessable: 'labelling failed' })).toBe('deny')
  })

  it('stands beside other labels of the same provision', () => {
    const both = refusing(coding(OURS, 'ALPHA'), act('HIV'), conf('V'))
    expect(effect(both, carrying(act('HIV')))).toBe('deny')
    expect(effect(both, carrying(conf('V')))).toBe('deny')
    expect(effect(both, carrying(coding(OURS, 'ALPHA')))).toBe('deny')
    expect(effect(both, carrying(act('SUD')))).toBe('permit')
  })

  it('may be a code of HL7 that is not known here', () => {
    expect(effect(refusing(act('RXCAT')), carrying(act('RXCAT')))).toBe('deny')
    expect(effect(refusing(act('RXCAT')))).toBe('permit')
    expect(effect(refusing(act('HIV')), carrying(act('UNASSESSED')))).toBe('deny')
  })
})

describe('a permit of such a label', () => {
  it('covers the records that bear it and no other sensitivity, as ever', () => {
    const permit = permitting(coding(OURS, 'ALPHA'))
    expect(effect(permit, carrying(coding(OURS, 'ALPHA')))).toBe('permit')
    expect(effect(permit, carrying(coding(OURS, 'ALPHA'), act('HIV')))).toBe('not-covered')
    expect(effect(permit, carrying(coding(THEIRS, 'ALPHA')))).toBe('not-covered')
    expect(effect(permit)).toBe('not-covered')
  })
})

describe('records that bear the same code of different systems', () => {
  const policy = { labelFolders: [], conceptMaps: [], profileFolders: [], disabledRows: [], enabledRows: [] }
  const rooms = openEngine({ ...policy, consent: { labelSystems: [OURS] } }).questionRooms
  const record = (id: string, ...security: readonly JsonObject[]) => ({ ...PLAIN, id, meta: { security } })
  const effects = (consents: readonly Resource[], resources: readonly object[]) => {
    const asked = {
      at: '2024-06-01T12:00:00Z',
      requester: { actors: [{ reference: 'Organization/x' }] },
      purposeOfUse: 'TREAT',
      patient: { reference: 'Patient/p1' },
      consents,
      resources,
    } as unknown as Question
    const { answer } = answerQuestion(rooms, asked, { policy: 'none', trustLabels: false })
    return Object.fromEntries(Object.entries(answer.resources).map(([name, one]) => [name, one.effect]))
  }

  it('are never decided as one class, whichever comes first', () => {
    const records = [
      record('theirs', coding(THEIRS, 'ALPHA')),
      record('ours', coding(OURS, 'ALPHA')),
      record('bare'),
    ]
    const expected = {
      'Observation/theirs': 'permit',
      'Observation/ours': 'deny',
      'Observation/bare': 'permit',
    }
    const deny = [refusing(coding(OURS, 'ALPHA')).resource]
    expect(effects(deny, records)).toEqual(expected)
    expect(effects(deny, records.toReversed())).toEqual(expected)
  })

  it('nor under a permit of one of them', () => {
    const records = [record('ours', coding(OURS, 'ALPHA')), record('theirs', coding(THEIRS, 'ALPHA'))]
    const expected = { 'Observation/ours': 'permit', 'Observation/theirs': 'deny' }
    const permit = [permitting(coding(OURS, 'ALPHA')).resource]
    expect(effects(permit, records)).toEqual(expected)
    expect(effects(permit, records.toReversed())).toEqual(expected)
  })
})
