import type { Segmenter } from '../model/doors.ts'
import type { SearchParameter } from '../model/interaction.ts'
import { isRawNumber } from '../model/lossless-json.ts'
import type { ResourceTree } from '../model/projection.ts'

/** A resource as it is and as its projections leave it. */
type WholeAndLeft = Exclude<ReturnType<NonNullable<Segmenter['projected']>>, 'unchanged' | undefined>

/** What no search parameter reads here: texts beside codes (there is no `:text`) and housekeeping. */
const UNREAD: ReadonlySet<string> = new Set([
  'display',
  'extension',
  'id',
  'modifierExtension',
  'text',
  'userSelected',
  'version',
])
const PARTS: ReadonlySet<string> = new Set(['system', 'code'])

/**
 * Whether a search by this parameter may have met a value that a projection took out of elements which it otherwise
 * leaves: a code of no published terminology, a quantity of no known unit. A token that also meets a code which is left
 * tells no more than that code does. Without a parameter: whether an order by these elements may tell of such a value.
 */
export function meetsLost(
  { whole, left }: WholeAndLeft,
  elements: readonly string[],
  parameter?: Pick<SearchParameter, 'type' | 'value'>,
): boolean {
  const stays = new Set(elements.flatMap(element => valuesOf(left, element)))
  const isLost = elements.flatMap(element => valuesOf(whole, element)).some(one => !stays.has(one))
  if (!isLost || parameter?.type !== 'token') return isLost
  return !parameter.value.split(',').some(asked => [...stays].some(one => isToken(one, asked)))
}

const CODING = 'coding '

/** `code`, `system|code`, `|code` or `system|`. https://hl7.org/fhir/R4/search.html#token */
function isToken(one: string, asked: string): boolean {
  if (!one.startsWith(CODING)) return one.slice(one.indexOf('=') + 1) === asked
  const [system, code] = JSON.parse(one.slice(CODING.length)) as readonly [string, string]
  const bar = asked.indexOf('|')
  const rest = asked.slice(bar + 1)
  return (bar < 0 || system === asked.slice(0, bar)) && (rest === code || (bar > 0 && rest === ''))
}

/** Every value below a top-level element, in one text each; a choice of types is named by its base. */
function valuesOf(resource: ResourceTree, element: string): readonly string[] {
  return Object.entries(resource)
    .filter(
      ([name]) => name === element || (name.startsWith(element) && /^[A-Z]/.test(name.slice(element.length))),
    )
    .flatMap(([, value]) => [...valuesIn(value, element)])
}

function* valuesIn(value: unknown, name: string): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield* valuesIn(item, name)
  else if (isRawNumber(value)) yield `${name}=${value.rawJSON}`
  else if (typeof value !== 'object' || value === null) yield `${name}=${String(value)}`
  else yield* membersIn(value as ResourceTree)
}

function* membersIn(object: ResourceTree): Generator<string> {
  const { system = '', code } = object
  const isCoded = typeof code === 'string'
  if (isCoded) yield CODING + JSON.stringify([system, code])
  // A unit that stands beside its code says the same.
  for (const [key, child] of Object.entries(object))
    if (!UNREAD.has(key) && !(isCoded && (PARTS.has(key) || key === 'unit'))) yield* valuesIn(child, key)
}
