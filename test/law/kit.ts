import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Custodian } from '../../src/model/decision.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import type { Question, QuestionRequester } from '../../src/model/question.ts'
import { type ConsentSpec, consentOf } from './consents.ts'

/** Something of the world by its name, or that with some facts changed. */
type Named<T> = string | (Partial<T> & { readonly is: string })

/** A case of law in short: what profiles/law/scenarios/schema.json describes. */
export interface Scenario {
  readonly id: string
  readonly scenario: string
  readonly authority: string
  readonly given: {
    readonly at?: string
    readonly custodian?: Named<Custodian>
    readonly registry?: JsonObject
    readonly requester?: Named<QuestionRequester>
    readonly claims?: JsonObject
    readonly purpose?: string
    readonly birthDate?: string
    readonly defaultPolicy?: string
    readonly records: readonly string[]
    readonly consents?: readonly (string | ConsentSpec)[]
    readonly asksPatient?: boolean
  }
  readonly expect: {
    readonly effects: Readonly<Record<string, string | readonly string[]>>
    readonly obligations?: readonly string[]
    readonly without?: readonly string[]
    readonly silent?: boolean
  }
  /** Rows of law that it speaks of: those that must be heard, and those that must not. */
  readonly rows?: { readonly speak?: readonly string[]; readonly quiet?: readonly string[] }
}

interface World {
  readonly at: string
  readonly birthDate: string
  readonly registry: JsonObject
  readonly custodians: Readonly<Record<string, Custodian>>
  readonly requesters: Readonly<Record<string, QuestionRequester>>
  readonly records: Readonly<Record<string, Resource>>
  readonly consents: Readonly<Record<string, ConsentSpec>>
  readonly directory: readonly Resource[]
}

const folder = fileURLToPath(new URL('../../profiles/law/scenarios/', import.meta.url))
const read = (name: string): unknown => JSON.parse(readFileSync(folder + name, 'utf8'))

export const world = read('world.json') as World
export const scenarioFiles = readdirSync(folder).filter(
  name => name.endsWith('.json') && !name.endsWith('schema.json') && name !== 'world.json',
)
export const readScenarioFile = (name: string): unknown => read(name)
export const scenarioSchema = read('schema.json') as JsonObject
export const scenarios: readonly Scenario[] = scenarioFiles.flatMap(
  name => (read(name) as { cases: readonly Scenario[] }).cases,
)

/** A case spelled out: the question, and the reference of each record by its name. */
export interface Asked {
  readonly question: Question & { readonly registry: JsonObject; readonly custodian: Custodian }
  readonly references: Readonly<Record<string, string>>
}

export function expand({ id, given }: Scenario): Asked {
  const custodian = pick(world.custodians, given.custodian ?? 'health-system')
  const patient = `Patient/${id}`
  const related = `RelatedPerson/${id}`
  const requester = pick(world.requesters, given.requester ?? 'hospital')
  const references = Object.fromEntries(
    given.records.map(name => [name, `${recordOf(name).resourceType}/${id}-${name}`]),
  )
  const filled = <T>(value: T): T => fill(value, { ...references, patient, related })
  const resources = given.records.map(name => ({ ...filled(recordOf(name)), id: `${id}-${name}` }))
  const person: Resource = {
    resourceType: 'Patient',
    id,
    active: true,
    name: [{ family: 'Calloway', given: ['Robin'] }],
    birthDate: given.birthDate ?? world.birthDate,
  }
  const relative: Resource = { resourceType: 'RelatedPerson', id, patient: { reference: patient } }
  return {
    references,
    question: {
      id,
      at: given.at ?? world.at,
      custodian,
      registry: { ...world.registry, ...given.registry },
      requester: {
        client: clientName(requester),
        state: custodian.state,
        ...filled(requester),
        claims: filled(given.claims ?? {}),
      },
      purposeOfUse: given.purpose ?? 'TREAT',
      action: 'disclose',
      patient: person,
      directory: [...world.directory, relative],
      consents: (given.consents ?? []).map((spec, i) =>
        consentOf(filled(consentSpec(spec)), `${id}-consent${i}`, patient),
      ),
      ...(given.defaultPolicy === undefined ? {} : { defaultPolicy: given.defaultPolicy }),
      resources: given.asksPatient === true ? [person, ...resources] : resources,
    },
  }
}

function recordOf(name: string): Resource {
  const record = world.records[name]
  if (record === undefined) throw new Error(`a case names the record "${name}", which the world has not`)
  return record
}

function consentSpec(spec: string | ConsentSpec): ConsentSpec {
  if (typeof spec === 'string') return pick(world.consents, spec)
  return spec.is === undefined ? spec : { ...pick(world.consents, spec.is), ...spec }
}

function pick<T>(table: Readonly<Record<string, T>>, named: Named<T>): T {
  const { is: name, ...changes } = typeof named === 'string' ? { is: named } : named
  const found = table[name]
  if (found === undefined) throw new Error(`a case names "${name}", which the world has not`)
  return { ...found, ...changes }
}

function clientName({ organization, role }: QuestionRequester): string {
  return organization?.split('/')[1] ?? role ?? 'somebody'
}

/** Texts `$patient`, `$related`, `$<record>` stand for references of the case. */
function fill<T>(value: T, names: Readonly<Record<string, string>>): T {
  return JSON.parse(JSON.stringify(value), (_, each) => {
    if (typeof each !== 'string' || !each.startsWith('$')) return each
    const found = names[each.slice(1)]
    if (found === undefined) throw new Error(`a case refers to "${each}", which it does not hold`)
    return found
  })
}
