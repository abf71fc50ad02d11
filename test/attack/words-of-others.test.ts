import { describe, expect, it } from 'vitest'
import { evidenceLine, evidenceText } from '../../src/commands/evidence-text.ts'
import { holdLine, holdText } from '../../src/commands/holds-text.ts'
import { caseText, listText } from '../../src/commands/reviews-text.ts'
import type { HoldCase } from '../../src/office/holds.ts'
import { EmergencyFold, type ReviewCase } from '../../src/office/reviews.ts'
import { NOON, ORDER } from '../office/fixtures.ts'

/** Who asks, declares or enters evidence writes what an officer reads: it must not pass for the program's own words. */

const CLEAR = '\u001b[2J\u001b[H'
const FORGED = `Ana\nclosed     today by the privacy office: appropriate${CLEAR}\r\u202eREVERSED\u2028x\u200b`
const count = (text: string) => text.split('\n').length

const evidence = (said: string) => ({
  ...ORDER,
  id: 'e1',
  enteredBy: said,
  enteredAt: NOON.toISOString(),
  note: said,
  facts: { ...ORDER.facts, court: said, findings: said },
})
const held = (said: string) =>
  ({
    id: 'h1',
    key: 'k',
    rule: 'r',
    kind: 'after-hours',
    client: 'plan',
    user: 'Practitioner/x',
    userName: said,
    purposes: ['HPAYMT'],
    covers: said,
    request: said,
    exchange: 'x',
    openedAt: NOON.toISOString(),
    approvalHours: 1,
    caseHours: 1,
    openCasesMax: 1,
    principal: 'p',
  }) as HoldCase
const review = (said: string) =>
  ({
    declaredAt: NOON.toISOString(),
    grant: {
      id: 'g1',
      patient: 'Patient/a',
      start: NOON.toISOString(),
      end: NOON.toISOString(),
      reviewBy: NOON.toISOString(),
      principal: 'p',
      client: 'ed',
      user: 'Practitioner/x',
      userName: said,
      discloser: 'us',
      exchange: 'x',
      facts: {
        reason: said,
        natureOfEmergency: said,
        consentUnobtainable: true,
        consentUnobtainableReason: said,
        medicalPersonnel: { name: said, facility: said },
      },
    },
  }) as ReviewCase
const about = { known: new EmergencyFold(), at: NOON, file: 'ledger', released: [] }

const TEXTS: readonly (readonly [string, (said: string) => string])[] = [
  ['evidence list', said => evidenceLine({ ...evidence(said), for: { client: said } }, 'in-force')],
  ['evidence show', said => evidenceText(evidence(said), 'waiting-for-approval', undefined)],
  ['holds list', said => holdLine(held(said), 'open')],
  ['holds show', said => holdText(held(said), 'open')],
  ['reviews list', said => listText([review(said)], about.known, NOON)],
  ['reviews show', said => caseText(review(said), about)],
]

describe.each(TEXTS)('%s', (_, text) => {
  it('keeps what others wrote in its place', () => {
    const told = text(FORGED)
    expect(count(told)).toBe(count(text('Ana')))
    expect(told.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Zl}\u200b\u202a-\u202e]/u)
  })

  it('prints names as they are', () => {
    if (text('Zoë') !== text('Ana')) expect(text('Zoë 李娜 עדה')).toContain('Zoë 李娜 עדה')
  })
})
