import type { ConsentOnFile } from '../model/consent.ts'
import type { Coding, Identifier } from '../model/fhir.ts'
import { recipientClassesOf } from './actors.ts'
import { compileConsent, type Rule } from './compile.ts'
import type { Span } from './dates.ts'
import { meaningsOf, withMeanings } from './extensions.ts'
import { Unreadable } from './json.ts'
import type { ConsentReaderOptions } from './reader.ts'
import type { PlacedActor } from './roles.ts'
import { vocabularyOf } from './vocabulary.ts'

/** Somebody a provision names. */
export interface ProvisionActor {
  readonly reference?: string
  readonly identifier?: Identifier
  readonly display?: string
  /** Codes of the general designations a contained Group stands for. */
  readonly classes: readonly string[]
}

/** One provision with everything it inherits. An element that is absent does not limit it. */
export interface ProvisionDescription {
  readonly path: string
  readonly type: 'permit' | 'deny'
  readonly recipients: readonly ProvisionActor[]
  readonly disclosers: readonly ProvisionActor[]
  readonly sources: readonly ProvisionActor[]
  /** Actors in roles that are none of these. */
  readonly others: readonly ProvisionActor[]
  readonly purposes?: readonly Coding[]
  readonly labels?: readonly Coding[]
  readonly classes?: readonly Coding[]
  readonly codes?: readonly Coding[]
  readonly actions?: readonly Coding[]
  /** Milliseconds since the epoch; infinite where open. */
  readonly dataPeriod?: Span
  readonly data?: readonly { readonly meaning: string; readonly actor: ProvisionActor }[]
  /** When it holds: its own period and those of all it stands in. */
  readonly span: Span
  /** How deep it stands: 0 for the root. */
  readonly depth: number
}

/**
 * Every provision of one R4 Consent that says something, the root first, as decisions read them, whatever the status of the Consent; or why it
 * cannot be read.
 */
export function describeProvisions(
  { ref, resource }: Pick<ConsentOnFile, 'ref' | 'resource'>,
  options: ConsentReaderOptions,
  zone: string,
): readonly ProvisionDescription[] | { readonly unreadable: string } {
  const bases = options.bases ?? []
  const foreign = ref.source?.includes('://') === true && bases.length > 0 && !bases.includes(ref.source)
  const place = foreign && ref.source !== undefined ? { bases, foreign: ref.source } : { bases }
  try {
    const meant = withMeanings(resource, meaningsOf(options.extensions))
    return described(compileConsent(meant, place, zone, vocabularyOf(options)).root, 0)
  } catch (error) {
    return { unreadable: error instanceof Unreadable ? error.message : 'expected R4 JSON' }
  }
}

function described(rule: Rule, depth: number): readonly ProvisionDescription[] {
  const { elements, path, type, span } = rule
  const { purpose, securityLabel, class: classes, code, action, dataPeriod, data, actor = [] } = elements
  const own: ProvisionDescription = {
    path,
    type,
    span,
    depth,
    recipients: rule.recipients.map(actorOf),
    disclosers: rule.disclosers.map(actorOf),
    sources: rule.sources.map(actorOf),
    others: actor.filter(({ role }) => role === 'unplaced').map(actorOf),
    ...(purpose === undefined ? {} : { purposes: purpose }),
    ...(securityLabel === undefined ? {} : { labels: securityLabel }),
    ...(classes === undefined ? {} : { classes }),
    ...(code === undefined ? {} : { codes: code.flat() }),
    ...(action === undefined ? {} : { actions: action.flat() }),
    ...(dataPeriod === undefined ? {} : { dataPeriod }),
    ...(data === undefined
      ? {}
      : { data: data.map(one => ({ meaning: one.meaning, actor: actorOf(one.actor) })) }),
  }
  // What says nothing is not told, or it would read as a permit of everything.
  if (rule.silent === true) return rule.children.flatMap(child => described(child, depth))
  return [own, ...rule.children.flatMap(child => described(child, depth + 1))]
}

function actorOf(
  actor: Pick<PlacedActor, 'reference' | 'identifier' | 'display' | 'contained'>,
): ProvisionActor {
  const { reference, identifier, display, contained } = actor
  const name = contained?.['name']
  const words = display ?? (typeof name === 'string' ? name : undefined)
  return {
    ...(reference === undefined ? {} : { reference }),
    ...(identifier === undefined ? {} : { identifier }),
    ...(words === undefined ? {} : { display: words }),
    classes: contained?.resourceType === 'Group' ? recipientClassesOf(contained) : [],
  }
}
