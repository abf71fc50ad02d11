import { randomUUIDv7 } from 'node:crypto'
import { existsSync } from 'node:fs'
import { loadHolds } from './data/holds.ts'
import { purposeTree } from './decide/purpose.ts'
import type { Engine } from './engine.ts'
import { createHolds } from './flow/holds.ts'
import { createBreadthCount } from './flow/holds-breadth.ts'
import type { Rooms } from './flow/rooms.ts'
import type { Configuration } from './model/configuration.ts'
import { clientKey } from './model/holds.ts'
import type { OfficeStore } from './model/office.ts'
import { createHoldGate, rememberKnownClients } from './office/holds-desk.ts'
import { readReleasedClients } from './record/released-clients.ts'

/** What is held under the rules in force; cases and counts stay while rules change. Nothing where the site holds nothing. */
export type Holding = (engine: Engine) => Pick<Rooms, 'holds'>

/**
 * Reads the whole ledger once, when a rule of first contact is first in force. Throws Error where ledger or office cannot
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
  return ({ profiles }) => {
    const { wide } = purposeTree(profiles.purposeParents, [])
    return { holds: createHolds({ rules, table: loadHolds(), wide, zone, gate, count }) }
  }
}

function releasedTo(file: string): readonly string[] {
  if (!existsSync(file)) return []
  return readReleasedClients(file).map(({ issuer, client }) => clientKey(issuer, client))
}
