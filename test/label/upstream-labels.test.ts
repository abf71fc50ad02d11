import { describe, expect, it } from 'vitest'
import { CLASSIFIER, DS4P } from '../../src/model/ds4p.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import { AT, labeller, raw, site } from './house.ts'

const signature = (identifier: object = CLASSIFIER.identifier) => ({
  url: DS4P.classifier,
  valueReference: { identifier, display: CLASSIFIER.display },
})
const label = (code: string, extension?: readonly object[], system: string = SYSTEM.actCode) => ({
  ...(extension === undefined ? {} : { extension }),
  system,
  code,
})

function codes(change: object, withdrawOwn?: boolean): string[] {
  const of = labeller({ ...site(), ...(withdrawOwn === undefined ? {} : { withdrawOwn }) })
  const resource = {
    resourceType: 'Condition',
    id: 'c',
    subject: { reference: 'Patient/p' },
    code: { text: 'cough' },
    ...change,
  }
  const { labels } = of.label(of.assess(raw(resource)), () => 'absent', { at: AT })
  return labels.filter(({ system }) => system !== SYSTEM.confidentiality).map(({ code }) => code)
}
const security = (...labels: object[]) => ({ meta: { security: labels } })

describe('a label that bears the signature of the house', () => {
  it('counts like any other unless the site withdraws its own: a client can write the signature', () => {
    const signed = security(label('HIV', [signature()]))
    expect(codes(signed)).toContain('HIV')
    expect(codes(signed, false)).toContain('HIV')
    expect(codes(signed, true)).toEqual([])
  })

  it('is found anew where the content says the same', () => {
    const code = { text: 'HIV infection' }
    expect(codes({ code, ...security(label('HIV', [signature()])) }, true)).toContain('HIV')
  })

  it.each<[string, object]>([
    ['of a code that no rule puts', label('VIP', [signature()])],
    ['of another system', label('HIV', [signature()], 'urn:other')],
    ['with the name of the house but another identifier', label('HIV', [signature({ value: 'consentry' })])],
    ['of nobody', label('HIV')],
    ['that is no extension of a label', label('HIV', [{ ...signature(), url: 'urn:x' }])],
  ])('stays where it is one %s', (_which, one) => {
    expect(codes(security(one), true)).toHaveLength(codes(security(one), false).length)
    expect(codes(security(one), true).length).toBeGreaterThan(0)
  })

  it('on an element is withdrawn too, and its name never counts as content', () => {
    const inline = {
      url: DS4P.inline,
      valueCoding: { ...label('SUD', [signature()]), display: 'opioid use disorder' },
    }
    const evidence = [{ extension: [inline], code: [{ text: 'x ray' }] }]
    expect(codes({ evidence }, true)).toEqual([])
    expect(codes({ evidence }, false)).toContain('SUD')
  })
})

it('an incoming code asks for what its own category asks for, not for what a local code beside it asks', () => {
  const mark = (...labels: object[]) => {
    const of = labeller()
    const resource = {
      resourceType: 'Condition',
      id: 'c',
      subject: { reference: 'Patient/p' },
      ...security(...labels),
    }
    return of.label(of.assess(raw(resource)), () => 'absent', { at: AT }).confidentiality
  }
  expect(mark(label('SUD'))).toBe('R')
  expect(mark(label('SUDCN', undefined, SYSTEM.local), label('SUD'))).toBe('V')
  expect(mark(label('PSYTHPN'))).toBe('V')
})
