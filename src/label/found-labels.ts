import type { Label } from '../model/label.ts'
import type { CompiledRules, RuleHit } from './compile.ts'

/** Most paths that are kept of one label. */
export const MAX_PATHS = 20

/** Labels as they are found: one for each system and code, with every path it was found at. */
export class FoundLabels {
  readonly #contexts: CompiledRules['contexts']
  readonly #labels = new Map<string, Label>()

  /** @param labels found before */
  constructor({ contexts }: CompiledRules, labels: readonly Label[] = []) {
    this.#contexts = contexts
    for (const label of labels) this.#labels.set(this.#key(label), label)
  }

  add(hit: RuleHit, path: string): void {
    for (const label of hit.labels) this.put(label, path)
  }

  /** What came with the resource is never replaced by what is found. */
  put(label: Label, path: string): void {
    if (this.#labels.get(codeOf(label))?.rule === 'upstream') return
    if (label.rule === 'upstream') {
      this.keep({ ...label, path })
      return
    }
    const key = this.#key(label)
    this.#labels.set(key, found(label, path, this.#labels.get(key)))
  }

  /** A label that came with the resource. */
  keep(label: Label): void {
    this.#labels.set(codeOf(label), label)
  }

  all(): Label[] {
    return [...this.#labels.values()]
  }

  /**
   * What a cue may lower is kept beside what nothing lowers, however sure it looks now; and one category beside another,
   * for they may ask for different grades.
   */
  #key(label: Label): string {
    const { rule } = label
    if (rule === 'upstream') return codeOf(label)
    return `${codeOf(label)}|${this.#contexts.has(rule) ? rule : rule.slice(0, rule.indexOf('/'))}`
  }
}

function codeOf({ system, code }: Label): string {
  return `${system}|${code}`
}

/** A label found at this path, and wherever it was found before; the surest find tells rule and path. */
function found(label: Label, path: string, known: Label | undefined): Label {
  if (known === undefined) return { ...label, path }
  const before = known.paths ?? (known.path === undefined ? [] : [known.path])
  const isNew = before.length < MAX_PATHS && !before.includes(path)
  if (!isNew && known.confidence >= label.confidence) return known
  const paths = isNew ? [...before, path] : before
  const surest = known.confidence < label.confidence ? { ...label, path } : known
  return paths.length > 1 ? { ...surest, paths } : surest
}
