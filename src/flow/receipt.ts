import type { Receipt } from '../model/exchange.ts'
import type { AuditSet } from '../model/record.ts'
import type { Rooms } from './rooms.ts'

/**
 * The ledger's receipt for one set of events. The ledger has a time-out of its own; this one, `site.recordTimeoutMs`,
 * holds also where the ledger does not keep its word, so that an answer comes in bounded time (invariant 1). A set that
 * becomes durable after it stays recorded: recording too much is the safe side.
 * Rejects when the ledger does, when it throws or gives no receipt of this exchange, and when the time is over.
 */
export async function receiptFor({ ledger, site }: Rooms, set: AuditSet): Promise<Receipt> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the ledger gave no answer in time')), site.recordTimeoutMs)
  })
  try {
    const receipt: Receipt | undefined = await Promise.race([ledger.append(set), late])
    if (receipt?.exchange !== set.exchange) throw new Error('the ledger gave no receipt of this exchange')
    return receipt
  } finally {
    clearTimeout(timer)
  }
}
