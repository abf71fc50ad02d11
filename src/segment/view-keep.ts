import { elementsOf, type PathStep, stepsOf, type View } from '../model/view.ts'

/** What is kept of one object: everything, or the named children. */
export interface Keep {
  readonly whole: boolean
  readonly children: ReadonlyMap<string, Keep>
  /** Base names of choice elements among the children. */
  readonly choices: readonly string[]
  /** Only items whose child `key` equals `value`. */
  readonly only?: PathStep['only']
}

interface Growing extends Keep {
  whole: boolean
  readonly children: Map<string, Growing>
  readonly choices: string[]
  only?: PathStep['only']
}

/** The keep-list of a view for one type: `all`, a tree, or undefined where the type is not shown. */
export function keepOf(view: View, resourceType: string): Keep | 'all' | undefined {
  const elements = elementsOf(view, resourceType)
  if (elements === undefined) return undefined
  if (elements === '*') return 'all'
  const root = grown()
  for (const path of elements) grow(root, stepsOf(path))
  return root
}

const grown = (): Growing => ({ whole: false, children: new Map(), choices: [] })

function grow(root: Growing, steps: readonly PathStep[]): void {
  let at = root
  for (const { name, choice, only } of steps) {
    const child = at.children.get(name) ?? grown()
    at.children.set(name, child)
    if (choice && !at.choices.includes(name)) at.choices.push(name)
    if (only !== undefined) child.only = only
    at = child
  }
  at.whole = true
}

/** What is kept of a member by its name in JSON: `valueQuantity` is the choice `value`. */
export function childOf(keep: Keep, name: string): Keep | undefined {
  const own = keep.children.get(name)
  if (own !== undefined) return own
  const base = keep.choices.find(
    choice => name.startsWith(choice) && /^[A-Z]/.test(name.slice(choice.length)),
  )
  return base === undefined ? undefined : keep.children.get(base)
}

/** Whether all at and below a path is kept; `value` speaks of every type of the choice. */
export function keepsWhole(keep: Keep, steps: readonly string[]): boolean {
  let at: Keep | undefined = keep
  for (const step of steps) {
    if (step === 'extension' || step === 'modifierExtension') return false
    if (at.whole && at.only === undefined) continue
    at = childOf(at, step)
    if (at === undefined) return false
  }
  return at.whole && at.only === undefined
}
