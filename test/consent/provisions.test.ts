import { describe, expect, it } from 'vitest'
import { describeProvisions } from '../../src/consent/provisions.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import { act, actor, coding, consent, purposes, reason, recipient, type } from './fixtures.ts'

const options = { ...purposes, bases: ['https://gw.example/fhir'] }
const told = (provision: JsonObject | undefined, over: JsonObject = {}, source?: string) => {
  const file = consent(provision, over)
  return describeProvisions(
    source === undefined ? file : { ...file, ref: { ...file.ref, source } },
    options,
    'UTC',
  )
}

describe('provisions in words', () => {
  it('are told root first, each with what it inherits', () => {
    const provision = {
      type: 'permit',
      actor: [recipient('Organization/x')],
      purpose: [reason('TREAT')],
      provision: [{ type: 'deny', securityLabel: [act('HIV')], period: { start: '2024' } }],
    }
    expect(told(provision)).toEqual([
      expect.objectContaining({ path: 'provision', type: 'permit', depth: 0 }),
      expect.objectContaining({
        path: 'provision.provision[0]',
        type: 'deny',
        depth: 1,
        recipients: [{ reference: 'Organization/x', classes: [] }],
        purposes: [reason('TREAT')],
        labels: [act('HIV')],
        span: { start: Date.UTC(2024, 0, 1), end: Number.POSITIVE_INFINITY },
      }),
    ])
  })

  it('tell every element that limits them, and none that does not', () => {
    const loinc = coding('http://loinc.org', '718-7')
    const [root] = told(
      {
        type: 'permit',
        actor: [
          actor('CST', { identifier: { system: 's', value: '1' } }),
          actor('AUT', { display: 'my doctor' }),
          actor('WIT', { reference: '#g' }),
          actor('IRCP', { reference: '#o' }),
        ],
        action: [{ coding: [coding(SYSTEM.consentAction, 'access')] }],
        class: [type('Observation')],
        code: [{ coding: [loinc] }],
        dataPeriod: { end: '2023' },
        data: [{ meaning: 'instance', reference: { reference: 'Observation/1' } }],
      },
      {
        contained: [
          {
            resourceType: 'Group',
            id: 'g',
            name: 'all of them',
            code: { coding: [coding(SYSTEM.recipientClass, 'health-plans')] },
          },
          { resourceType: 'Organization', id: 'o' },
        ],
      },
    ) as readonly unknown[]
    expect(root).toMatchObject({
      disclosers: [{ identifier: { system: 's', value: '1' }, classes: [] }],
      sources: [{ display: 'my doctor', classes: [] }],
      others: [{ reference: '#g', display: 'all of them', classes: ['health-plans'] }],
      recipients: [{ reference: '#o', classes: [] }],
      actions: [coding(SYSTEM.consentAction, 'access')],
      classes: [type('Observation')],
      codes: [loinc],
      dataPeriod: { start: Number.NEGATIVE_INFINITY, end: Date.UTC(2024, 0, 1) },
      data: [{ meaning: 'instance', actor: { reference: 'Observation/1', classes: [] } }],
    })
    const [bare] = told({ type: 'permit' }) as readonly object[]
    for (const element of ['purposes', 'labels', 'classes', 'codes', 'actions', 'dataPeriod', 'data'])
      expect(bare).not.toHaveProperty(element)
  })

  it('are told as an extension of the site means them, and unread where it has no meaning', () => {
    const url = 'https://site.example/opt'
    const file = consent({ extension: [{ url, valueCode: 'out' }] })
    const withMeaning = {
      ...options,
      extensions: [{ url, element: 'type', values: { out: 'deny' } }],
    } as const
    expect(describeProvisions(file, withMeaning, 'UTC')).toMatchObject([{ type: 'deny', path: 'provision' }])
    expect(describeProvisions(file, { ...options, extensions: [{ url }] }, 'UTC')).toEqual({
      unreadable: `provision.extension: expected none of ${url}`,
    })
  })

  it('that cannot be read say why, and those of another server name its resources', () => {
    expect(told({})).toMatchObject({ unreadable: expect.stringContaining('provision.type') })
    const file = consent({ type: 'permit', period: { start: '2024' } })
    expect(describeProvisions(file, purposes, 'Nowhere/Here')).toEqual({ unreadable: 'expected R4 JSON' })
    const named = { type: 'permit', actor: [recipient('Organization/x')] }
    const whom = (source?: string) => JSON.stringify(told(named, {}, source))
    expect(whom('https://other.example/fhir')).toContain('https://other.example/fhir/Organization/x')
    expect(whom('https://gw.example/fhir')).toContain('"reference":"Organization/x"')
    expect(whom('upstream')).toContain('"reference":"Organization/x"')
  })
})
