/** What becomes of one value; see profiles/deidentification/schema.json. Whatever has no action goes. */
export type DeidentificationAction =
  | 'keep'
  | 'remove'
  | 'mask'
  | 'walk'
  | 'code'
  | 'coding'
  | 'label'
  | 'quantity'
  | 'range'
  | 'reference'
  | 'extension'
  | 'pseudonym'
  | 'own-pseudonym'
  | 'year'
  | 'birth-year'
  | 'date'
  | 'keep-time'
  | 'state'
  | 'country'
  | 'place'
  | 'zip'
  | 'zip3'
  | 'currency'

/** One standard of profiles/deidentification/. */
export interface DeidentificationStandard {
  readonly id: string
  readonly title: string
  readonly citation: string
  readonly obligation: string
  /** What is left is no longer protected health information. */
  readonly deidentified: boolean
  readonly identifiers: readonly { readonly letter: string; readonly text: string; readonly met: string }[]
  readonly datatypes: Readonly<Record<string, DeidentificationAction>>
  readonly elements: Readonly<Record<string, DeidentificationAction>>
  /** Elements that stay only beside one of these, by path. */
  readonly needs: Readonly<Record<string, readonly string[]>>
  /** Parts that R4 allows only with one of these, by path. */
  readonly oneOf: Readonly<Record<string, readonly string[]>>
  readonly withheldTypes: readonly string[]
  /** v3-ObservationValue codes for `meta.security`. */
  readonly marks: readonly string[]
}

/** profiles/deidentification/vocabulary.json. */
export interface DeidentificationVocabulary {
  readonly codeSystems: readonly { readonly system: string; readonly code: string }[]
  readonly shapes: Readonly<
    Record<'code' | 'currency' | 'language' | 'country' | 'resourceType' | 'ucum', string>
  >
  readonly annotations: readonly string[]
  readonly units: readonly string[]
  readonly extensions: readonly { readonly url: string; readonly parts?: readonly string[] }[]
  readonly extensionCodes: string
  readonly ageCodes: readonly string[]
  readonly yearUnits: readonly string[]
  /** Unit → how many of it make a year. */
  readonly ageUnits: Readonly<Record<string, number>>
  readonly oldestAge: number
  readonly states: { readonly codes: readonly string[]; readonly names: readonly string[] }
}

/** One element of an R4 type: the datatype or backbone of its values. */
export interface ElementShape {
  /** Datatype, primitive type, name of a backbone's shape, or `Resource` for contained resources. */
  readonly type: string
  readonly list: boolean
  /** The codes of a required binding, where known. */
  readonly codes?: ReadonlySet<string>
}

/** The elements of a resource type, datatype or backbone. */
export interface TypeShape {
  /** `Patient`, `Patient.contact`; of a backbone that stands again inside others the outermost. */
  readonly path: string
  readonly elements: ReadonlyMap<string, ElementShape>
  /** Names of the elements that R4 requires. */
  readonly required: ReadonlySet<string>
}

/** Everything de-identification works with, loaded and checked. */
export interface DeidentificationRules {
  readonly revision: string
  readonly standards: readonly DeidentificationStandard[]
  readonly vocabulary: DeidentificationVocabulary
  /** Three-digit ZIP prefixes that may stay. */
  readonly zipPrefixes: ReadonlySet<string>
  /** Shape of a type or backbone by name; undefined where R4 has none. */
  readonly shapeOf: (name: string) => TypeShape | undefined
}

/** Secret with which pseudonyms are made. A new key has a new id; what was given under an older one matches no more. */
export interface PseudonymKey {
  readonly id: string
  readonly secret: Uint8Array
}
