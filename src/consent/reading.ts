import type { ConsentDirective, ConsentForm, ConsentOnFile } from '../model/consent.ts'
import type { ConsentReader } from '../model/doors.ts'
import type { Resource } from '../model/fhir.ts'
import { type CompiledConsent, compileConsent } from './compile.ts'
import { formFacts } from './form.ts'
import { isObject, textIn, Unreadable } from './json.ts'
import { normalReference, type Place } from './references.ts'
import { type StateOf, standing, supersessions, timeState } from './state.ts'
import type { Vocabulary } from './vocabulary.ts'

/** What `compiled` of a directive holds; only this room looks. */
export interface Compiled {
  /** Absent where the Consent is not read: inactive, off topic or unreadable. */
  readonly rules?: CompiledConsent
  readonly place: Place
}

/** What is true of a Consent at all times. */
interface Read {
  readonly zone: string
  readonly source: string | undefined
  readonly form: ConsentForm
  readonly patient?: string
  readonly compiled: Compiled
  /** Absent where period and supersession decide. */
  readonly standing?: StateOf
}

function patientOf(resource: Resource, place: Place): { readonly patient?: string } {
  const reference = isObject(resource['patient']) ? textIn(resource['patient']['reference']) : undefined
  return reference === undefined ? {} : { patient: normalReference(reference, place) }
}

function rulesOf(
  resource: Resource,
  place: Place,
  zone: string,
  vocabulary: Vocabulary,
): CompiledConsent | StateOf {
  try {
    return standing(resource) ?? compileConsent(resource, place, zone, vocabulary)
  } catch (error) {
    const why =
      error instanceof Unreadable ? error.message : 'Consent: expected R4 JSON in a zone that exists'
    return { state: 'unreadable', why }
  }
}

function compile(onFile: ConsentOnFile, place: Place, zone: string, vocabulary: Vocabulary): Read {
  const { ref, resource } = onFile
  const rules = rulesOf(resource, place, zone, vocabulary)
  const common = { zone, source: ref.source, ...patientOf(resource, place) }
  if ('state' in rules) {
    return { ...common, form: formFacts(resource, undefined), compiled: { place }, standing: rules }
  }
  return { ...common, form: formFacts(resource, rules.root), compiled: { rules, place } }
}

function stateOf({ standing: fixed, compiled }: Read, at: number, later: ConsentOnFile | undefined): StateOf {
  if (fixed?.state === 'inactive' || fixed?.state === 'not-privacy') return fixed
  if (later !== undefined) return { state: 'superseded', why: `replaced by ${later.ref.reference}` }
  return compiled.rules === undefined ? (fixed as StateOf) : timeState(compiled.rules, at)
}

function directiveOf(onFile: ConsentOnFile, read: Read, state: StateOf): ConsentDirective {
  const { form, patient, compiled } = read
  return {
    ref: onFile.ref,
    ...state,
    ...(patient === undefined ? {} : { patient }),
    form,
    looksInside: compiled.rules?.looksInside ?? false,
    copy: onFile.resource,
    compiled,
  }
}

/** A source that is a name, as `upstream`, is our own server; a URL is ours where it is one of our bases. */
function placeOf(source: string | undefined, bases: readonly string[]): Place {
  const foreign = source?.includes('://') === true && bases.length > 0 && !bases.includes(source)
  return foreign ? { bases, foreign: source } : { bases }
}

/** Reads each Consent resource once and remembers it as long as the resource itself lives. */
export function createReading(vocabulary: Vocabulary, bases: readonly string[]): ConsentReader['read'] {
  const cache = new WeakMap<Resource, Read>()
  const readOnce = (onFile: ConsentOnFile, zone: string): Read => {
    const { resource, ref } = onFile
    const known = cache.get(resource)
    if (known !== undefined && known.zone === zone && known.source === ref.source) return known
    const { source } = ref
    const read = compile(onFile, placeOf(source, bases), zone, vocabulary)
    cache.set(resource, read)
    return read
  }
  return (onFile, at, zone) => {
    const later = supersessions(onFile)
    return onFile.map(consent => {
      const read = readOnce(consent, zone)
      return directiveOf(consent, read, stateOf(read, at.getTime(), later.get(consent)))
    })
  }
}
