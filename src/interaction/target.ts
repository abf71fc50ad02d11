import { refuse } from './refuse.ts'

/** Name and value, both decoded exactly once. */
export type Pair = readonly [name: string, value: string]

/** A request target after the strict split: path segments under the base, still-encoded query. */
export interface Target {
  readonly segments: readonly string[]
  readonly query: string
}

/**
 * Unreserved characters and `$`: nothing in a FHIR path needs encoding, so a `%`, `;` or backslash there can only mean
 * that somebody downstream is to read the path differently (RFC 3986 6.2.2).
 */
const PATH = /^[A-Za-z0-9\-._~$/]+$/
/** RFC 3986 query characters without `;` and `#`, plus `|` and brackets, which FHIR clients leave unencoded. */
const QUERY = /^[A-Za-z0-9\-._~!$'()*+,:@/?%&=|[\]]*$/
/** C0 and C1 controls, DEL, and the byte-order mark and line separators that end lines elsewhere. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/

/**
 * Splits an origin-form target (RFC 9112 3.2.1) under `basePath` (`/fhir`, or empty).
 * @throws Refusal `bad-request` for any other form or unusual spelling; `not-supported` outside the base.
 */
export function parseTarget(target: string, basePath: string, maxBytes: number): Target {
  if (target.length > maxBytes) refuse('bad-request', `the URL is limited to ${maxBytes} bytes`)
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  if (!path.startsWith('/') || !PATH.test(path)) {
    refuse(
      'bad-request',
      'the path must be in origin form: plain letters, digits, "-", "." and "/", nothing encoded',
    )
  }
  if (path.split('/').some((segment, index) => index > 0 && isOdd(segment))) {
    refuse('bad-request', 'the path has an empty, "." or ".." segment')
  }
  return { segments: under(path, basePath), query: mark < 0 ? '' : target.slice(mark + 1) }
}

/**
 * Decodes `name=value&…` of a query or a form body, in order, duplicates kept. `+` is a space.
 * @throws Refusal `bad-request` for characters that have no place there, `bad-parameter` for a bad pair.
 */
export function parsePairs(query: string, maxPairs: number): readonly Pair[] {
  if (query === '') return []
  if (!QUERY.test(query)) {
    refuse('bad-request', 'the query has characters that must be percent-encoded')
  }
  const pairs = query.split('&')
  if (pairs.length > maxPairs) refuse('bad-request', `at most ${maxPairs} parameters are accepted`)
  return pairs.map(parsePair)
}

function isOdd(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..'
}

function under(path: string, basePath: string): readonly string[] {
  if (path === basePath) return []
  if (!path.startsWith(`${basePath}/`)) refuse('not-supported', 'nothing is served under this path')
  return path.slice(basePath.length + 1).split('/')
}

function parsePair(pair: string): Pair {
  const equals = pair.indexOf('=')
  if (equals < 1) refuse('bad-parameter', 'every parameter is name=value')
  return [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
}

function decode(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  if (!spaced.includes('%')) return spaced
  const decoded = percentDecode(spaced)
  if (CONTROL.test(decoded)) refuse('bad-parameter', 'control characters are not accepted')
  return decoded
}

/** decodeURIComponent is the fatal decoder: overlong forms, surrogates and cut sequences throw. */
function percentDecode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse('bad-parameter', 'percent-encoding must be valid UTF-8')
  }
}
