import { codesPut, isOwnLabel } from '../model/ds4p.ts'
import { type Coding, type JsonObject, SYSTEM } from '../model/fhir.ts'
import type { Label, LabelOrigin } from '../model/label.ts'
import type { ContextRule, LabelCategory, LabelRule, LabelRules } from '../model/rules.ts'
import { codeTable, groupBy } from './code-table.ts'
import type { Field } from './codes.ts'
import { cuePrefixes, cueWords } from './cues.ts'
import { withLocalCodes } from './local-codes.ts'
import type { WordRule } from './phrases.ts'
import { canonicalSystem } from './systems.ts'
import { withCodesInText } from './text-codes.ts'
import { WordMatcher } from './words.ts'

/** What one rule puts on a resource when it hits, but for the path. */
export interface RuleHit {
  readonly rule: string
  readonly labels: readonly Label[]
  readonly systems?: ReadonlySet<string>
  /** Types that only speak of such records. */
  readonly notTypes?: ReadonlySet<string>
  /** Id of the cue this hit is: it puts no label. */
  readonly cue?: string
  /** Id of the cue this hit is where an element tells why something is done. */
  readonly reasonCue?: string
}

interface SourceHit extends RuleHit {
  /** Speaks only beside one of these codes. */
  readonly with?: readonly string[]
}

/** What a visit passes on, and to whom. */
export interface VisitPass {
  readonly when: string
  readonly codes: ReadonlySet<string>
  readonly types: ReadonlySet<string>
  readonly with: ReadonlySet<string>
}

export interface CodeHits {
  readonly content: readonly RuleHit[]
  /** Hits that count on the type or category of a document only. */
  readonly document: readonly RuleHit[]
}

export type RuleOf<K extends LabelRule['kind']> = Extract<LabelRule, { kind: K }>

export interface CompiledRules {
  readonly revision: string
  /** Hits of a code, `field`: the kind of element it stands in. The same code gives the same object, if not for ever. */
  readonly codes: (system: string | undefined, code: string, field?: Field) => CodeHits
  /** Hits of words in a text; `system` is the canonical system where the text is the display of a coding. */
  readonly words: (text: string, system?: string) => readonly RuleHit[]
  readonly upstream: (code: string) => readonly RuleHit[]
  /** Whether this security label is one the house put earlier, to be found anew. Never where the site does not ask for it. */
  readonly withdraws: (coding: JsonObject) => boolean
  /** The house's spelling of a label code that came in any case, with blanks or with a known misspelling. */
  readonly spelling: (code: string) => string | undefined
  readonly unreadable: readonly RuleHit[]
  readonly sources: Readonly<Record<RuleOf<'source'>['from'], readonly SourceHit[]>>
  readonly separateNotes: ReadonlyMap<string, readonly RuleHit[]>
  readonly visits: readonly VisitPass[]
  /** What cues make of the confidence of a rule's labels, by rule id. */
  readonly contexts: ReadonlyMap<string, readonly ContextRule[]>
  /** What becomes of a category's labels where a record takes its content back, by category id. */
  readonly statements: ReadonlyMap<string, NonNullable<LabelCategory['statements']>>
  readonly ages: readonly { readonly underYears: number; readonly hit: RuleHit }[]
  /** What the category of a label asks for; for upstream labels the strictest category whose own code it is. */
  readonly confidentiality: (label: Label) => Grade | undefined
}

interface Grade {
  readonly code: 'N' | 'R' | 'V'
  readonly basis?: Coding
}

/** Compiled once: the same rules serve every labeller of the process. */
const COMPILED = {
  keep: new WeakMap<LabelRules, CompiledRules>(),
  withdraw: new WeakMap<LabelRules, CompiledRules>(),
}

/** Turns the rules of `labels/` into hashed tables, prefix tables and one word matcher. Pure, but for what it remembers. */
export function compileRules(rules: LabelRules, { withdrawOwn = false } = {}): CompiledRules {
  const known = COMPILED[withdrawOwn ? 'withdraw' : 'keep']
  const before = known.get(rules)
  if (before !== undefined) return before
  const compiled = compile(rules, withdrawOwn)
  known.set(rules, compiled)
  return compiled
}

function compile(rules: LabelRules, withdrawOwn: boolean): CompiledRules {
  const all = rules.categories.flatMap(category => category.rules.map(rule => ({ category, rule })))
  const of = <K extends LabelRule['kind']>(kind: K): { rule: RuleOf<K>; hit: RuleHit }[] =>
    all.flatMap(({ category, rule }) =>
      rule.kind === kind ? [{ rule: rule as RuleOf<K>, hit: hitOf(category, rule) }] : [],
    )
  const sources = of('source')
  const from = (name: RuleOf<'source'>['from']): SourceHit[] =>
    sources.flatMap(({ rule, hit }) =>
      rule.from === name ? [{ ...hit, ...(rule.with === undefined ? {} : { with: rule.with }) }] : [],
    )
  const upstream = groupBy(
    of('upstream').flatMap(({ rule, hit }) => rule.codes.map(code => [code, hit] as const)),
  )
  const words = wordTable([
    ...of('words'),
    ...of('instrument').map(instrumentNames),
    ...of('cue').flatMap(cueWords),
  ])
  const codes = codeTable([...of('code'), ...of('instrument').map(instrumentCodes)], of('document'), [
    ...of('prefix'),
    ...of('cue').flatMap(cuePrefixes),
  ])
  return {
    revision: rules.revision,
    codes: withLocalCodes(codes, words, rules.localCodes ?? []),
    words: withCodesInText(words, codes),
    upstream: code => upstream.get(code) ?? [],
    withdraws: withdrawOwn ? ownLabels(rules) : () => false,
    spelling: spellings(rules.categories),
    unreadable: of('unreadable').map(({ hit }) => hit),
    sources: {
      part2Programs: from('part2Programs'),
      sudOnlyFacilities: from('sudOnlyFacilities'),
      unknown: from('unknown'),
    },
    separateNotes: groupBy(of('separate-note').map(({ rule, hit }) => [rule.note, hit] as const)),
    visits: rules.categories.flatMap(({ visit }) =>
      visit === undefined
        ? []
        : [
            {
              when: visit.when,
              codes: new Set(visit.codes),
              types: new Set(visit.types),
              with: new Set(visit.with),
            },
          ],
    ),
    contexts: contextsOf(all),
    statements: new Map(
      rules.categories.flatMap(({ id, statements }) => (statements === undefined ? [] : [[id, statements]])),
    ),
    ages: of('age').map(({ rule, hit }) => ({ underYears: rule.underYears, hit })),
    confidentiality: confidentialities(rules.categories),
  }
}

const ORIGINS: Readonly<Record<LabelRule['kind'], LabelOrigin>> = {
  code: 'code',
  prefix: 'code',
  words: 'word',
  document: 'document',
  upstream: 'upstream',
  source: 'source',
  'separate-note': 'document',
  age: 'age',
  unreadable: 'document',
  instrument: 'code',
  cue: 'word',
}

function hitOf(category: LabelCategory, rule: LabelRule): RuleHit {
  const id = `${category.id}/${rule.id}`
  if (rule.kind === 'cue') return { rule: id, labels: [], cue: id }
  const codings = [...(rule.labels ?? category.labels), ...(category.beside ?? [])]
  const labels = codings.map(({ system, code, display }) => ({
    system: system ?? '',
    code,
    ...(display === undefined ? {} : { display }),
    ...(category.basis === undefined ? {} : { basis: category.basis }),
    origin: ORIGINS[rule.kind],
    rule: id,
    confidence: rule.confidence,
  }))
  const { systems, notTypes } = rule.kind === 'words' ? rule : {}
  return {
    rule: id,
    labels,
    ...(systems === undefined ? {} : { systems: new Set(systems.map(canonicalSystem)) }),
    ...(notTypes === undefined ? {} : { notTypes: new Set(notTypes) }),
  }
}

const LOINC = 'http://loinc.org'

export type Compiled<K extends LabelRule['kind']> = { readonly rule: RuleOf<K>; readonly hit: RuleHit }

function instrumentCodes({ rule, hit }: Compiled<'instrument'>): Compiled<'code'> {
  return { rule: { ...rule, kind: 'code', system: LOINC }, hit }
}

function instrumentNames({ rule, hit }: Compiled<'instrument'>): Compiled<'words'> {
  // A score of zero is a score: the instrument was used whatever it says.
  return { rule: { ...rule, kind: 'words', any: rule.names, negatable: false }, hit }
}

function contextsOf(
  all: readonly { readonly category: LabelCategory; readonly rule: LabelRule }[],
): CompiledRules['contexts'] {
  return new Map(
    all.flatMap(({ category, rule }) => {
      const context = 'context' in rule ? rule.context : undefined
      if (context === undefined) return []
      const full = context.map(each => ({
        ...each,
        cue: each.cue.includes('/') ? each.cue : `${category.id}/${each.cue}`,
      }))
      return [[`${category.id}/${rule.id}`, full] as const]
    }),
  )
}

function ownLabels(rules: LabelRules): CompiledRules['withdraws'] {
  const put = codesPut(rules)
  return coding => isOwnLabel(coding, put)
}

function labelsOfRule(rule: LabelRule): readonly Coding[] {
  return (rule.kind === 'cue' ? undefined : rule.labels) ?? []
}

/** `NORDSLCD` is retired in HL7 terminology, yet sent: accept it, never emit it. */
const MISSPELLED: readonly (readonly [string, string])[] = [['nordslcd', 'NORDSCLCD']]

function spellings(categories: readonly LabelCategory[]): CompiledRules['spelling'] {
  const codes = categories.flatMap(({ labels, rules }) => [
    ...[...labels, ...rules.flatMap(labelsOfRule)].map(({ code }) => code),
    ...rules.flatMap(rule => (rule.kind === 'upstream' ? rule.codes : [])),
  ])
  const map = new Map([...codes.map(code => [code.toLowerCase(), code] as const), ...MISSPELLED])
  return code => map.get(code.normalize('NFKC').replace(/\s/g, '').toLowerCase())
}

const RANK = { N: 0, R: 1, V: 2 }

function confidentialities(categories: readonly LabelCategory[]): CompiledRules['confidentiality'] {
  const grades = new Map(categories.map(category => [category.id, gradeOf(category)] as const))
  const given = categories.flatMap(category =>
    [category.labels, ...category.rules.map(labelsOfRule)].flatMap(labels =>
      labels.map(({ system = '', code }) => {
        // The HL7 parent of a local code says less than the local code: whose own code it is says what it asks for.
        const isParent = system !== SYSTEM.local && labels.some(each => each.system === SYSTEM.local)
        return { key: `${system}|${code}`, grade: gradeOf(category), isParent }
      }),
    ),
  )
  const own = strictest(given.filter(({ isParent }) => !isParent))
  const byCode = new Map([...strictest(given), ...own])
  return label =>
    grades.get(label.rule.slice(0, label.rule.indexOf('/'))) ?? byCode.get(`${label.system}|${label.code}`)
}

function strictest(
  given: readonly { readonly key: string; readonly grade: Grade }[],
): ReadonlyMap<string, Grade> {
  const byCode = new Map<string, Grade>()
  for (const { key, grade } of given) {
    const known = byCode.get(key)
    if (known === undefined || RANK[known.code] < RANK[grade.code]) byCode.set(key, grade)
  }
  return byCode
}

function gradeOf({ confidentiality, basis }: LabelCategory): Grade {
  return { code: confidentiality, ...(basis === undefined ? {} : { basis }) }
}

function wordTable(rules: readonly { rule: RuleOf<'words'>; hit: RuleHit }[]): CompiledRules['words'] {
  const matcher = new WordMatcher<RuleHit>(
    rules.map(
      ({ rule, hit }): WordRule<RuleHit> => ({
        hit,
        any: rule.any,
        near: rule.near,
        all: rule.all,
        except: rule.except,
        negatable: rule.negatable ?? true,
      }),
    ),
  )
  const restricted = rules.some(({ rule }) => rule.systems !== undefined)
  return (text, system) => {
    const hits = matcher.match(text)
    if (!restricted || hits.length === 0) return hits
    return hits.filter(hit => hit.systems === undefined || (system !== undefined && hit.systems.has(system)))
  }
}
