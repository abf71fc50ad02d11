import { describe, expect, test } from 'vitest'
import { parseLossless } from '../../src/model/lossless-json.ts'
import { consentCopy } from '../../src/segment/consent-copy.ts'
import { explainScope } from '../../src/segment/scope.ts'
import { directive, FORM, GATEWAY, problems, REQUIRED, read, UPSTREAM } from './kit.ts'

const OPTIONS = { baseUrl: GATEWAY, upstreamBase: UPSTREAM, required: REQUIRED }

function copied(copy: object, released: string[] = []) {
  return read(consentCopy(directive({ copy }), new Set(released), OPTIONS))
}

const data = (...references: string[]) => ({
  provision: {
    type: 'deny',
    data: references.map(reference => ({ meaning: 'instance', reference: { reference } })),
  },
})

describe('the copy of a consent', () => {
  test('is the consent itself where it names people and places only, links turned', () => {
    const copy = {
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">I agree.</div>' },
      organization: [{ reference: 'Organization/otp' }],
      performer: [{ reference: `${UPSTREAM}/Patient/p` }, { reference: 'RelatedPerson/r' }],
      contained: [{ resourceType: 'QuestionnaireResponse', id: 'form', status: 'completed' }],
      sourceReference: { reference: '#form' },
      provision: {
        actor: [
          { role: { text: 'recipient' }, reference: { reference: 'Group/staff/_history/2' } },
          { role: { text: 'recipient' }, reference: { identifier: { value: '12' } } },
        ],
      },
    }
    const given = directive({ copy }).copy
    expect(copied(copy)).toEqual({
      ...given,
      performer: [{ reference: `${GATEWAY}/Patient/p` }, { reference: 'RelatedPerson/r' }],
    })
  })

  test('does not tell of a record that is not in the answer, and says no more for that', () => {
    const copy = {
      ...data('Condition/hidden', 'Condition/shown'),
      sourceReference: { reference: 'DocumentReference/d' },
    }
    const left = copied(copy, ['Condition/shown'])
    expect(JSON.stringify(left)).not.toMatch(/hidden|DocumentReference/)
    expect(left['provision']).toMatchObject({
      type: 'deny',
      data: [
        { meaning: 'instance', reference: { extension: [{ valueCode: 'masked' }] } },
        { meaning: 'instance', reference: { reference: 'Condition/shown' } },
      ],
    })
    expect(problems(left)).toEqual([])
  })

  test.each(['urn:uuid:0b1c', 'https://elsewhere.example/fhir/Condition/1', 'Condition?code=1', 'nowhere'])(
    '%s could be anything and goes',
    target => {
      expect(JSON.stringify(copied(data(target)))).not.toContain(target)
    },
  )

  test('keeps digits and leaves the consent on file as it was', () => {
    const copy = parseLossless(
      '{"contained":[{"resourceType":"QuestionnaireResponse","id":"form","status":"completed","item":[{"linkId":"1","answer":[{"valueDecimal":1.50}]}]}]}',
    ) as object
    const given = directive({ copy: { ...copy, ...data('Condition/hidden') } })
    const before = JSON.stringify(given.copy)
    for (const released of [[], ['Condition/hidden']])
      expect(Buffer.from(consentCopy(given, new Set(released), OPTIONS)).toString()).toContain(
        '"valueDecimal":1.50}',
      )
    expect(JSON.stringify(given.copy)).toBe(before)
  })
})

describe('the scope of a consent in words', () => {
  test('says who, to whom, for what, of what and how long', () => {
    const scope = explainScope(directive({ form: { periodStart: '2026-01-02', periodEnd: '2027-01-02' } }))
    expect(scope).toBe(
      "Disclosed with the patient's written consent Consent/c1 version 2, signed 2026-01-02. Scope: from Harbor Clinic; " +
        'to County Hospital; for TREAT; information: 42CFRPart2; valid from 2026-01-02 to 2027-01-02.',
    )
  })

  test('says so where the consent is silent', () => {
    const { dateTime: _dateTime, ...form } = FORM
    const silent = {
      ...directive({ ref: { reference: 'Consent/c1' } }),
      form: { ...form, disclosers: [], recipients: [], purposes: [], labels: [] },
    }
    expect(explainScope(silent)).toBe(
      "Disclosed with the patient's written consent Consent/c1. Scope: from the record holder; to the recipients the " +
        'consent names; for the purposes the consent names; information: all records the consent describes; valid until ' +
        'revoked.',
    )
  })

  test('does not say where another server is, and says whose it is', () => {
    const base = 'https://consents.example/fhir'
    const scope = explainScope(
      directive({
        ref: { reference: 'Consent/c1', base, source: 'the state registry' },
        form: {
          disclosers: [
            { reference: `${base}/Organization/a` },
            { reference: 'https://other.example/fhir/x' },
            {},
          ],
          recipients: [{ reference: `${base}/Organization/b`, classes: [] }],
        },
      }),
    )
    expect(scope).not.toContain('consents.example')
    expect(scope).toContain('written consent Consent/c1 of the state registry')
    expect(scope).toContain(
      'from Organization/a of the state registry, https://other.example/fhir/x, unnamed; ' +
        'to Organization/b of the state registry;',
    )
  })

  test('names parties by what there is of them', () => {
    const scope = explainScope(
      directive({
        form: {
          disclosers: [{ reference: 'Organization/a' }, { identifier: { value: '1234567893' } }, {}],
          recipients: [
            { reference: 'Organization/b', classes: [] },
            { identifier: { value: '99' }, classes: [] },
            { classes: ['treating-providers', 'health-plans'] },
          ],
        },
      }),
    )
    expect(scope).toContain(
      'from Organization/a, 1234567893, unnamed; to Organization/b, 99, treating-providers and health-plans;',
    )
  })
})
