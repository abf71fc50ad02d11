import { describe, expect, it } from 'vitest'
import { compileRules } from '../../src/label/compile.ts'
import { RULES } from './house.ts'
import { macroRecall, rows, score, withoutLists } from './score.ts'

const all = rows()
if (all === undefined) console.log('skipped: the shared code list is not here')

describe.runIf(all !== undefined)('codes of published value sets', () => {
  const { falseLabels, negatives, ...rest } = score(all ?? [], compileRules(RULES), true)
  const macro = macroRecall({ falseLabels, negatives, ...rest })
  const structural = score(all ?? [], compileRules(withoutLists(RULES)), true)

  it.each([
    ['icd-10-cm', 0.97],
    ['icd-9-cm', 0.97],
    ['sct', 0.93],
    ['rxnorm', 0.93],
    ['loinc.org', 0.93],
  ])('are labelled with their display: macro recall on %s at least %d', (system, least) => {
    expect(macro.get(system)).toBeGreaterThanOrEqual(least)
  })

  it.each([
    ['icd-10-cm', 0.97],
    ['icd-9-cm', 0.97],
    ['sct', 0.9],
    ['rxnorm', 0.9],
  ])('are found without any list of codes: macro recall on %s at least %d', (system, least) => {
    expect(macroRecall(structural).get(system)).toBeGreaterThanOrEqual(least)
  })

  it('that belong to no category get no label: at most 0.5 % do', () => {
    expect(falseLabels.length / negatives).toBeLessThanOrEqual(0.005)
  })
})
