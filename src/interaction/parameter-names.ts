import { checkFormat } from './headers.ts'
import { refuse } from './refuse.ts'

/**
 * Parameters refused for everybody alike: predicates that reach other resources or labels (an oracle even when the
 * answer is filtered), and result parameters the gateway does not apply in this version.
 */
const REFUSED: ReadonlySet<string> = new Set([
  '_has',
  '_filter',
  '_query',
  '_list',
  '_content',
  '_text',
  '_security',
  '_tag',
  '_profile',
  '_source',
  '_type',
  '_elements',
  '_summary',
  '_contained',
  '_containedType',
  '_score',
  '_since',
  '_at',
  '_offset',
  '_cursor',
  '_graph',
  '_method',
])
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/
const MODIFIED = /^([A-Za-z_][A-Za-z0-9_-]{0,63})[:.]/
const TOTALS: ReadonlySet<string> = new Set(['none', 'estimate', 'accurate'])

/**
 * A plain parameter name. @throws Refusal `modifier-refused` for modifiers and chains, `not-supported` for parameters
 * refused for everybody, `bad-parameter` for what is no name at all.
 */
export function checkName(name: string): void {
  const modified = MODIFIED.exec(name)?.[1]
  if (modified === '_has') refuse('not-supported', '_has is not supported')
  if (modified !== undefined) {
    refuse('modifier-refused', `${modified}: modifiers and chained parameters are not supported`)
  }
  if (!NAME.test(name)) {
    refuse('bad-parameter', 'a parameter name is made of letters, digits, "-" and "_", encoded at most once')
  }
}

/** @throws Refusal `not-supported` for a parameter that is refused for everybody. */
export function checkSupported(name: string): void {
  if (REFUSED.has(name)) refuse('not-supported', `${name} is not supported`)
}

/**
 * Parameters that leave the answer as it is: true where this is one. `_format` and `_pretty` ask for what is done
 * anyway, `_summary=false` for the whole resource, `_total` for a count the gateway gives by its own rule.
 * @throws Refusal `not-acceptable` or `bad-parameter` for a value outside its code list.
 */
export function isInert(name: string, value: string): boolean {
  switch (name) {
    case '_format':
      checkFormat(value)
      return true
    case '_pretty':
      if (value !== 'true' && value !== 'false') refuse('bad-parameter', '_pretty: expected true or false')
      return true
    case '_summary':
    case '_contained':
      return value === 'false'
    case '_total':
      if (!TOTALS.has(value)) refuse('bad-parameter', '_total: expected none, estimate or accurate')
      return true
    default:
      return false
  }
}
