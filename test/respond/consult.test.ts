import { describe, expect, test } from 'vitest'
import type { Consulted, FlatAnswer, RecordedConsult } from '../../src/model/consult.ts'
import { createConsultResponder } from '../../src/respond/consult.ts'
import { type Card, label } from '../support/consult.ts'
import { ID, receipt, recorded, responder } from './exchange.ts'

const desk = createConsultResponder({
  baseUrl: 'https://gw.example/fhir',
  label: 'County Hospital',
  unrecorded: responder.unrecorded,
})

function consulted(answer: Partial<Consulted['answer']> = {}): Omit<Consulted, 'release'> {
  const { requester, purposeOfUse, id, receivedAt, correlation, request } = recorded('')
  return {
    id,
    receivedAt,
    correlation,
    request,
    requester,
    purposeOfUse,
    interaction: {
      code: 'operation',
      operation: 'patient-consent-consult',
      hookInstance: '1',
      patients: [{ identifier: { system: 'urn:ssn', value: '111-11-1111' } }],
      actors: [],
      purposes: [],
      labels: [],
      classes: [],
      content: true,
    },
    consultedFor: { requesters: [requester], purposeOfUse },
    resolution: 'found',
    patient: 'Patient/secret-id',
    answer: {
      decision: 'permit',
      indeterminate: false,
      needsData: false,
      clauses: [{ all: [label('SUD'), label('HIV')] }],
      permitted: [],
      duties: ['P2_NOTICE'],
      basedOn: [
        { consent: { reference: 'Consent/1', version: '3' }, path: 'provision', effect: 'permit' },
        { consent: { reference: 'Consent/2' }, path: 'provision.provision[1]', effect: 'deny' },
      ],
      ...answer,
    },
    decided: [],
    unread: [],
    revision: 'r1',
  }
}

const FLAT: FlatAnswer = {
  decision: 'CONSENT_PERMIT',
  codes: [label('SUD')],
  widened: [{ clause: 0, why: 'together' }],
}
const cardOf = (answer?: Partial<Consulted['answer']>, flat: FlatAnswer = FLAT): Card =>
  (JSON.parse(desk.compose(consulted(answer), flat)) as { cards: Card[] }).cards[0] as Card

describe('the discovery document', () => {
  test('lists the one service with what CDS Hooks requires', () => {
    const { status, headers, body } = desk.discovery()
    expect(status).toBe(200)
    expect(headers['Content-Type']).toBe('application/json; charset=utf-8')
    const { services } = JSON.parse(String(body)) as { services: Record<string, unknown>[] }
    expect(services).toHaveLength(1)
    expect(services[0]).toMatchObject({ hook: 'patient-consent-consult', id: 'patient-consent-consult' })
    for (const name of ['title', 'description']) expect(services[0]?.[name]).toMatch(/\w+ \w+/)
  })
})

describe('the card', () => {
  test('is what CDS Hooks and existing clients read', () => {
    const card = cardOf()
    expect(card).toMatchObject({
      uuid: ID,
      summary: 'CONSENT_PERMIT',
      indicator: 'info',
      source: { label: 'County Hospital', url: 'https://gw.example/fhir' },
    })
    expect(card.summary.length).toBeLessThanOrEqual(140)
    expect(card.extension.decision).toBe('CONSENT_PERMIT')
    expect(card.extension.obligations).toEqual([
      {
        id: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'REDACT' },
        parameters: { codes: [label('SUD')] },
      },
    ])
    expect(card.extension.basedOn).toBe('https://gw.example/fhir/Consent/2')
  })

  test('has the exact answer beside it and says where the flat one is wider', () => {
    const { extension, detail } = cardOf()
    expect(extension['example.consentry.consult']).toEqual({
      decision: 'permit',
      purposeOfUse: ['TREAT'],
      obligations: [{ all: [label('SUD'), label('HIV')] }],
      duties: ['P2_NOTICE'],
      basedOn: [
        { consent: 'Consent/1', version: '3', path: 'provision', effect: 'permit' },
        { consent: 'Consent/2', path: 'provision.provision[1]', effect: 'deny' },
      ],
      widened: [{ clause: 0, why: 'together' }],
      content: false,
    })
    expect(detail).toMatch(/withholds more/)
    expect(cardOf({}, { ...FLAT, widened: [] }).detail).not.toMatch(/withholds more/)
  })

  test.each([
    ['CONSENT_PERMIT', 'info'],
    ['CONSENT_DENY', 'critical'],
    ['NO_CONSENT', 'warning'],
  ] as const)('%s has the indicator %s', (decision, indicator) => {
    expect(cardOf({}, { decision, codes: [], widened: [] })).toMatchObject({ summary: decision, indicator })
  })

  test('has no obligation where there is none', () => {
    expect(cardOf({}, { decision: 'CONSENT_DENY', codes: [], widened: [] }).extension.obligations).toEqual([])
  })

  test('names no patient, in no way', () => {
    expect(desk.compose(consulted(), FLAT)).not.toMatch(/secret-id|111-11-1111|Patient\//)
  })
})

describe('an answer', () => {
  const release = { body: '{"cards":[]}', digest: '00' }
  const answered: RecordedConsult = { ...consulted(), release, receipt: receipt() }

  test('is made from a recorded consult', () => {
    expect(desk.answer(answered)).toEqual({
      status: 200,
      headers: {
        'Content-Type': 'application/json; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        'X-Request-Id': ID,
      },
      body: release.body,
    })
  })

  test('is the constant 503 with the receipt of another exchange', () => {
    const reply = desk.answer({ ...answered, receipt: receipt('another') })
    expect(reply).toEqual(responder.unrecorded())
  })
})
