import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request } from 'undici'
import type { Dropped } from './consent-door.ts'

export interface ConsentPeer {
  /** The door of another gateway, e.g. `https://gw2.example/notify/consent`. */
  readonly url: string
  readonly secret: string
}

export interface PeerOptions {
  readonly peers: readonly ConsentPeer[]
  /** Says in words what went wrong; never holds data or secrets. */
  readonly warn: (text: string) => void
}

export interface Peers {
  /** Tells all peers, in the background: never waits, never throws. */
  readonly tell: (dropped: Dropped) => void
  readonly close: () => Promise<void>
}

const TIMEOUT_MS = 2_000
/** Pauses after each failed attempt; afterwards the peer's own cache has run out. */
const PAUSES_MS = [100, 250, 500, 1_000, 2_000]
/** More names than that are told as everything. */
const NAMES_MAX = 100

/**
 * Tells other gateways what to drop. One message at a time to a peer; what comes meanwhile is gathered into the next. A
 * peer that does not take it is warned of; there `limits.consentCacheMs` bounds the latency as if nobody had told it.
 */
export function createPeers({ peers, warn }: PeerOptions): Peers {
  const dispatcher = new Agent({ connections: 1, allowH2: false })
  const stop = new AbortController()
  const doors = peers.map((peer, index) => {
    const failed = (): void => warn(`notifications.peers[${index}]: ${peer.url} does not take notifications`)
    return new Door(peer, dispatcher, stop.signal, failed)
  })
  return {
    tell: dropped => {
      for (const door of doors) door.tell(dropped)
    },
    close: async () => {
      await Promise.all(doors.map(door => door.idle()))
      stop.abort()
      await dispatcher.close()
    },
  }
}

class Door {
  readonly #peer: ConsentPeer
  readonly #dispatcher: Agent
  readonly #stop: AbortSignal
  readonly #failed: () => void
  #waiting: ReadonlySet<string> | 'all' | undefined
  #sending: Promise<void> | undefined

  constructor(peer: ConsentPeer, dispatcher: Agent, stop: AbortSignal, failed: () => void) {
    this.#peer = peer
    this.#dispatcher = dispatcher
    this.#stop = stop
    this.#failed = failed
  }

  tell(dropped: Dropped): void {
    this.#waiting = merged(this.#waiting, dropped)
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
  }

  /** What is on its way may arrive, for one attempt's time. */
  async idle(): Promise<void> {
    await Promise.race([this.#sending, sleep(TIMEOUT_MS, undefined, { ref: false })])
  }

  async #sendAll(): Promise<void> {
    let failures = 0
    while (this.#waiting !== undefined && !this.#stop.aborted) {
      const sent = this.#waiting
      this.#waiting = undefined
      if (await this.#send(sent)) {
        failures = 0
        continue
      }
      const pause = PAUSES_MS[failures++]
      if (pause === undefined) return this.#failed()
      this.#waiting = merged(this.#waiting, sent === 'all' ? sent : [...sent])
      await sleep(pause, undefined, { ref: false, signal: this.#stop }).catch(() => undefined)
    }
  }

  async #send(dropped: ReadonlySet<string> | 'all'): Promise<boolean> {
    const { url, secret } = this.#peer
    const body = JSON.stringify({ relayed: true, ...(dropped === 'all' ? {} : { patients: [...dropped] }) })
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
    const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), this.#stop])
    try {
      const dispatcher = this.#dispatcher
      const answer = await request(url, { method: 'POST', headers, body, signal, dispatcher })
      await answer.body.dump()
      return answer.statusCode === 200
    } catch {
      return false
    }
  }
}

function merged(
  waiting: ReadonlySet<string> | 'all' | undefined,
  more: Dropped,
): ReadonlySet<string> | 'all' {
  if (waiting === 'all' || more === 'all') return 'all'
  const names = new Set([...(waiting ?? []), ...more])
  return names.size > NAMES_MAX ? 'all' : names
}
