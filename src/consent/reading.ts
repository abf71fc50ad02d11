import type { ConsentDirective, ConsentForm, ConsentOnFile, ConsentPolicy } from '../model/consent.ts'
import type { ConsentReader } from '../model/doors.ts'
import type { Resource } from '../model/fhir.ts'
import { type CompiledConsent, compileConsent } from './compile.ts'
import { type Meanings, meaningsOf, withMeanings } from './extensions.ts'
import { formFacts } from './form.ts'
import { isObject, textIn, Unreadable } from './json.ts'
import { type PurposeTerm, purposeTerm } from './question.ts'
import { isLocal, normalReference, type Place } from './references.ts'
import { type StateOf, standing, supersessions, timeState } from './state.ts'
import { subjectOf } from './subject.ts'
import { purposesSpokenOf } from './topic.ts'
import { type Verified, verificationOf } from './verification.ts'
import type { Vocabulary } from './vocabulary.ts'

/** What `compiled` of a directive holds; only this room looks. */
export interface Compiled {
  /** Absent where the Consent is not read: inactive, off topic or unreadable. */
  readonly rules?: ReadConsent
  readonly place: Place
  /** Purposes beyond which it says nothing, readable or not; absent where it may speak of any. */
  readonly spokenOf?: readonly PurposeTerm[]
}

/** A Consent with what the site may ask of it beside its rules. */
export interface ReadConsent extends CompiledConsent {
  readonly isVerified: Verified
  /** What another Consent must share to speak of the same thing; absent where that cannot be told. */
  readonly subject?: string
}

/** What is true of a Consent at all times. */
interface Read {
  readonly zone: string
  readonly onFile: ConsentOnFile
  readonly form: ConsentForm
  readonly patient?: string
  readonly compiled: Compiled
  /** Absent where period and supersession decide. */
  readonly standing?: StateOf
}

/** A reference that is ours names the patient; else whoever found the Consent may know whose it is. */
function patientOf({ resource, patient }: ConsentOnFile, place: Place): { readonly patient?: string } {
  const literal = isObject(resource['patient']) ? textIn(resource['patient']['reference']) : undefined
  const reference = literal === undefined ? undefined : normalReference(literal, place)
  if (reference !== undefined && isLocal(reference)) return { patient: reference }
  const known = patient ?? reference
  return known === undefined ? {} : { patient: known }
}

interface Reading {
  readonly vocabulary: Vocabulary
  readonly meanings: Meanings
  readonly place: Place
  readonly zone: string
}

function rulesOf(
  resource: Resource,
  { vocabulary, meanings, place, zone }: Reading,
): CompiledConsent | StateOf {
  try {
    return standing(resource) ?? compileConsent(withMeanings(resource, meanings), place, zone, vocabulary)
  } catch (error) {
    const why =
      error instanceof Unreadable ? error.message : 'Consent: expected R4 JSON in a zone that exists'
    return { state: 'unreadable', why }
  }
}

/** By its raw text where extensions of it cannot be put into R4 elements. */
function spokenOf(resource: Resource, { meanings, vocabulary }: Reading): Pick<Compiled, 'spokenOf'> {
  let said = resource
  try {
    said = withMeanings(resource, meanings)
  } catch {
    // It is unreadable, and says why elsewhere.
  }
  const terms = purposesSpokenOf(said)?.map(coding => purposeTerm(coding, vocabulary.purposes))
  return terms === undefined ? {} : { spokenOf: terms }
}

function compile(onFile: ConsentOnFile, reading: Reading): Read {
  const { resource } = onFile
  const { zone } = reading
  const about = { place: reading.place, ...spokenOf(resource, reading) }
  const rules = rulesOf(resource, reading)
  const whose = patientOf(onFile, reading.place)
  const common = { zone, onFile, ...whose }
  if ('state' in rules) {
    return { ...common, form: formFacts(resource, undefined), compiled: about, standing: rules }
  }
  const isVerified = verificationOf(resource, whose.patient, reading.place, zone)
  const subject = subjectOf(resource, rules.root)
  const read = { ...rules, isVerified, ...(subject === undefined ? {} : { subject }) }
  return { ...common, form: formFacts(resource, rules.root), compiled: { ...about, rules: read } }
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

/** A source that is a name, as `upstream`, is our own server unless a base stands beside it; a URL is ours where it is one of our bases. */
function placeOf({ ref: { source, base }, ownBase }: ConsentOnFile, sites: readonly string[]): Place {
  const bases = ownBase === undefined ? sites : [...sites, ownBase]
  const url = base ?? (source?.includes('://') === true && sites.length > 0 ? source : undefined)
  return url === undefined || bases.includes(url) ? { bases } : { bases, foreign: url }
}

function isSame(known: ConsentOnFile, now: ConsentOnFile): boolean {
  const { source, base } = now.ref
  return (
    known.ref.source === source &&
    known.ref.base === base &&
    known.patient === now.patient &&
    known.ownBase === now.ownBase
  )
}

/** Reads each Consent resource once and remembers it as long as the resource itself lives. */
export function createReading(
  vocabulary: Vocabulary,
  bases: readonly string[],
  { extensions = [] }: ConsentPolicy,
): ConsentReader['read'] {
  const meanings = meaningsOf(extensions)
  const cache = new WeakMap<Resource, Read>()
  const readOnce = (onFile: ConsentOnFile, zone: string): Read => {
    const known = cache.get(onFile.resource)
    if (known !== undefined && known.zone === zone && isSame(known.onFile, onFile)) return known
    const read = compile(onFile, { vocabulary, meanings, place: placeOf(onFile, bases), zone })
    cache.set(onFile.resource, read)
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
