import type { DecidedResource } from '../model/decision.ts'
import type { LabelledResource, ResourceFacts, TellingElement } from '../model/label.ts'
import { resourceOf } from './lookups.ts'
import type { HidesProgram } from './programs.ts'

/** Paths of the identifiers that must leave a person, whom to withhold for them would hide from an emergency room. */
export type HiddenIdentifiers = (of: DecidedResource) => readonly string[]

/** What tells which identifiers a requester may see. */
export interface IdentifierRooms {
  readonly hidesProgram: HidesProgram
  /** Labels a stand-in as a record of its own, source unknown. */
  readonly label: (facts: ResourceFacts) => LabelledResource
  readonly decide: (labelled: readonly LabelledResource[]) => readonly DecidedResource[]
}

const ASSIGNER = /^(identifier\[\d+\])\.assigner$/

/** An identifier goes where its issuer is a hidden program, or where a record with its words would be withheld. */
export function hiddenIdentifiers({ hidesProgram, label, decide }: IdentifierRooms): HiddenIdentifiers {
  const known = new WeakMap<ResourceFacts, readonly string[]>()
  return of => {
    const { facts } = of.labelled
    if (facts.telling === undefined && !facts.references.some(({ path }) => ASSIGNER.test(path))) return NONE
    let hidden = known.get(facts)
    if (hidden === undefined) {
      hidden = hiddenOf(of)
      known.set(facts, hidden)
    }
    return hidden
  }

  function hiddenOf(of: DecidedResource): readonly string[] {
    const { facts } = of.labelled
    const hidden = new Set<string>()
    for (const reference of facts.references) {
      const path = ASSIGNER.exec(reference.path)?.[1]
      if (path !== undefined && hidesProgram(reference, of)) hidden.add(path)
    }
    for (const element of facts.telling ?? []) {
      const [standIn] = decide([label(alone(facts, element))])
      if (standIn === undefined || standIn.decision.effect === 'deny') hidden.add(element.path)
    }
    return [...hidden]
  }
}

const NONE: readonly string[] = []

/** The identifier as a record that says nothing else; who issued it is its source. */
function alone(facts: ResourceFacts, { path, labels }: TellingElement): ResourceFacts {
  const issuer = facts.references.filter(reference => reference.path === `${path}.assigner`)
  const literal = issuer.filter(({ kind }) => kind === 'literal').map(({ target }) => target)
  const { telling: _, metaSource: __, ...rest } = facts
  return {
    ...rest,
    labels,
    references: [],
    codings: [],
    dates: [],
    sourceReferences: literal,
    sourceMentions: issuer,
    lineageReferences: [],
  }
}

/** These paths with the identifiers, whole: what lies within one goes with it. */
export function withIdentifiers(paths: readonly string[], identifiers: readonly string[]): readonly string[] {
  if (identifiers.length === 0) return paths
  return [...identifiers, ...paths.filter(path => !identifiers.some(one => path.startsWith(`${one}.`)))]
}

/** Whether one of the identifiers that stay is what a token search asked for. https://hl7.org/fhir/R4/search.html#token */
export function meetsVisibleIdentifier(
  { labelled: { facts } }: DecidedResource,
  hidden: readonly string[],
  values: readonly string[],
): boolean {
  const list = resourceOf(facts)?.['identifier']
  if (!Array.isArray(list)) return false
  return list.some((identifier, n) => {
    if (hidden.includes(`identifier[${n}]`)) return false
    const { system = '', value = '' } = identifier as { system?: string; value?: string }
    return values.some(asked => [value, `|${value}`, `${system}|${value}`, `${system}|`].includes(asked))
  })
}
