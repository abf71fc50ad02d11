import { LRUCache } from 'lru-cache'
import type { Coding } from '../model/fhir.ts'
import type { Label, LabelOrigin } from '../model/label.ts'
import type { ContextRule, LabelCategory, LabelRule, LabelRules } from '../model/rules.ts'
import { canonicalCode, canonicalSystem, systemByShape } from './systems.ts'
import { WordMatcher, type WordRule } from './words.ts'

/** What one rule puts on a resource when it hits, but for the path. */
export interface RuleHit {
  readonly rule: string
  readonly labels: readonly Label[]
  readonly systems?: ReadonlySet<string>
  /** Types that only speak of such records. */
  readonly notTypes?: ReadonlySet<string>
  /** Id of the cue this hit is: it puts no label. */
  readonly cue?: string
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

interface CodeHits {
  readonly content: readonly RuleHit[]
  /** Hits that count on the type or category of a document only. */
  readonly document: readonly RuleHit[]
}

type RuleOf<K extends LabelRule['kind']> = Extract<LabelRule, { kind: K }>

export interface CompiledRules {
  readonly revision: string
  /** Hits of a code; memoised by system and code as they are written. */
  readonly codes: (system: string | undefined, code: string) => CodeHits
  /** Hits of words in a text; `system` is the canonical system where the text is the display of a coding. */
  readonly words: (text: string, system?: string) => readonly RuleHit[]
  readonly upstream: (code: string) => readonly RuleHit[]
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
  /** What the category of a label asks for; for upstream labels the strictest category that knows the code. */
  readonly confidentiality: (label: Label) => Grade | undefined
}

interface Grade {
  readonly code: 'N' | 'R' | 'V'
  readonly basis?: Coding
}

interface Prefix {
  readonly hit: RuleHit
  readonly except: readonly string[]
}

const NONE: CodeHits = { content: [], document: [] }

/** Turns the rules of `labels/` into hashed tables, prefix tables and one word matcher. Pure. */
export function compileRules(rules: LabelRules): CompiledRules {
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
  return {
    revision: rules.revision,
    codes: codeTable([...of('code'), ...of('instrument').map(instrumentCodes)], of('document'), [
      ...of('prefix'),
      ...of('cue').flatMap(cuePrefixes),
    ]),
    words: wordTable([...of('words'), ...of('instrument').map(instrumentNames), ...of('cue').map(cueWords)]),
    upstream: code => upstream.get(code) ?? [],
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
  const labels = (rule.labels ?? category.labels).map(({ system, code, display }) => ({
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

type Compiled<K extends LabelRule['kind']> = { readonly rule: RuleOf<K>; readonly hit: RuleHit }

function instrumentCodes({ rule, hit }: Compiled<'instrument'>): Compiled<'code'> {
  return { rule: { ...rule, kind: 'code', system: LOINC }, hit }
}

function instrumentNames({ rule, hit }: Compiled<'instrument'>): Compiled<'words'> {
  // A score of zero is a score: the instrument was used whatever it says.
  return { rule: { ...rule, kind: 'words', any: rule.names, negatable: false }, hit }
}

function cueWords({ rule, hit }: Compiled<'cue'>): Compiled<'words'> {
  return { rule: { ...rule, kind: 'words', confidence: 1 }, hit }
}

function cuePrefixes({ rule, hit }: Compiled<'cue'>): Compiled<'prefix'>[] {
  return Object.entries(rule.prefixes ?? {}).map(([system, prefixes]) => ({
    rule: { id: rule.id, kind: 'prefix', system, prefixes, confidence: 1 },
    hit,
  }))
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
  const byCode = new Map<string, Grade>()
  for (const category of categories) {
    for (const { system, code } of [...category.labels, ...category.rules.flatMap(labelsOfRule)]) {
      const key = `${system ?? ''}|${code}`
      const known = byCode.get(key)
      if (known === undefined || RANK[known.code] < RANK[category.confidentiality])
        byCode.set(key, gradeOf(category))
    }
  }
  return label =>
    grades.get(label.rule.slice(0, label.rule.indexOf('/'))) ?? byCode.get(`${label.system}|${label.code}`)
}

function gradeOf({ confidentiality, basis }: LabelCategory): Grade {
  return { code: confidentiality, ...(basis === undefined ? {} : { basis }) }
}

function codeTable(
  codes: readonly { rule: RuleOf<'code'>; hit: RuleHit }[],
  documents: readonly { rule: RuleOf<'document'>; hit: RuleHit }[],
  prefixes: readonly { rule: RuleOf<'prefix'>; hit: RuleHit }[],
): CompiledRules['codes'] {
  const keyed = (list: readonly { rule: RuleOf<'code'> | RuleOf<'document'>; hit: RuleHit }[]) =>
    groupBy(
      list.flatMap(({ rule, hit }) => {
        const system = canonicalSystem(rule.system)
        return rule.codes.map(code => [`${system}|${canonicalCode(code)}`, hit] as const)
      }),
    )
  const exact = keyed(codes)
  const document = keyed(documents)
  const tables = prefixTables(prefixes)
  const cache = new LRUCache<string, CodeHits>({ max: 50_000 })
  return (system, code) => {
    const written = `${system ?? ''}|${code}`
    const known = cache.get(written)
    if (known !== undefined) return known
    const normal = canonicalCode(code)
    const canonical = canonicalSystem(system) || systemByShape(code)
    const key = `${canonical}|${normal}`
    const content = [...(exact.get(key) ?? []), ...byPrefix(tables.get(canonical), normal)]
    const hits =
      content.length > 0 || document.has(key) ? { content, document: document.get(key) ?? [] } : NONE
    cache.set(written, hits)
    return hits
  }
}

function prefixTables(
  prefixes: readonly { rule: RuleOf<'prefix'>; hit: RuleHit }[],
): ReadonlyMap<string, ReadonlyMap<string, readonly Prefix[]>> {
  const tables = new Map<string, Map<string, Prefix[]>>()
  for (const { rule, hit } of prefixes) {
    const system = canonicalSystem(rule.system)
    const table = tables.get(system) ?? new Map<string, Prefix[]>()
    tables.set(system, table)
    const except = (rule.except ?? []).flatMap(expandRange)
    for (const prefix of rule.prefixes.flatMap(expandRange)) {
      const list = table.get(prefix)
      if (list === undefined) table.set(prefix, [{ hit, except }])
      else list.push({ hit, except })
    }
  }
  return tables
}

function byPrefix(table: ReadonlyMap<string, readonly Prefix[]> | undefined, code: string): RuleHit[] {
  if (table === undefined) return []
  const hits: RuleHit[] = []
  for (let length = 1; length <= code.length; length++) {
    for (const { hit, except } of table.get(code.slice(0, length)) ?? []) {
      if (!except.some(prefix => code.startsWith(prefix))) hits.push(hit)
    }
  }
  return hits
}

/** `F10-F16` → F10, F11 … F16; `G2067-G2080` likewise; anything else is a prefix by itself. */
function expandRange(text: string): string[] {
  const plain = canonicalCode(text)
  const range = /^([A-Z]*)(\d+)-\1(\d+)$/.exec(plain)
  if (range === null) return [plain]
  const [, letters = '', first = '', last = ''] = range
  const numbers = Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i)
  return numbers.map(number => letters + String(number).padStart(first.length, '0'))
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

function groupBy(pairs: readonly (readonly [string, RuleHit])[]): ReadonlyMap<string, readonly RuleHit[]> {
  const map = new Map<string, RuleHit[]>()
  for (const [key, hit] of pairs) {
    const list = map.get(key)
    if (list === undefined) map.set(key, [hit])
    else list.push(hit)
  }
  return map
}
