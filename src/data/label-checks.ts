import type { ContextRule, LabelCategory, LabelRule } from '../model/rules.ts'
import { LabelRulesError } from './label-rules-error.ts'

/** Rules of one file as they stand there, for messages that name the place. */
export interface RulesOfFile {
  readonly file: string
  readonly category: LabelCategory
  readonly rules: readonly LabelRule[]
}

/**
 * What a schema cannot say: mistakes in label rules that would switch a protection off without a word.
 * @throws LabelRulesError naming file, place and what was expected, for the first mistake
 */
export function checkRules(files: readonly RulesOfFile[]): void {
  for (const { file, rules } of files)
    for (const [i, rule] of rules.entries()) checkRule(rule, problemIn(file, `/rules/${i}`))
  checkCues(files)
  checkVisits(files)
}

/** Throws at a place below the given one. */
type Problem = (place: string, expected: string) => never

function problemIn(file: string, base: string): Problem {
  return (place, expected) => {
    throw new LabelRulesError(file, `${base}${place}`, expected)
  }
}

const LISTS = [
  'codes',
  'prefixes',
  'except',
  'any',
  'near',
  'all',
  'names',
  'reasons',
  'systems',
  'notTypes',
] as const
const PHRASES = new Set<string>(['any', 'near', 'all', 'names', 'reasons', 'except'])
const OF_WORDS = new Set<LabelRule['kind']>(['words', 'cue', 'instrument'])

function checkRule(rule: LabelRule, problem: Problem): void {
  const given = rule as unknown as Readonly<Record<string, unknown>>
  // The prefixes of a cue are lists by code system.
  const listAt = (name: string): readonly string[] => (Array.isArray(given[name]) ? given[name] : [])
  if (rule.kind === 'cue')
    for (const [system, list] of Object.entries(rule.prefixes ?? {}))
      checkTwins(list, n =>
        problem(`/prefixes/${system}/${n}`, `each once was expected, "${list[n]}" stands twice`),
      )
  for (const name of LISTS) {
    const list = listAt(name)
    checkTwins(list, n => problem(`/${name}/${n}`, `each once was expected, "${list[n]}" stands twice`))
    if (!OF_WORDS.has(rule.kind) || !PHRASES.has(name)) continue
    for (const [n, phrase] of list.entries())
      if (!canStandInText(phrase))
        problem(
          `/${name}/${n}`,
          `"${phrase}" can match no text: letters a-z, digits or letters beyond ASCII in NFKC form were expected`,
        )
  }
  const except = listAt('except')
  if (!OF_WORDS.has(rule.kind)) return
  for (const [n, phrase] of listAt('any').entries()) {
    const taken = except.find(each => holds(phrase, each))
    if (taken !== undefined)
      problem(`/any/${n}`, `"${phrase}" can never match: "${taken}" of except always stands in it`)
  }
}

/** Codes are compared as the labeller compares them: without dots, whatever the case. */
function checkTwins(list: readonly string[], twin: (index: number) => never): void {
  const seen = new Set<string>()
  for (const [n, item] of list.entries()) {
    const key = item.replaceAll('.', '').toUpperCase()
    if (seen.has(key)) twin(n)
    seen.add(key)
  }
}

/** Texts are read in NFKC form and lower case; what is neither a-z, 0-9 nor beyond U+00BF parts words there. */
function canStandInText(phrase: string): boolean {
  if (phrase.normalize('NFKC').toLowerCase() !== phrase) return false
  return /^[a-z0-9\u00c0-\uffff* ]+$/.test(phrase)
}

/** Whether every text that has `phrase` has `part` inside it. */
function holds(phrase: string, part: string): boolean {
  const words = phrase.split(' ')
  const wanted = part.split(' ')
  const covers = (word: string, want: string): boolean =>
    want.endsWith('*') ? word.replace(/\*$/, '').startsWith(want.slice(0, -1)) : word === want
  return words.some(
    (_, at) =>
      at + wanted.length <= words.length && wanted.every((want, n) => covers(words[at + n] ?? '', want)),
  )
}

function checkCues(files: readonly RulesOfFile[]): void {
  const cues = new Set(
    files.flatMap(({ category, rules }) =>
      rules.flatMap(({ kind, id }) => (kind === 'cue' ? [`${category.id}/${id}`] : [])),
    ),
  )
  for (const { file, category, rules } of files)
    for (const [i, rule] of rules.entries()) {
      const context: readonly ContextRule[] = ('context' in rule ? rule.context : undefined) ?? []
      for (const [n, { cue }] of context.entries()) {
        const full = cue.includes('/') ? cue : `${category.id}/${cue}`
        if (!cues.has(full))
          throw new LabelRulesError(
            file,
            `/rules/${i}/context/${n}/cue`,
            `the id of a rule of kind cue was expected, "${full}" is none of ${[...cues].join(', ') || 'none'}`,
          )
      }
    }
}

/** A visit passes labels on only if some rule puts them. */
function checkVisits(files: readonly RulesOfFile[]): void {
  const put = new Set(
    files.flatMap(({ category, rules }) =>
      [
        category.labels,
        category.beside ?? [],
        ...rules.map(rule => ('labels' in rule ? (rule.labels ?? []) : [])),
      ]
        .flat()
        .map(({ code }) => code),
    ),
  )
  for (const { file, category } of files) {
    const { visit } = category
    if (visit === undefined || !file.endsWith('rules.json')) continue
    const named = [
      { place: '/visit/when', codes: [visit.when] },
      { place: '/visit/codes', codes: visit.codes },
      { place: '/visit/with', codes: visit.with ?? [] },
    ]
    for (const { place, codes } of named) {
      const unknown = codes.find(code => !put.has(code))
      if (unknown !== undefined)
        throw new LabelRulesError(
          file,
          place,
          `a code that some rule puts was expected, "${unknown}" is none`,
        )
    }
  }
}
