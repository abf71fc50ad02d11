import type { RawResource } from '../model/exchange.ts'
import {
  type Coding,
  type JsonObject,
  type JsonValue,
  type LiteralReference,
  type Resource,
  SYSTEM,
} from '../model/fhir.ts'
import type { PendingDocument, ReferenceFact, ResourceFacts, TellingElement } from '../model/label.ts'
import { strictParse } from '../model/strict-json.ts'
import { type AttachmentVisitor, readContent } from './attachments.ts'
import type { ClinicalDocument } from './cda.ts'
import { fieldMatters } from './codes.ts'
import { isPatientData, isResourceType, namesPatient } from './compartment.ts'
import type { CodeHits, CompiledRules, RuleHit } from './compile.ts'
import { containsPatientData, tagsOf, withDescribed } from './contained.ts'
import { tellsReason } from './cues.ts'
import { datesOf } from './dates.ts'
import { edgeOf, isMember, isSource } from './edges.ts'
import { fieldOf } from './fields.ts'
import { FoundLabels } from './found-labels.ts'
import { isOwnIdentifier, isPerson, TellingIdentifiers } from './identifiers.ts'
import { isOfEmbeddedPictures, spokenInTags, stripTags } from './markup.ts'
import { labelsOfPatient } from './of-patient.ts'
import { documentFact, referenceFact } from './references.ts'
import { statementsOf } from './statements.ts'
import { canonicalSystem } from './systems.ts'
import { upstreamLabel } from './upstream-labels.ts'
import { isObject, type Place, TooMuch, Walk } from './walk.ts'

export interface FactsOptions {
  /** Base URLs of the upstream and the gateway, no trailing slash. */
  readonly bases: readonly string[]
  /** Deepest allowed nesting of objects and arrays. */
  readonly jsonDepth: number
}

/** Everything one full parse of these bytes finds. Never throws: what cannot be read is `notAssessable`. */
export function factsOf(raw: RawResource, rules: CompiledRules, options: FactsOptions): ResourceFacts {
  let parsed: JsonValue
  try {
    parsed = strictParse(raw.bytes, options)
  } catch (error) {
    return unassessable(raw, error instanceof Error ? error.message : 'not JSON')
  }
  if (!isResource(parsed)) return unassessable(raw, 'no resourceType or id')
  try {
    return new FactsBuilder(rules, options.bases).build(raw, parsed, options.jsonDepth)
  } catch (error) {
    const known = { type: parsed.resourceType, id: parsed.id ?? '' }
    return unassessable(raw, error instanceof TooMuch ? error.message : 'cannot be walked', known)
  }
}

function isResource(value: JsonValue): value is Resource & { readonly id: string } {
  return isObject(value) && typeof value['resourceType'] === 'string' && typeof value['id'] === 'string'
}

function unassessable(raw: RawResource, why: string, known = { type: '', id: '' }): ResourceFacts {
  return {
    hash: raw.hash,
    bytes: raw.bytes,
    type: known.type,
    id: known.id,
    reference: `${known.type}/${known.id}` as LiteralReference,
    patients: [],
    patientData: true,
    references: [],
    labels: [],
    codings: [],
    dates: [],
    profiles: [],
    sourceReferences: [],
    lineageReferences: [],
    notAssessable: why,
  }
}

/** Types whose type or category says what kind of note it is. */
const NOTES = new Set(
  `DocumentReference DocumentManifest Composition DiagnosticReport Media Communication QuestionnaireResponse
  ClinicalImpression Observation`.split(/\s+/),
)
/** Comments, and what is said of a picture. */
const SPOKEN_IN_TAGS = /<!--|\s(?:alt|title)=/

const NOTE_KINDS = new Set(['type.coding', 'category.coding', 'code.coding', 'category', 'type'])

/** Most characters of words in one resource: four thousand pages. */
const MOST_CHARACTERS = 8_000_000
/** A narrative is not believed to have more markup than this for each character of text. */
const MARKUP_SHARE = 3

type Writable<T> = { -readonly [K in keyof T]: T[K] }

class FactsBuilder implements AttachmentVisitor {
  readonly #rules: CompiledRules
  readonly #bases: readonly string[]
  readonly #labels: FoundLabels
  /** By what was found for them: the same code in the same spelling gives the same object. */
  readonly #codings = new Map<CodeHits, Coding>()
  readonly #references: ReferenceFact[] = []
  readonly #lineage: ReferenceFact[] = []
  readonly #sources = new Set<string>()
  readonly #members = new Set<string>()
  readonly #sourceMentions: ReferenceFact[] = []
  readonly #memberMentions: ReferenceFact[] = []
  readonly #patients = new Set<string>()
  readonly #cues = new Set<string>()
  readonly #pending: PendingDocument[] = []
  readonly #parts: TellingElement[] = []
  readonly #identifiers = new TellingIdentifiers()
  #unnamedPatient = false
  #characters = 0
  #type = ''
  #depth = 0

  constructor(rules: CompiledRules, bases: readonly string[]) {
    this.#rules = rules
    this.#labels = new FoundLabels(rules)
    this.#bases = bases
  }

  build(raw: RawResource, resource: Resource & { readonly id: string }, depth: number): ResourceFacts {
    const { resourceType: type, id } = resource
    this.#type = type
    this.#depth = depth
    new Walk(this, depth).resource(resource)
    if (type === 'Patient') this.#patients.add(`Patient/${id}`)
    if (type === 'Bundle') this.#bundledPatients(resource)
    const meta = isObject(resource['meta']) ? resource['meta'] : {}
    const { versionId, lastUpdated, source, profile } = meta
    const problem = this.#problem(type)
    const statements = statementsOf(resource)
    const ofPatient = labelsOfPatient(resource, statements, this.#rules)
    const made = this.#sources.size > 0
    const telling = [...this.#identifiers.all(), ...this.#parts]
    const named = made ? this.#sourceMentions : [...this.#sourceMentions, ...this.#memberMentions]
    const mentions = withDescribed(named, resource)
    const tags = tagsOf(meta)
    const facts: Writable<ResourceFacts> = {
      hash: raw.hash,
      bytes: raw.bytes,
      type,
      id,
      reference: `${type}/${id}`,
      patients: [...this.#patients].sort(),
      patientData: isPatientData(type) || this.#patients.size > 0 || containsPatientData(resource),
      references: this.#references,
      labels: this.#labels.all(),
      codings: [...this.#codings.values()],
      dates: datesOf(resource),
      profiles: Array.isArray(profile) ? profile.filter(item => typeof item === 'string') : [],
      sourceReferences: [...(made ? this.#sources : this.#members)],
      lineageReferences: this.#lineage,
    }
    if (typeof versionId === 'string') facts.versionId = versionId
    if (typeof lastUpdated === 'string') facts.lastUpdated = lastUpdated
    if (typeof source === 'string') facts.metaSource = source
    if (tags.length > 0) facts.metaTags = tags
    if (mentions.length > 0) facts.sourceMentions = mentions
    if (this.#cues.size > 0) facts.cues = [...this.#cues]
    if (statements.length > 0) facts.statements = statements
    if (ofPatient.length > 0) facts.ofPatient = ofPatient
    if (telling.length > 0) facts.telling = telling
    if (this.#pending.length > 0) facts.pending = this.#pending
    if (problem !== undefined) facts.notAssessable = problem
    return facts
  }

  #problem(type: string): string | undefined {
    if (!isResourceType(type)) return 'not a resource type of R4'
    return this.#unnamedPatient ? 'names a patient by a reference that leads nowhere' : undefined
  }

  #bundledPatients(bundle: JsonObject): void {
    const entries = bundle['entry']
    if (!Array.isArray(entries)) return
    for (const entry of entries) {
      const resource = isObject(entry) ? entry['resource'] : undefined
      if (
        isObject(resource) &&
        resource['resourceType'] === 'Patient' &&
        typeof resource['id'] === 'string'
      ) {
        this.#patients.add(`Patient/${resource['id']}`)
      }
    }
  }

  coding(coding: Coding, place: Place): void {
    const field = fieldMatters(coding.system, coding.code)
      ? fieldOf(place.type(), place.localElement())
      : undefined
    const hits = this.#rules.codes(coding.system, coding.code, field)
    if (!this.#codings.has(hits)) this.#codings.set(hits, coding)
    for (const hit of hits.content) this.#add(hit, place)
    if (hits.document.length > 0 && NOTES.has(place.type()) && NOTE_KINDS.has(place.localElement())) {
      for (const hit of hits.document) this.#add(hit, place)
    }
  }

  text(text: string, place: Place, system?: string): void {
    this.#characters += text.length
    if (this.#characters > MOST_CHARACTERS) throw new TooMuch('too much text')
    const hits = this.#rules.words(text, system === undefined ? undefined : canonicalSystem(system))
    for (const hit of hits) this.#add(hit, place)
  }

  narrative(div: string, place: Place): void {
    if (div.length > MOST_CHARACTERS * MARKUP_SHARE) throw new TooMuch('too much text')
    this.text(stripTags(div), place)
    if (isOfEmbeddedPictures(div)) this.unreadable(place)
    if (SPOKEN_IN_TAGS.test(div)) for (const spoken of spokenInTags(div)) this.text(spoken, place)
  }

  attachment(attachment: JsonObject, place: Place): void {
    if (place.localElement().includes('photo') || !isPatientData(place.type())) return
    const elsewhere = documentFact(attachment, place, this.#bases)
    if (elsewhere !== undefined) {
      this.#lineage.push(elsewhere)
      this.#references.push(elsewhere)
      return
    }
    readContent(attachment, place, this, { rules: this.#rules, type: this.#type, jsonDepth: this.#depth })
  }

  unreadable(place: Place): void {
    for (const hit of this.#rules.unreadable) this.#add(hit, place)
  }

  pending(contentType: string, data: string, place: Place): void {
    this.#pending.push({ path: place.path(), contentType, data })
  }

  /** The header of a document speaks for the whole; its parts are decided by themselves. */
  document({ whole, parts }: ClinicalDocument, place: Place): void {
    for (const cue of whole.cues) this.#cues.add(cue)
    for (const { label } of whole.finds.values()) this.#labels.put(label, place.path())
    if (whole.unreadable) this.unreadable(place)
    this.#sourceMentions.push(...whole.mentions)
    this.#parts.push(...parts)
  }

  security(coding: JsonObject, place: Place): void {
    const label = upstreamLabel(coding, place, this.#rules)
    if (label === undefined) return
    this.#labels.keep(label)
    if (label.system !== SYSTEM.actCode && label.system !== SYSTEM.local) return
    for (const hit of this.#rules.upstream(label.code)) this.#add(hit, place)
  }

  reference(object: JsonObject, place: Place): void {
    const fact = referenceFact(object, place, this.#bases)
    const type = place.type()
    const element = place.localElement()
    this.#references.push(fact)
    if (namesPatient(type, element)) this.#patient(fact, element)
    if (isSource(type, element)) this.#source(fact, this.#sources, this.#sourceMentions)
    else if (isMember(type, element)) this.#source(fact, this.#members, this.#memberMentions)
    else if (fact.kind === 'literal' && edgeOf(type, element) !== undefined) {
      this.#lineage.push({ ...fact, element })
    }
  }

  #patient(fact: ReferenceFact, element: string): void {
    const { kind, target } = fact
    if (kind === 'literal') {
      if (target.startsWith('Patient/')) this.#patients.add(target)
      return
    }
    if (kind === 'contained' || kind === 'logical') return
    if (element === 'subject' || element === 'patient' || target.includes('Patient'))
      this.#unnamedPatient = true
  }

  #source(fact: ReferenceFact, into: Set<string>, mentions: ReferenceFact[]): void {
    const isDescribed = fact.kind === 'contained' || (fact.kind !== 'literal' && fact.display !== undefined)
    if (fact.identifier !== undefined || isDescribed) mentions.push(fact)
    if (fact.kind === 'literal') {
      if (!fact.target.startsWith('Patient/') && !fact.target.startsWith('RelatedPerson/'))
        into.add(fact.target)
    } else if (fact.identifier?.value !== undefined) {
      into.add(`${fact.identifier.system ?? ''}|${fact.identifier.value}`)
    }
  }

  #add(hit: RuleHit, place: Place): void {
    const ofIdentifier = isPerson(this.#type) && isOwnIdentifier(this.#type, place.element())
    if (hit.cue !== undefined && !ofIdentifier) this.#cues.add(hit.cue)
    if (hit.reasonCue !== undefined && tellsReason(place.type(), place.localElement()))
      this.#cues.add(hit.reasonCue)
    if (hit.notTypes?.has(this.#type)) return
    if (ofIdentifier) this.#identifiers.add(hit, place.path())
    else this.#labels.add(hit, place.path())
  }
}
