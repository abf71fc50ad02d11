/**
 * Recall on codes that must be labelled and false labels on codes that must not, by category and code system, with
 * display and with the code alone: `node test/label/score.ts [--misses]`. Needs the shared development data.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadLabels } from '../../src/data/labels.ts'
import { type CompiledRules, compileRules } from '../../src/label/compile.ts'
import { canonicalSystem } from '../../src/label/systems.ts'

const FILE = fileURLToPath(new URL('../../../shared/data/codes-dev.tsv', import.meta.url))

/** The label that a category of the data must get; categories without one are not built yet. */
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

/** The rows of the shared code list, or undefined where it is absent. */
export function rows(): readonly Row[] | undefined {
  if (!existsSync(FILE)) return undefined
  const [, ...lines] = readFileSync(FILE, 'utf8').trimEnd().split('\n')
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
      negative: negative === '1',
      notSud: notSud === '1',
      errorFor: errorFor.trim(),
    }
  })
}

/** Label codes that one coding gets. */
function labelsOfCoding(rules: CompiledRules, row: Row, withDisplay: boolean): ReadonlySet<string> {
  const words = withDisplay && row.display !== '' ? rules.words(row.display, canonicalSystem(row.system)) : []
  return new Set(
    [...rules.codes(row.system, row.code).content, ...words].flatMap(({ labels }) => labels.map(l => l.code)),
  )
}

export interface Score {
  readonly recall: ReadonlyMap<string, { hit: number; all: number; readonly missed: string[] }>
  readonly falseLabels: readonly string[]
  readonly negatives: number
}

export function score(all: readonly Row[], rules: CompiledRules, withDisplay: boolean): Score {
  const recall = new Map<string, { hit: number; all: number; missed: string[] }>()
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

function print(title: string, { recall, falseLabels, negatives }: Score, misses: boolean): void {
  console.log(`\n${title}`)
  const bySystem = new Map<string, number[]>()
  for (const [key, { hit, all, missed }] of [...recall].sort()) {
    console.log(
      `  ${key.padEnd(50)} ${String(hit).padStart(5)} of ${String(all).padStart(5)}  ${(hit / all).toFixed(3)}`,
    )
    if (misses) for (const line of missed.slice(0, 60)) console.log(`      - ${line}`)
    const system = key.slice(21)
    bySystem.set(system, [...(bySystem.get(system) ?? []), hit / all])
  }
  for (const [system, values] of bySystem) {
    console.log(`  macro recall ${system}: ${(values.reduce((a, b) => a + b, 0) / values.length).toFixed(3)}`)
  }
  console.log(
    `  false labels: ${falseLabels.length} of ${negatives} (${((100 * falseLabels.length) / negatives).toFixed(2)} %)`,
  )
  if (misses) for (const line of falseLabels) console.log(`      ! ${line}`)
}

if (import.meta.main) {
  const all = rows()
  if (all === undefined) console.log('The shared development data is not here; nothing to score.')
  else {
    const rules = compileRules(loadLabels())
    const misses = process.argv.includes('--misses')
    print('With display', score(all, rules, true), misses)
    print('Code only', score(all, rules, false), false)
  }
}
