import { type ConsentRef, consentKey } from '../model/consent.ts'
import type { DecidedResource, ResourceDecision } from '../model/decision.ts'
import type { Segmented } from '../model/exchange.ts'
import type { DataInteraction } from '../model/interaction.ts'
import type { ResourceFacts } from '../model/label.ts'
import { versioned } from './fragments.ts'

/** Resources that were decided by the same reasons. */
export interface DecisionClass {
  readonly decision: ResourceDecision
  readonly released: DecidedResource[]
  readonly withheld: DecidedResource[]
}

/** What the exchange means for one patient. */
export interface PatientFacts {
  /** Released versions that are about this patient. */
  readonly released: string[]
  /** Consents that a release rests on, by server, reference and version. */
  readonly permits: Map<string, ConsentRef>
  /** Consents that something was withheld or redacted for. */
  readonly denies: Map<string, ConsentRef>
}

export interface ReleaseFacts {
  readonly classes: readonly DecisionClass[]
  /** Patients of released resources and those the request names, in that order. */
  readonly onExchange: readonly string[]
  readonly patients: ReadonlyMap<string, PatientFacts>
}

const versionTexts = new WeakMap<ResourceFacts, string>()

/** The version that left, `Type/id/_history/v`. */
export function versionOf({ labelled: { facts } }: DecidedResource): string {
  const known = versionTexts.get(facts)
  if (known !== undefined) return known
  const text = versioned(facts.reference, facts.versionId)
  versionTexts.set(facts, text)
  return text
}

function patientOf(value: string, bare: boolean, baseUrl: string): string | undefined {
  const text = value.startsWith(`${baseUrl}/`) ? value.slice(baseUrl.length + 1) : value
  if (text.startsWith('Patient/')) return text
  return bare && text !== '' && !/[/:|]/.test(text) ? `Patient/${text}` : undefined
}

/** Patients that the request itself names: a read of Patient, `patient`, `subject=Patient/x`, `Patient?_id=x`. */
function namedPatients(interaction: DataInteraction, baseUrl: string): string[] {
  if (interaction.code !== 'search-type') {
    return interaction.resourceType === 'Patient' ? [`Patient/${interaction.id}`] : []
  }
  return interaction.parameters.flatMap(({ name, value, type }) => {
    const own = name === '_id' && interaction.resourceType === 'Patient'
    if (!own && type !== 'reference') return []
    const bare = own || name === 'patient'
    return value.split(',').flatMap(one => patientOf(one, bare, baseUrl) ?? [])
  })
}

function classesOf({ release }: Segmented): DecisionClass[] {
  const classes = new Map<ResourceDecision, DecisionClass>()
  const classOf = ({ decision }: DecidedResource): DecisionClass => {
    const known = classes.get(decision)
    if (known) return known
    const fresh = { decision, released: [], withheld: [] }
    classes.set(decision, fresh)
    return fresh
  }
  for (const resource of release.released) classOf(resource).released.push(resource)
  for (const resource of release.withheld) classOf(resource).withheld.push(resource)
  return [...classes.values()]
}

/** Consents by what they did in a decision: let something go, or hold (part of) it back. */
function consentsOf(decision: ResourceDecision): {
  permit: readonly ConsentRef[]
  deny: readonly ConsentRef[]
} {
  const permit = [...decision.consents]
  const deny: ConsentRef[] = []
  for (const { consent, effect } of decision.because) {
    if (consent) (effect === 'permit' ? permit : deny).push(consent)
  }
  return { permit, deny }
}

/** Adds up what each patient's records need. */
class PatientTally {
  readonly byPatient = new Map<string, PatientFacts>()
  readonly #segmented: Segmented

  constructor(segmented: Segmented) {
    this.#segmented = segmented
  }

  add({ decision, released, withheld }: DecisionClass): void {
    const { permit, deny } = consentsOf(decision)
    const kept = new Set<string>()
    for (const resource of released) {
      const { patients } = resource.labelled.facts
      for (const patient of patients) {
        const facts = this.#of(patient)
        facts.released.push(versionOf(resource))
        // Resources about one patient alone rest on the same Consents as others of their class: once is enough.
        if (patients.length === 1 && kept.has(patient)) continue
        if (patients.length === 1) kept.add(patient)
        this.#keep(facts.permits, patient, permit, resource)
        this.#keep(facts.denies, patient, deny, resource)
      }
    }
    const all = [...permit, ...deny]
    if (all.length === 0) return
    for (const resource of withheld) {
      for (const patient of resource.labelled.facts.patients) {
        this.#keep(this.#of(patient).denies, patient, all, resource)
      }
    }
  }

  /** A resource about two patients rests on Consents of both; each patient's record names only the own ones. */
  #keep(
    into: Map<string, ConsentRef>,
    patient: string,
    refs: readonly ConsentRef[],
    resource: DecidedResource,
  ): void {
    const shared = resource.labelled.facts.patients.length > 1
    const own = shared ? (this.#segmented.directives.get(patient) ?? []) : []
    for (const ref of refs) {
      const key = consentKey(ref)
      if (shared && !own.some(directive => consentKey(directive.ref) === key)) continue
      into.set(key, ref)
    }
  }

  #of(patient: string): PatientFacts {
    const known = this.byPatient.get(patient)
    if (known) return known
    const fresh: PatientFacts = { released: [], permits: new Map(), denies: new Map() }
    this.byPatient.set(patient, fresh)
    return fresh
  }
}

/** Ids of the evidence and emergency grants that what was released rests on. */
export function evidenceIn({ classes }: ReleaseFacts): readonly string[] {
  const ids = new Set<string>()
  for (const { decision, released } of classes)
    if (released.length > 0)
      for (const { evidence } of decision.because) if (evidence !== undefined) ids.add(evidence)
  return [...ids]
}

/** Sorts released and withheld resources by reason and by patient, once for all events of the exchange. */
export function releaseFacts(segmented: Segmented, baseUrl: string): ReleaseFacts {
  const classes = classesOf(segmented)
  const tally = new PatientTally(segmented)
  for (const one of classes) tally.add(one)
  const patients = tally.byPatient
  const withReleases = [...patients]
    .filter(([, facts]) => facts.released.length > 0)
    .map(([patient]) => patient)
  const named = namedPatients(segmented.interaction, baseUrl)
  return { classes, onExchange: [...new Set([...withReleases, ...named])], patients }
}
