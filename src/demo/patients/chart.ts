import type { Code } from './codes.ts'
import type { Random } from './random.ts'

export type Fields = Readonly<Record<string, unknown>>

/** A FHIR Reference; the display is what careless systems write, and what a gateway must not let through. */
export interface Ref {
  readonly reference: string
  readonly display?: string
}

export interface Person {
  readonly id: string
  readonly given: string
  readonly family: string
  readonly gender: 'female' | 'male'
  readonly birthDate: string
  readonly city: string
  readonly postalCode: string
}

/** Where care is given, and by whom. */
export interface Place {
  readonly organization: Ref
  readonly location: Ref
  readonly clinician: Ref
  readonly role: Ref
  /** `meta.source` of what this place writes. */
  readonly source: string
}

export interface Visit {
  readonly date: string
  readonly encounter: Ref
  readonly place: Place
}

const LAST_UPDATED = '2026-10-01T08:00:00.000Z'
const sourceText = JSON as unknown as { readonly rawJSON: (text: string) => unknown }

/** A JSON number written with exactly these digits (`1.50`). */
export const decimal = (text: string): unknown => sourceText.rawJSON(text)

export const concept = (code: Code, text = code.display): Fields => ({ coding: [code], text })
/** A code of an HL7 terminology system, without a display. */
export const terminology = (system: string, code: string): Fields => ({
  coding: [{ system: `http://terminology.hl7.org/CodeSystem/${system}`, code }],
})
export const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')

/** Collects the resources of one patient; ids say nothing about what they name. */
export class Chart {
  readonly person: Person
  readonly random: Random
  readonly patient: Ref
  readonly #resources: Fields[] = []

  constructor(person: Person, random: Random) {
    this.person = person
    this.random = random
    this.patient = { reference: `Patient/${person.id}`, display: `${person.given} ${person.family}` }
  }

  /** Adds a resource and returns the reference to it. */
  add(resourceType: string, fields: Fields, place?: Place): Ref {
    const id = this.random.id()
    this.put(resourceType, id, fields, place)
    return { reference: `${resourceType}/${id}` }
  }

  /** Adds a resource under a given id. */
  put(resourceType: string, id: string, fields: Fields, place?: Place): void {
    const source = place === undefined ? {} : { source: place.source }
    const meta = { versionId: '1', lastUpdated: LAST_UPDATED, ...source }
    this.#resources.push({ resourceType, id, meta, ...fields })
  }

  /** JSON text of every resource, in the order they were added. */
  texts(): string[] {
    return this.#resources.map(resource => JSON.stringify(resource))
  }
}
