import type { SmartScope } from '../model/requester.ts'

/** SMART App Launch 2.2 "Scopes for requesting FHIR resources": v1 `.read .write .*`, v2 letters in the order cruds. */
const SCOPE =
  /^(patient|user|system)\/(\*|[A-Z][A-Za-z]{1,63})\.(?:(read|write|\*)|(c?r?u?d?s?)(?:\?([!-~]+))?)$/
/** A search parameter on an own element: no modifier (`:`), no chain (`.`). */
const PARAMETER = /^[a-z][A-Za-z0-9-]{0,63}$/
/** Parameters of every resource that look at an own element and nothing else. */
const COMMON = new Set(['_id', '_lastUpdated', '_profile', '_security', '_source', '_tag'])
const V1: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' }

type Constraint = SmartScope['constraints'][number]

/** Percent-decoded, or undefined: `+` is a blank to some readers and a plus to others, so it is not understood. */
function decode(text: string): string | undefined {
  if (text.includes('+')) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function parseConstraint(pair: string): Constraint | undefined {
  const equals = pair.indexOf('=')
  if (equals < 1) return undefined
  const name = pair.slice(0, equals)
  const value = decode(pair.slice(equals + 1))
  if (value === undefined || value === '') return undefined
  return PARAMETER.test(name) || COMMON.has(name) ? { name, value } : undefined
}

function parseConstraints(query: string | undefined): readonly Constraint[] | undefined {
  if (query === undefined) return []
  const constraints: Constraint[] = []
  for (const pair of query.split('&')) {
    const constraint = parseConstraint(pair)
    if (constraint === undefined) return undefined
    constraints.push(constraint)
  }
  return constraints
}

function parseScope(text: string): SmartScope | undefined {
  const match = SCOPE.exec(text)
  if (match === null) return undefined
  const [, context, resourceType, v1, v2, query] = match
  const letters = v1 === undefined ? v2 : V1[v1]
  const constraints = parseConstraints(query)
  if (letters === undefined || letters === '' || constraints === undefined) return undefined
  if (resourceType === undefined || !isContext(context)) return undefined
  return {
    context,
    resourceType,
    create: letters.includes('c'),
    read: letters.includes('r'),
    update: letters.includes('u'),
    delete: letters.includes('d'),
    search: letters.includes('s'),
    constraints,
  }
}

function isContext(text: string | undefined): text is SmartScope['context'] {
  return text === 'patient' || text === 'user' || text === 'system'
}

/**
 * The SMART resource scopes of a `scope` value (RFC 6749 3.3: separated by blanks), v1 and v2. What the grammar does not
 * know is ignored whole: letters out of order, part of a type name, modifiers, chains, `_filter`.
 */
export function parseScopes(scope: string): SmartScope[] {
  return scope.split(' ').flatMap(text => parseScope(text) ?? [])
}

/** Scopes of doors that no SMART resource scope opens: they must be named, `*` does not cover them. */
const NAMED = new Set(['consent-consult', 'emergency-access'])

/** The named scopes of a `scope` value. */
export function parseNamedScopes(scope: string): string[] {
  return scope.split(' ').filter(text => NAMED.has(text))
}
