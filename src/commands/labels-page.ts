import type { Coding } from '../model/fhir.ts'
import { type LabelCategory, type LabelRule, type LabelRules, STATEMENTS } from '../model/rules.ts'

/** What one category recognises, told from its data. */
export interface RecognisedCategory {
  readonly id: string
  readonly title: string
  readonly labels: readonly string[]
  /** Codes that only some rules put. */
  readonly furtherLabels: readonly string[]
  readonly confidentiality: string
  readonly basis?: string
  readonly codes: readonly RecognisedCodes[]
  readonly words: { readonly rules: number; readonly phrases: number; readonly examples: readonly string[] }
  readonly instruments: readonly string[]
  readonly cues: readonly { readonly id: string; readonly says: readonly string[] }[]
  readonly candidates: readonly {
    readonly rule: string
    readonly confidence: number
    readonly beside: readonly string[]
  }[]
  readonly statements: readonly string[]
  /** What else speaks: incoming labels, kinds of notes, the source, age. */
  readonly otherwise: readonly string[]
  readonly sources: readonly string[]
  readonly notRecognised: readonly string[]
}

/** Codes of one system. */
export interface RecognisedCodes {
  readonly system: string
  readonly listed: number
  readonly prefixes: readonly string[]
  readonly except: readonly string[]
}

export interface Recognised {
  readonly revision: string
  readonly categories: readonly RecognisedCategory[]
  /** Codes of the site that its ConceptMaps translate, by map. */
  readonly localCodes: Readonly<Record<string, number>>
}

type RuleOf<K extends LabelRule['kind']> = Extract<LabelRule, { kind: K }>

function rulesOf<K extends LabelRule['kind']>({ rules }: LabelCategory, kind: K): readonly RuleOf<K>[] {
  return rules.filter((rule): rule is RuleOf<K> => rule.kind === kind)
}

/** What is recognised and what is knowingly not, of all categories or of one. */
export function recognised({ revision, categories, localCodes = [] }: LabelRules, only?: string): Recognised {
  const maps = Object.groupBy(localCodes, ({ map }) => map)
  return {
    revision,
    categories: categories.filter(({ id }) => only === undefined || id === only).map(categoryOf),
    localCodes: Object.fromEntries(Object.entries(maps).map(([map, codes]) => [map, codes?.length ?? 0])),
  }
}

function categoryOf(category: LabelCategory): RecognisedCategory {
  const {
    id,
    title,
    labels,
    beside = [],
    confidentiality,
    basis,
    sources = [],
    notRecognised = [],
  } = category
  const always = [...labels, ...beside].map(nameOf)
  const further = category.rules.flatMap(rule => ('labels' in rule ? (rule.labels ?? []) : [])).map(nameOf)
  return {
    id,
    title,
    labels: always,
    furtherLabels: [...new Set(further)].filter(name => !always.includes(name)),
    confidentiality,
    ...(basis === undefined ? {} : { basis: nameOf(basis) }),
    codes: codesOf(category),
    words: wordsOf(category),
    instruments: rulesOf(category, 'instrument').flatMap(({ names }) => names.slice(0, 1)),
    cues: rulesOf(category, 'cue').map(cue => ({ id: `${id}/${cue.id}`, says: cue.any })),
    candidates: candidatesOf(category),
    statements: STATEMENTS.flatMap(name => {
      const said = category.statements?.[name]
      return said === undefined ? [] : [`${name}: ${effectOf(said)}; ${said.why}`]
    }),
    otherwise: otherwiseOf(category),
    sources: sources.map(({ title: name, url, licence }) => [name, url, licence].filter(Boolean).join(', ')),
    notRecognised,
  }
}

const nameOf = ({ code, display }: Coding): string => (display === undefined ? code : `${code} (${display})`)

function effectOf({ effect, confidence }: { readonly effect: string; readonly confidence?: number }): string {
  if (effect === 'keep') return 'the label stays'
  return effect === 'drop' ? 'no label' : `at most ${confidence ?? 1}`
}

function codesOf(category: LabelCategory): readonly RecognisedCodes[] {
  const bySystem = new Map<string, { listed: Set<string>; prefixes: Set<string>; except: Set<string> }>()
  const at = (system: string) => {
    const known = bySystem.get(system) ?? { listed: new Set(), prefixes: new Set(), except: new Set() }
    bySystem.set(system, known)
    return known
  }
  for (const { system, codes } of rulesOf(category, 'code'))
    for (const code of codes) at(system).listed.add(code)
  for (const { codes } of rulesOf(category, 'instrument'))
    for (const code of codes) at('http://loinc.org').listed.add(code)
  for (const { system, prefixes, except = [] } of rulesOf(category, 'prefix')) {
    for (const prefix of prefixes) at(system).prefixes.add(prefix)
    for (const prefix of except) at(system).except.add(prefix)
  }
  return [...bySystem]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([system, { listed, prefixes, except }]) => ({
      system,
      listed: listed.size,
      prefixes: [...prefixes].sort(),
      except: [...except].sort(),
    }))
}

const EXAMPLES = 12

function wordsOf(category: LabelCategory): RecognisedCategory['words'] {
  const rules = rulesOf(category, 'words')
  const phrases = [...new Set(rules.flatMap(({ any }) => any))]
  // One of each rule in turn, so that a long list does not hide the others.
  const inTurn = Array.from({ length: EXAMPLES }, (_, n) => rules.map(({ any }) => any[n])).flat()
  const examples = [...new Set(inTurn.filter(phrase => phrase !== undefined))].slice(0, EXAMPLES)
  return { rules: rules.length, phrases: phrases.length, examples }
}

function candidatesOf({ id, rules }: LabelCategory): RecognisedCategory['candidates'] {
  return rules.flatMap(rule => {
    const context = 'context' in rule ? rule.context : undefined
    if (context === undefined || !('confidence' in rule)) return []
    const beside = context.map(({ cue, confidence, why }) => `${cue}: ${confidence}, ${why}`)
    return [{ rule: `${id}/${rule.id}`, confidence: rule.confidence, beside }]
  })
}

const SOURCES: Readonly<Record<RuleOf<'source'>['from'], string>> = {
  part2Programs: 'the record comes from a registered Part 2 program',
  sudOnlyFacilities: 'the record comes from a facility known for substance use care only',
  unknown: 'the source of substance use content is unknown, where the site assumes a program',
}

function otherwiseOf(category: LabelCategory): readonly string[] {
  const list = (texts: readonly string[]): string => texts.map(text => `\`${text}\``).join(', ')
  const { visit } = category
  return [
    ...rulesOf(category, 'upstream').map(({ codes }) => `incoming labels ${list(codes)}`),
    ...rulesOf(category, 'document').map(({ codes, system }) => `notes of kind ${list(codes)} of ${system}`),
    ...rulesOf(category, 'separate-note').map(({ note }) => `notes the site keeps separate as \`${note}\``),
    ...rulesOf(category, 'source').map(({ from }) => SOURCES[from]),
    ...rulesOf(category, 'age').map(
      ({ underYears }) => `sensitive content about somebody under ${underYears}`,
    ),
    ...(rulesOf(category, 'unreadable').length > 0 ? ['content that cannot be read'] : []),
    ...(visit === undefined
      ? []
      : [
          `what was made during a visit labelled \`${visit.when}\`: ${visit.types.join(', ')}` +
            (visit.with === undefined ? '' : `, and what carries ${list(visit.with)}`),
        ]),
  ]
}

/** The page as Markdown. Deterministic: the same data give the same text. */
export function markdownOf({ revision, categories, localCodes }: Recognised): string {
  const maps = Object.entries(localCodes).map(([map, count]) => `- ${map}: ${count} codes`)
  return [
    '# What is recognised, and what is not',
    '',
    'Written by `consentry labels --format markdown` from the data of this folder; change the data, not this page.',
    'A phrase that ends in `*` stands for every word that begins so. A label of lower confidence than',
    '`policy.minimumConfidence` (0.5) is a candidate: explained by `consentry label --explain`, never applied.',
    '',
    `Revision ${revision}.`,
    '',
    ...categories.flatMap(sectionOf),
    ...(maps.length === 0 ? [] : ['## Codes of the site', '', ...maps, '']),
  ].join('\n')
}

function sectionOf(category: RecognisedCategory): string[] {
  const { id, title, labels, furtherLabels, confidentiality, basis, codes, words, instruments } = category
  return [
    `## ${title} (\`${id}\`)`,
    '',
    `Labels: ${labels.join('; ')}. Confidentiality ${confidentiality}${basis === undefined ? '' : `, on the basis of ${basis}`}.`,
    ...(furtherLabels.length === 0 ? [] : [`Some rules put: ${furtherLabels.join('; ')}.`]),
    '',
    ...tableOf(codes),
    ...(words.phrases === 0
      ? []
      : [`Words: ${words.phrases} phrases in ${words.rules} rules, e.g. ${words.examples.join(', ')}.`, '']),
    ...(instruments.length === 0 ? [] : [`Instruments: ${instruments.join(', ')}.`, '']),
    ...listOf(
      'Needs context:',
      category.candidates.map(
        ({ rule, confidence, beside }) => `\`${rule}\` ${confidence}; beside ${beside.join('; beside ')}`,
      ),
    ),
    ...listOf(
      'Cues:',
      category.cues.map(
        ({ id: cue, says }) =>
          `\`${cue}\`: ${says.slice(0, EXAMPLES).join(', ')}${says.length > EXAMPLES ? ' …' : ''}`,
      ),
    ),
    ...listOf('Where the record takes it back:', category.statements),
    ...listOf('Also:', category.otherwise),
    ...listOf('Not recognised:', category.notRecognised),
    ...listOf('Sources:', category.sources),
  ]
}

function tableOf(codes: readonly RecognisedCodes[]): string[] {
  if (codes.length === 0) return []
  return [
    '| code system | listed codes | codes that begin with | except |',
    '| --- | --: | --- | --- |',
    ...codes.map(
      ({ system, listed, prefixes, except }) =>
        `| ${system} | ${listed === 0 ? '' : listed} | ${prefixes.join(', ')} | ${except.join(', ')} |`,
    ),
    '',
  ]
}

function listOf(head: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [head, '', ...items.map(item => `- ${item}`), '']
}
