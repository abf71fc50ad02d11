import { randomUUIDv7 } from 'node:crypto'
import { existsSync } from 'node:fs'
import { loadHolds } from './data/holds.ts'
import { purposeTree } from './decide/purpose.ts'
import type { Engine } from './engine.ts'
import { createHolds } from './flow/holds.ts'
import type { Asked } from './flow/holds-about.ts'
import { createBreadthCount } from './flow/holds-breadth.ts'
import { recount } from './flow/holds-broad.ts'
import type { Rooms } from './flow/rooms.ts'
import type { Configuration } from './model/configuration.ts'
import { clientKey, type HoldRule } from './model/holds.ts'
import type { OfficeStore } from './model/office.ts'
import { createHoldGate, rememberKnownClients } from './office/holds-desk.ts'
import { readAskedSince } from './record/asked-since.ts'
import { readReleasedClients } from './record/released-clients.ts'

/** What is held under the rules in force; cases and counts stay while rules change. Nothing where the site holds nothing. */
export type Holding = (engine: Engine) => Pick<Rooms, 'holds'>

/**
 * Reads the whole ledger once, when a rule of first contact is first in force, and the window of a breadth rule at each
 * start. Throws Error where ledger or office cannot
 * be used.
 */
export function openHolding(
  { policy, ledger }: Configuration,
  { store, now }: { readonly store: OfficeStore; readonly now: () => Date },
): Holding {
  const { holds: rules = [], zone } = policy
  if (rules.length === 0) return () => ({})
  const firstContacts = rules.filter(({ kind }) => kind === 'first-contact').map(({ id }) => id)
  rememberKnownClients(store, firstContacts, () => releasedTo(ledger.file), now)
  const gate = createHoldGate(store, { newId: randomUUIDv7, now })
  const count = createBreadthCount()
  let isCounted = false
  return ({ profiles }) => {
    const { wide } = purposeTree(profiles.purposeParents, [])
    const table = loadHolds()
    if (!isCounted) recount(rules, askedBefore(ledger.file, rules, now()), { table, count, wide })
    isCounted = true
    return { holds: createHolds({ rules, table, wide, zone, gate, count }) }
  }
}

const HOUR_MS = 3_600_000

/** What was asked within the longest window, by the ledger of this gateway; its tokens are gone, and with them their scopes. */
function* askedBefore(file: string, rules: readonly HoldRule[], at: Date): Generator<Asked> {
  const hours = Math.max(
    0,
    ...rules.filter(({ kind }) => kind === 'breadth').map(({ windowHours }) => windowHours),
  )
  if (hours === 0 || !existsSync(file)) return
  for (const { at: time, requester, purposes, interaction } of readAskedSince(
    file,
    new Date(at.getTime() - hours * HOUR_MS),
  )) {
    const [first, ...more] = purposes
    if (first === undefined) continue
    yield {
      requester: { ...(requester as unknown as Asked['requester']), scopes: [] },
      purposeOfUse: { effective: [first, ...more] },
      interaction: interaction as unknown as Asked['interaction'],
      receivedAt: new Date(time),
    }
  }
}

function releasedTo(file: string): readonly string[] {
  if (!existsSync(file)) return []
  return readReleasedClients(file).map(({ issuer, client }) => clientKey(issuer, client))
}
