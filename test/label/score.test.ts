import { describe, expect, it } from 'vitest'
import { compileRules } from '../../src/label/compile.ts'
import { RULES } from './house.ts'
import { rows, score } from './score.ts'

const all = rows()
if (all === undefined) console.log('skipped: the shared code list is not here')

describe.runIf(all !== undefined)('codes of published value sets', () => {
  const { recall, falseLabels, negatives } = score(all ?? [], compileRules(RULES), true)
  const macro = (system: string): number => {
    const cells = [...recall]
      .filter(([key]) => key.slice(21) === system)
      .map(([, { hit, all: of }]) => hit / of)
    return cells.reduce((a, b) => a + b, 0) / cells.length
  }

  it.each([
    ['icd-10-cm', 0.97],
    ['icd-9-cm', 0.97],
    ['sct', 0.93],
    ['rxnorm', 0.93],
    ['loinc.org', 0.93],
  ])('are labelled with their display: macro recall on %s at least %d', (system, least) => {
    expect(macro(system)).toBeGreaterThanOrEqual(least)
  })

  it('that belong to no category get no label: at most 0.5 % do', () => {
    expect(falseLabels.length / negatives).toBeLessThanOrEqual(0.005)
  })
})
