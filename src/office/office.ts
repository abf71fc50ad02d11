import type { DecisionContext, Evidenced } from '../model/decision.ts'
import type {
  Accounts,
  EvidenceKind,
  EvidenceOnFile,
  Office,
  OfficeStore,
  OfficeView,
} from '../model/office.ts'
import type { Agreement, Requester } from '../model/requester.ts'
import { stateOf, told } from './evidence.ts'

/** Ways to combine evidences that state the same claims; more than these are not tried. */
const MOST_WAYS = 64

/** What is on file, read from the store. Each look asks it once for what was added. */
export function createOffice(
  store: Pick<OfficeStore, 'since'>,
  kinds: readonly EvidenceKind[],
  accounts: Accounts,
): Office {
  const byId = new Map(kinds.map(kind => [kind.id, kind]))
  const evidence = new Map<string, EvidenceOnFile>()
  let seq = 0
  let view = viewOf(new Map(), byId)
  return {
    look: () => {
      const added = store.since(seq)
      if (added.length === 0) return view
      for (const event of added) {
        told(evidence, event, accounts)
        seq = event.seq
      }
      view = viewOf(new Map(evidence), byId)
      return view
    },
  }
}

function viewOf(
  evidence: ReadonlyMap<string, EvidenceOnFile>,
  kinds: ReadonlyMap<string, EvidenceKind>,
): OfficeView {
  const open = [...evidence.values()].filter(({ endedAt }) => endedAt === undefined)
  const byParty = Map.groupBy(open, ({ for: { client, organization } }) => client ?? organization ?? '')
  return {
    evidence,
    claimsOf: (requester, purposes, at) => {
      const { client, organization = '' } = requester
      const near = [...new Set([client, organization])].flatMap(party => byParty.get(party) ?? [])
      const inForce = near.flatMap(one => {
        const kind = kinds.get(one.kind)
        const counts = stateOf(one, kind, at) === 'in-force' && isFor(one, requester, purposes)
        return counts && kind !== undefined ? [{ ...one, kind }] : []
      })
      return inForce.length === 0 ? undefined : claimsAmong(inForce)
    },
  }
}

/** All that it names must be so: client with issuer, organization, user, every purpose of the request. */
function isFor(
  { for: { client, issuer, organization, user }, purposes: listed }: EvidenceOnFile,
  requester: Requester,
  purposes: readonly string[],
): boolean {
  return (
    (client === undefined || client === requester.client) &&
    (issuer === undefined || issuer === (requester.registration?.issuer ?? requester.token?.issuer)) &&
    (organization === undefined || organization === requester.organization) &&
    (user === undefined || user === requester.user) &&
    (listed === undefined || (purposes.length > 0 && purposes.every(each => listed.includes(each))))
  )
}

/** Evidence in force for one requester, with its kind. */
type InForce = Omit<EvidenceOnFile, 'kind'> & { readonly kind: EvidenceKind }

/** By the patients of a resource: evidence counts where it names every one of them, and for nothing that names nobody. */
function claimsAmong(inForce: readonly InForce[]): NonNullable<DecisionContext['claimsOf']> {
  const byPatients = new Map<string, readonly Evidenced[]>()
  const made = new Map<string, Evidenced>()
  return patients => {
    const key = patients.join()
    const known = byPatients.get(key)
    if (known !== undefined) return known
    const covering = patients.length === 0 ? [] : inForce.filter(one => names(one, patients))
    const ways = waysToRely(covering).map(way => {
      const ids = way.map(({ id }) => id).join()
      const evidenced = made.get(ids) ?? evidencedBy(way)
      made.set(ids, evidenced)
      return evidenced
    })
    byPatients.set(key, ways)
    return ways
  }
}

function names({ patients: named }: InForce, patients: readonly string[]): boolean {
  return named === 'any' || patients.every(patient => named.includes(patient))
}

/** One evidence for each claim: two court orders never run together into one with the scope of both. */
function waysToRely(covering: readonly InForce[]): readonly (readonly InForce[])[] {
  if (covering.length === 0) return []
  const sorted = covering.toSorted((left, right) => (left.id < right.id ? -1 : 1))
  let ways: readonly (readonly InForce[])[] = [[]]
  for (const alike of Map.groupBy(sorted, groupOf).values()) {
    // What is limited to a scope must not take the rest along where a record lies outside of it.
    const others = alike.some(one => scopesOf(one).length > 0) ? [[]] : []
    ways = ways
      .flatMap(way => [...alike.map(one => [one]), ...others].map(more => [...way, ...more]))
      .slice(0, MOST_WAYS)
  }
  return ways.filter(way => way.length > 0)
}

/** Paths of the filters it states. */
function scopesOf({ kind, facts }: InForce): readonly string[] {
  return kind.fields
    .filter(({ name, type }) => type === 'scope' && facts[name] !== undefined)
    .map(({ name }) => `${kind.claim}.${name}`)
}

function groupOf({ kind }: InForce): string {
  return kind.standing === undefined ? kind.claim : 'standing'
}

function evidencedBy(way: readonly InForce[]): Evidenced {
  const standing = way.map(({ kind }) => kind.standing).find(each => each !== undefined)
  return {
    evidence: way.map(({ id, kind }) => ({ id, gives: givenBy(kind) })),
    claims: Object.fromEntries(way.map(({ kind, facts }) => [kind.claim, { ...facts, ...kind.states }])),
    scopes: way.flatMap(scopesOf),
    agreements: way.flatMap(agreementsOf),
    determinations: way.flatMap(({ kind, facts }) =>
      kind.determination ? [{ ...facts, ...kind.states }] : [],
    ),
    ...standing,
  }
}

function agreementsOf({ kind: { agreement }, period, facts, purposes }: InForce): readonly Agreement[] {
  if (agreement === undefined) return []
  const { resourceTypes } = facts
  return [
    {
      kind: agreement,
      ...period,
      ...(purposes === undefined ? {} : { purposes }),
      ...(Array.isArray(resourceTypes) ? { resourceTypes: resourceTypes.map(String) } : {}),
    },
  ]
}

function givenBy({ claim, agreement, determination, standing }: EvidenceKind): readonly string[] {
  return [
    claim,
    ...(agreement === undefined ? [] : [`agreement:${agreement}`]),
    ...(determination === undefined ? [] : ['determination']),
    ...(standing === undefined ? [] : ['standing']),
  ]
}
