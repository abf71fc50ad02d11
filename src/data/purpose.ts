import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ErrorObject } from 'ajv'
import { compiledSchema } from './compiled-schemas.ts'

/** What profiles/purpose/ says; the fields are options of the Consent reader, the code map is also that of identity. */
export interface Purposes {
  /** Any accepted spelling (`system|code`, `system#code`, bare v3-ActReason or local code) → v3-ActReason or local code. */
  readonly purposeMap: Readonly<Record<string, string>>
  /** v3-ActReason or local code → its parents. */
  readonly purposeParents: Readonly<Record<string, readonly string[]>>
  /** Purposes that only a permit naming them covers. */
  readonly explicitPurposes: readonly string[]
  /** Sensitivity code → its parents. */
  readonly labelParents: Readonly<Record<string, readonly string[]>>
  /** Codes that stand as labels and are no sensitivities. */
  readonly policyLabels: readonly string[]
  /** Codes that a deny of the key covers beside its kinds. */
  readonly labelDenyAlso: Coverage
  /** Codes that a permit of the key covers beside its kinds. */
  readonly labelPermitAlso: Coverage
  /** Codes that a permit of the key need not name on a resource that carries the key. */
  readonly labelImplied: Coverage
  /** Codes that a permit need not name where they stand beside a code it names. */
  readonly labelMarkers: readonly string[]
  /** Code systems whose codes name policies, so that no record bears one; `below`: those under that URL too. */
  readonly policySystems: readonly { readonly system: string; readonly below?: true }[]
}

type Coverage = Readonly<Record<string, readonly string[]>>
type CoverageList = readonly { readonly code: string; readonly covers: readonly string[] }[]

type Concepts = Readonly<Record<string, { readonly display: string; readonly parents: readonly string[] }>>

interface PurposeFile {
  readonly systems: readonly string[]
  readonly codes: Concepts
  readonly local: { readonly system: string; readonly codes: Concepts }
  readonly explicitOnly: readonly { readonly code: string }[]
  readonly maps: readonly {
    readonly systems: readonly string[]
    readonly codes: Readonly<Record<string, string>>
  }[]
}

interface PolicyCodesFile {
  readonly systems: readonly {
    readonly system: string
    readonly also?: readonly string[]
    readonly below?: true
  }[]
}

interface SensitivityFile {
  readonly codes: Concepts
  readonly local: { readonly system: string; readonly codes: Concepts }
  readonly denyAlso: CoverageList
  readonly permitAlso: CoverageList
  readonly implied: CoverageList
  readonly markers: readonly { readonly code: string }[]
  readonly policies: readonly string[]
}

function readJson(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`${file}: expected a file that can be read (${(error as NodeJS.ErrnoException).code})`)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${file}: expected JSON (${(error as SyntaxError).message})`)
  }
}

function placeOf({ instancePath, message, params }: ErrorObject): string {
  const extra = 'additionalProperty' in params ? ` (${String(params['additionalProperty'])})` : ''
  return `${instancePath === '' ? '/' : instancePath}: ${message}${extra}`
}

/** Reads `name.json` of the folder and checks it against `name.schema.json` beside it. */
function readChecked<T>(folder: string, name: string): T {
  const file = join(folder, `${name}.json`)
  const value = readJson(file)
  const schema = readJson(join(folder, `${name}.schema.json`))
  const validate = compiledSchema(JSON.stringify(schema), { allErrors: true, strict: true })
  if (!validate(value)) throw new Error(`${file}: ${validate.errors?.map(placeOf).join('; ')}`)
  return value as T
}

function parentsOf(...lists: readonly Concepts[]): Readonly<Record<string, readonly string[]>> {
  const entries = lists.flatMap(list => Object.entries(list))
  return Object.freeze(
    Object.fromEntries(entries.map(([code, { parents }]) => [code, Object.freeze([...parents])])),
  )
}

function refuseStrangers(
  file: string,
  place: string,
  codes: readonly string[],
  known: Readonly<Record<string, unknown>>,
): void {
  const stranger = codes.find(code => !Object.hasOwn(known, code))
  if (stranger !== undefined)
    throw new Error(`${file}: ${place}: expected a code of this file, found ${stranger}`)
}

function spellings(systems: readonly string[], code: string): readonly string[] {
  return systems.flatMap(system => [`${system}|${code}`, `${system}#${code}`])
}

function mapOf({ systems, codes, local, maps }: PurposeFile): Readonly<Record<string, string>> {
  const map: Record<string, string> = {}
  for (const [names, list] of [
    [systems, codes],
    [[local.system], local.codes],
  ] as const) {
    for (const code of Object.keys(list))
      for (const form of [code, ...spellings(names, code)]) map[form] = code
  }
  for (const other of maps) {
    for (const [code, target] of Object.entries(other.codes)) {
      for (const form of spellings(other.systems, code)) map[form] = target
    }
  }
  return Object.freeze(map)
}

function coverageOf(list: CoverageList): Coverage {
  return Object.freeze(Object.fromEntries(list.map(({ code, covers }) => [code, covers])))
}

function policySystemsOf({ systems }: PolicyCodesFile): Purposes['policySystems'] {
  return Object.freeze(
    systems.flatMap(({ system, also = [], below }) => [
      below === undefined ? { system } : { system, below },
      ...also.map(name => ({ system: name })),
    ]),
  )
}

/**
 * Takes the folder profiles/purpose; returns purposes of use, sensitivity labels and policy systems, frozen. Throws an Error that names
 * file, place and expectation where a file is missing, no JSON, against its schema, or names a code it does not define.
 */
export function loadPurposes(folder: string): Purposes {
  const purposes = readChecked<PurposeFile>(folder, 'purpose-of-use')
  const labels = readChecked<SensitivityFile>(folder, 'sensitivity')
  const purposeParents = parentsOf(purposes.codes, purposes.local.codes)
  const labelParents = parentsOf(labels.codes, labels.local.codes)
  const explicitPurposes = purposes.explicitOnly.map(({ code }) => code)
  const [purposeFile, labelFile] = ['purpose-of-use', 'sensitivity'].map(name =>
    join(folder, `${name}.json`),
  ) as [string, string]
  const targets = purposes.maps.flatMap(({ codes }) => Object.values(codes))
  refuseStrangers(purposeFile, '/codes', Object.values(purposeParents).flat(), purposeParents)
  refuseStrangers(purposeFile, '/explicitOnly', explicitPurposes, purposeParents)
  refuseStrangers(purposeFile, '/maps', targets, purposeParents)
  refuseStrangers(labelFile, '/codes', Object.values(labelParents).flat(), labelParents)
  for (const list of ['denyAlso', 'permitAlso', 'implied'] as const) {
    const named = labels[list].flatMap(({ code, covers }) => [code, ...covers])
    refuseStrangers(labelFile, `/${list}`, named, labelParents)
  }
  const labelMarkers = labels.markers.map(({ code }) => code)
  refuseStrangers(labelFile, '/markers', labelMarkers, labelParents)
  return Object.freeze({
    purposeMap: mapOf(purposes),
    purposeParents,
    explicitPurposes: Object.freeze(explicitPurposes),
    labelParents,
    policyLabels: Object.freeze([...labels.policies]),
    labelDenyAlso: coverageOf(labels.denyAlso),
    labelPermitAlso: coverageOf(labels.permitAlso),
    labelImplied: coverageOf(labels.implied),
    labelMarkers: Object.freeze(labelMarkers),
    policySystems: policySystemsOf(readChecked<PolicyCodesFile>(folder, 'policy-codes')),
  })
}

/** What purposes are called for people: v3-ActReason or local code → display. Throws Error where the file cannot be read. */
export function loadPurposeNames(): Readonly<Record<string, string>> {
  const { codes, local } = readJson(PURPOSES) as PurposeFile
  const names = Object.entries({ ...codes, ...local.codes }).map(([code, { display }]) => [code, display])
  return Object.fromEntries(names) as Record<string, string>
}

const PURPOSES = fileURLToPath(new URL('../../profiles/purpose/purpose-of-use.json', import.meta.url))
