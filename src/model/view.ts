/** A purpose view as profiles/purpose/views/ writes it: what a purpose needs to see. */
export interface View {
  readonly id: string
  readonly title: string
  readonly citation: string
  readonly why: string
  /** Obligations it discharges; absent: only for binding to clients. */
  readonly meets?: readonly string[]
  /** v3-ActReason codes and all below them; `!` negates. */
  readonly purposes?: readonly string[]
  /** Roles of requesters; `!` negates. Absent: any. */
  readonly roles?: readonly string[]
  /** Obligations that must stand beside it. */
  readonly alongside?: readonly string[]
  /** Path of a claim that lists the records (`Type/id`) or types the view is for. */
  readonly named?: string
  /** Claim with `from` and `to`, and the types these bound. */
  readonly dates?: { readonly claim: string; readonly types: readonly string[] }
  readonly fallback?: boolean
  /** URLs of extensions that stay. */
  readonly extensions?: readonly string[]
  /** What is shown of which types; `*` is all. */
  readonly types: '*' | Readonly<Record<string, ShownType>>
}

/** All of a type, elements of it, or elements of those records that bear one of the codes. */
export type ShownType =
  | '*'
  | readonly string[]
  | { readonly codes: readonly string[]; readonly elements: readonly string[] }

/** The element paths that are kept of a type; `*` for all, undefined where the view does not show the type. */
export function elementsOf({ types }: View, resourceType: string): '*' | readonly string[] | undefined {
  const shown = shownOf(types, resourceType)
  return shown === undefined || shown === '*' || !('elements' in shown) ? shown : shown.elements
}

/** Codes one of which a record of the type must bear; undefined where any record is shown. */
export function codesOf({ types }: View, resourceType: string): readonly string[] | undefined {
  const shown = shownOf(types, resourceType)
  return shown === undefined || shown === '*' || !('codes' in shown) ? undefined : shown.codes
}

function shownOf(types: View['types'], resourceType: string): ShownType | undefined {
  if (types === '*') return '*'
  return Object.hasOwn(types, resourceType) ? types[resourceType] : undefined
}

/** Which of the views that fit goes first: those for named records, those that stand beside a duty, others, fallbacks. */
export function rankOf({ named, alongside, fallback }: View): number {
  if (fallback === true) return 3
  if (named !== undefined) return 0
  return alongside === undefined ? 2 : 1
}

/** One step of an element path: `identifier[system=x]`, `value[x]`, `period`. */
export interface PathStep {
  readonly name: string
  readonly choice: boolean
  /** Only items whose child `key` equals `value`. */
  readonly only?: { readonly key: string; readonly value: string }
}

const STEP = /([a-z][A-Za-z]*)(\[x\]|\[([A-Za-z]+)=([^\]]+)\])?(?:\.|$)/g

export function stepsOf(path: string): readonly PathStep[] {
  return [...path.matchAll(STEP)].map(([, name = '', bracket, key, value]) => ({
    name,
    choice: bracket === '[x]',
    ...(key === undefined || value === undefined ? {} : { only: { key, value } }),
  }))
}
