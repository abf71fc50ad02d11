import { join } from 'node:path'
import type { ObligationRule } from '../model/law.ts'
import { rankOf, type View } from '../model/view.ts'
import {
  BUILT_IN_FOLDER,
  checked,
  filesIn,
  type ProfileFile,
  ProfilesError,
  schemaAt,
} from './profile-files.ts'
import { elementsFault, loadRequiredElements } from './view-elements.ts'

/** What views are checked against. */
export interface ViewSurroundings {
  readonly obligations: Readonly<Record<string, ObligationRule>>
  readonly purposeParents: Readonly<Record<string, readonly string[]>>
}

export interface LoadedViews {
  readonly files: readonly ProfileFile[]
  readonly views: Readonly<Record<string, View>>
}

/**
 * Reads and checks the views of the release and of the site (`purpose/views/*.json`). Beside the schema: obligations and
 * purposes are known, elements are R4's, elements that change the meaning of a type are kept, and no two views fit the
 * same duty, purpose and role, so that nothing depends on their order.
 * @throws ProfilesError naming file, view and what was expected
 */
export function loadViews(roots: readonly string[], around: ViewSurroundings): LoadedViews {
  const validate = schemaAt(join(BUILT_IN_FOLDER, 'purpose/views/schema.json'))
  const files = roots.flatMap(root => filesIn(root, 'purpose/views'))
  const modifiers = loadRequiredElements().modifiers
  const views: Record<string, View> = {}
  const places = new Map<string, ProfileFile>()
  for (const file of files)
    for (const view of checked<View>(file, validate, 'views')) {
      const fault = Object.hasOwn(views, view.id)
        ? 'expected an id of its own; it is taken'
        : (namesFault(view, around) ?? elementsFault(view, modifiers))
      if (fault !== undefined) throw new ProfilesError(file.path, `view "${view.id}"`, fault)
      views[view.id] = view
      places.set(view.id, file)
    }
  const clash = overlap(Object.values(views), around.purposeParents)
  if (clash !== undefined)
    throw new ProfilesError(
      places.get(clash.view)?.path ?? '',
      `view "${clash.view}"`,
      `expected to fit nothing that "${clash.other}" fits too: ${clash.at}`,
    )
  return { files, views }
}

function namesFault(view: View, { obligations, purposeParents }: ViewSurroundings): string | undefined {
  const unmet = view.meets?.find(id => obligations[id]?.projection !== 'view')
  if (unmet !== undefined)
    return `/meets: expected obligations of deployment/obligations.json with projection "view", not "${unmet}"`
  const lost = view.alongside?.find(id => !Object.hasOwn(obligations, id))
  if (lost !== undefined)
    return `/alongside: expected an obligation of deployment/obligations.json, not "${lost}"`
  const unknown = view.purposes?.find(code => !Object.hasOwn(purposeParents, code.replace(/^!/, '')))
  if (unknown !== undefined) return `/purposes: expected codes of purpose-of-use.json, not "${unknown}"`
  const unshown = view.dates?.types.find(type => view.types !== '*' && !Object.hasOwn(view.types, type))
  return unshown === undefined
    ? undefined
    : `/dates/types: expected types that the view shows, not "${unshown}"`
}

interface Clash {
  readonly view: string
  readonly other: string
  readonly at: string
}

/** Two views of one rank that fit the same; it does no harm where both show everything. */
function overlap(views: readonly View[], parents: ViewSurroundings['purposeParents']): Clash | undefined {
  const purposes = Object.keys(parents)
  for (const [index, view] of views.entries())
    for (const other of views.slice(index + 1)) {
      if (rankOf(view) !== rankOf(other) || (view.types === '*' && other.types === '*')) continue
      const duty = view.meets?.find(each => other.meets?.includes(each))
      const role = duty === undefined ? undefined : sharedRole(view, other)
      if (duty === undefined || role === undefined) continue
      const purpose = purposes.find(code => fits(view, code, parents) && fits(other, code, parents))
      if (purpose !== undefined) return { view: view.id, other: other.id, at: `${duty}, ${purpose}, ${role}` }
    }
  return undefined
}

/** A role that both fit; `any` stands for one that neither names. */
function sharedRole(left: View, right: View): string | undefined {
  const named = [...(left.roles ?? []), ...(right.roles ?? [])].map(role => role.replace(/^!/, ''))
  return [...new Set([...named, 'any'])].find(
    role => listed(left.roles, [role]) && listed(right.roles, [role]),
  )
}

function fits({ purposes }: View, code: string, parents: ViewSurroundings['purposeParents']): boolean {
  const above = new Set([code])
  for (const each of above) for (const parent of parents[each] ?? []) above.add(parent)
  return listed(purposes, [...above])
}

/** One of the plain values is among the facts (or none is asked for), and none of the negated ones. */
function listed(values: readonly string[] = [], facts: readonly string[]): boolean {
  const plain = values.filter(value => !value.startsWith('!'))
  return (
    !values.some(value => value.startsWith('!') && facts.includes(value.slice(1))) &&
    (plain.length === 0 || plain.some(value => facts.includes(value)))
  )
}
