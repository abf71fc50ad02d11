import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import type { Reason } from '../../src/model/decision.ts'
import { type Accounted, accountabilityOf } from '../../src/record/accountability.ts'

const { accounting, profiles } = openEngine()
const excludedRows = accounting.kinds.flatMap(({ rows }) => rows)

const reason = (rule: string): Reason => ({ rule, source: 'law', effect: 'permit' })
const resting = (rules: readonly string[], obligations: readonly string[] = []): Accounted => ({
  because: rules.map(reason),
  obligations: ['AUDIT', ...obligations],
  consents: [],
})

describe('accountability', () => {
  test('no row that asks for the accounting log is left out', () => {
    const logged = profiles.lawRows.filter(({ obligations }) => obligations?.includes('ACCOUNTING_LOG'))
    expect(logged.length).toBeGreaterThan(5)
    for (const { id } of logged) expect(excludedRows, id).not.toContain(id)
  })

  test('every opening row of 164.512 is accountable', () => {
    const rows = profiles.lawRows.filter(
      ({ effect, citation }) =>
        (effect === 'permit' || effect === 'limit') && citation.startsWith('45 CFR 164.512'),
    )
    expect(rows.length).toBeGreaterThan(5)
    for (const { id, obligations = [] } of rows)
      expect(accountabilityOf(resting([id], obligations), accounting, false).accountable, id).toBe(true)
  })

  test('adding a basis or a duty never takes a disclosure out of the accounting', () => {
    const rule = fc.constantFrom(...excludedRows, 'hipaa-512e-court-order', 'a-row-of-the-site')
    const duty = fc.constantFrom('ACCOUNTING_LOG', 'BTG_ALERT', 'MIN_NECESSARY')
    fc.assert(
      fc.property(fc.array(rule), fc.array(duty), rule, duty, (rules, duties, more, further) => {
        const before = accountabilityOf(resting(rules, duties), accounting, false)
        fc.pre(before.accountable && rules.length > 0)
        expect(accountabilityOf(resting([...rules, more], duties), accounting, false).accountable).toBe(true)
        expect(accountabilityOf(resting(rules, [...duties, further]), accounting, false).accountable).toBe(
          true,
        )
      }),
    )
  })

  test('treatment is left out, a broken glass is told, and what nobody classified is told', () => {
    const of = (rules: readonly string[], duties?: readonly string[]) =>
      accountabilityOf(resting(rules, duties), accounting, false)
    expect(of(['hipaa-506c2-treatment'])).toEqual({ accountable: false, excluded: ['tpo'] })
    expect(of(['hipaa-522a1iii-break-glass'], ['BTG_ALERT'])).toEqual({ accountable: true })
    expect(of(['a-row-of-the-site'])).toEqual({ accountable: true })
    expect(of([])).toEqual({ accountable: true })
    expect(accountabilityOf(resting(['a-row-of-the-site']), accounting, true)).toEqual({
      accountable: false,
      excluded: ['use'],
    })
  })
})
