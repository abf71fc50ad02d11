/**
 * Recall on codes that must be labelled and false labels on codes that must not, by category and code system, with
 * display and with the code alone: `node test/label/score.ts [file.tsv] [--misses] [--without-lists]`. Without lists
 * the exact codes are left out, so that one sees what prefixes and words find by themselves. Without a file the shared
 * development data is scored, where it is there.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadLabels } from '../../src/data/labels.ts'
import { type CompiledRules, compileRules } from '../../src/label/compile.ts'
import { MINIMUM_CONFIDENCE, weighed } from '../../src/label/confidence.ts'
import { canonicalSystem } from '../../src/label/systems.ts'
import type { LabelRule, LabelRules } from '../../src/model/rules.ts'

const SHARED = fileURLToPath(new URL('../../../shared/data/codes-dev.tsv', import.meta.url))

/** The label that a category of the data must get; categories without one are not built. */
const WANTED: Readonly<Record<string, string>> = {
  abortion: 'ABORTION',
  alcohol: 'SUD',
  contraception: 'CONTRACEPTION',
  gender_affirming: 'GENDERAFFIRMING',
  genetics: 'GDIS',
  hiv: 'HIV',
  mental_health: 'MH',
  opioid_treatment: 'SUD',
  opioid_use_disorder: 'SUD',
  pregnancy: 'PREGNANT',
  psychotherapy: 'MH',
  sdv: 'SDV',
  sti: 'STD',
  sud: 'SUD',
}

export interface Row {
  readonly system: string
  readonly code: string
  readonly display: string
  readonly strong: readonly string[]
  readonly weak: readonly string[]
  readonly negative: boolean
  readonly notSud: boolean
  readonly errorFor: string
}

/** The rows of a code list (tab-separated, with a heading), or undefined where it is absent. */
export function rows(file = SHARED): readonly Row[] | undefined {
  if (!existsSync(file)) return undefined
  const [, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  const list = (text = ''): string[] => text.split(',').filter(item => item !== '')
  return lines.map(line => {
    const [system = '', code = '', display = '', strong, weak, negative, notSud, errorFor = ''] =
      line.split('\t')
    return {
      system,
      code,
      display,
      strong: list(strong),
      weak: list(weak),
      negative: negative?.trim() === '1',
      notSud: notSud?.trim() === '1',
      errorFor: errorFor.trim(),
    }
  })
}

/** The rules without exact codes: prefixes, ranges and words only. */
export function withoutLists(rules: LabelRules): LabelRules {
  const structural = (rule: LabelRule): LabelRule[] => {
    if (rule.kind === 'code' || rule.kind === 'document') return []
    return [rule.kind === 'instrument' ? { ...rule, codes: [] } : rule]
  }
  return {
    ...rules,
    categories: rules.categories.map(each => ({ ...each, rules: each.rules.flatMap(structural) })),
  }
}

/** Label codes that one coding gets by itself; candidates below the minimum confidence are none. */
function labelsOfCoding(rules: CompiledRules, row: Row, withDisplay: boolean): ReadonlySet<string> {
  const words = withDisplay && row.display !== '' ? rules.words(row.display, canonicalSystem(row.system)) : []
  const hits = [...rules.codes(row.system, row.code).content, ...words]
  const cues = new Set(hits.flatMap(({ cue }) => cue ?? []))
  const labels = hits.flatMap(hit => hit.labels)
  return new Set(
    weighed(labels, { cues, statements: [] }, rules)
      .filter(({ confidence }) => confidence >= MINIMUM_CONFIDENCE)
      .map(({ code }) => code),
  )
}

interface Cell {
  hit: number
  all: number
  readonly missed: string[]
}

export interface Score {
  readonly recall: ReadonlyMap<string, Cell>
  readonly falseLabels: readonly string[]
  readonly negatives: number
}

export function score(all: readonly Row[], rules: CompiledRules, withDisplay: boolean): Score {
  const recall = new Map<string, Cell>()
  const falseLabels: string[] = []
  let negatives = 0
  for (const row of all) {
    const codes = labelsOfCoding(rules, row, withDisplay)
    const system = row.system.split('/').at(-1) ?? ''
    for (const category of row.strong) {
      const wanted = WANTED[category]
      if (wanted === undefined) continue
      const key = `${category.padEnd(20)} ${system.slice(0, 28)}`
      const cell = recall.get(key) ?? { hit: 0, all: 0, missed: [] }
      recall.set(key, cell)
      cell.all++
      if (codes.has(wanted)) cell.hit++
      else cell.missed.push(`${row.code} ${row.display}`)
    }
    const wrong = wrongLabels(row, codes)
    if (row.negative || row.notSud || row.errorFor !== '') negatives++
    if (wrong.length > 0) falseLabels.push(`${system} ${row.code} ${row.display} → ${wrong.join(' ')}`)
  }
  return { recall, falseLabels, negatives }
}

function wrongLabels(row: Row, codes: ReadonlySet<string>): string[] {
  if (row.negative) return [...codes]
  const wrong = []
  if (row.notSud && codes.has('SUD')) wrong.push('SUD')
  const error = WANTED[row.errorFor]
  if (error !== undefined && codes.has(error) && row.weak.length === 0) wrong.push(error)
  return wrong
}

/** Mean over the categories of a code system, one weight each however many codes it has. */
export function macroRecall({ recall }: Score): ReadonlyMap<string, number> {
  const bySystem = new Map<string, number[]>()
  for (const [key, { hit, all }] of recall) {
    const system = key.slice(21)
    bySystem.set(system, [...(bySystem.get(system) ?? []), hit / all])
  }
  return new Map([...bySystem].map(([name, of]) => [name, of.reduce((a, b) => a + b, 0) / of.length]))
}

interface Column {
  readonly title: string
  readonly score: Score
}

function print(columns: readonly Column[], misses: boolean): void {
  const first = columns[0]
  if (first === undefined) return
  const line = (name: string, cells: readonly string[]): void =>
    console.log(`  ${name.padEnd(50)}${cells.map(cell => cell.padStart(17)).join('')}`)
  const share = (cell: Cell | undefined): string =>
    cell === undefined ? '' : `${cell.hit}/${cell.all} ${(cell.hit / cell.all).toFixed(3)}`
  line(
    'recall',
    columns.map(({ title }) => title),
  )
  for (const [key, { missed }] of [...first.score.recall].sort()) {
    line(
      key,
      columns.map(each => share(each.score.recall.get(key))),
    )
    if (misses) for (const miss of missed) console.log(`      - ${miss}`)
  }
  const macros = columns.map(each => macroRecall(each.score))
  for (const system of macros[0]?.keys() ?? []) {
    line(
      `macro recall ${system}`,
      macros.map(macro => (macro.get(system) ?? 0).toFixed(3)),
    )
  }
  line(
    `false labels of ${first.score.negatives}`,
    columns.map(({ score: { falseLabels, negatives } }) => {
      const percent = negatives === 0 ? 0 : (100 * falseLabels.length) / negatives
      return `${falseLabels.length} ${percent.toFixed(2)} %`
    }),
  )
  if (misses) for (const wrong of first.score.falseLabels) console.log(`      ! ${wrong}`)
}

function main(args: readonly string[]): void {
  const file = args.find(arg => !arg.startsWith('--'))
  const all = rows(file)
  if (all === undefined) {
    console.log(`${file ?? 'The shared development data'} is not here; nothing to score.`)
    return
  }
  const full = loadLabels()
  const structural = compileRules(withoutLists(full))
  const without: Column[] = [
    { title: 'no lists', score: score(all, structural, true) },
    { title: 'no lists, code', score: score(all, structural, false) },
  ]
  const rules = compileRules(full)
  const columns: Column[] = [
    { title: 'with display', score: score(all, rules, true) },
    { title: 'code alone', score: score(all, rules, false) },
  ]
  const shown = args.includes('--without-lists') ? without : [...columns, ...without]
  print(shown, args.includes('--misses'))
}

if (import.meta.main) main(process.argv.slice(2))
