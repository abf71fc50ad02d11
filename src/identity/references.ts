import { FHIR_ID, type LiteralReference } from '../model/fhir.ts'

const TYPE = /^[A-Z][A-Za-z]{1,63}$/

function literal(relative: string): LiteralReference | undefined {
  const [type, id, ...rest] = relative.split('/')
  if (type === undefined || id === undefined || rest.length > 0) return undefined
  return TYPE.test(type) && FHIR_ID.test(id) ? `${type}/${id}` : undefined
}

/** Turns references in claims into `Type/id` of this server. */
export interface References {
  /** Undefined for what is no reference to a resource of this server. */
  readonly local: (reference: string) => LiteralReference | undefined
}

/**
 * `bases`: URLs under which this server's resources are named, with or without trailing slash. `Practitioner/1` under any
 * other base is somebody else.
 */
export function createReferences(bases: readonly string[]): References {
  const prefixes = bases
    .filter(base => base.includes('://'))
    .map(base => (base.endsWith('/') ? base : `${base}/`))
  return {
    local: reference => {
      const prefix = prefixes.find(candidate => reference.startsWith(candidate))
      return literal(prefix === undefined ? reference : reference.slice(prefix.length))
    },
  }
}
