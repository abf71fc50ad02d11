import { createHmac } from 'node:crypto'
import type { Alert } from '../model/emergency.ts'
import type { OfficeStore } from '../model/office.ts'
import { EmergencyFold, EVENT, waiting } from './reviews.ts'

/** Where alerts go. */
export interface AlertReceiver {
  readonly url: string
  /** `whsec_` and the key in base64, as Standard Webhooks writes it. */
  readonly secret: string
}

export interface AlertOptions {
  readonly store: OfficeStore
  /** Absent: alerts wait in the store until the site names a receiver. */
  readonly receiver?: AlertReceiver
  readonly fetch: typeof globalThis.fetch
  readonly now: () => Date
  /** Run at each round before the queue is looked at: queues what follows from what is on file. */
  readonly watch: (emergencies: EmergencyFold, at: Date) => readonly Alert[]
  /** Hears of an outage and its end; never of an alert's content. */
  readonly warn: (text: string) => void
  /** From 0 up to 1, for jitter. */
  readonly random?: () => number
  /** Longest time between two looks at the store, ms. */
  readonly pollMs?: number
  /** First and longest pause after a failure, ms. */
  readonly backoffMs?: number
  readonly backoffMaxMs?: number
  readonly requestTimeoutMs?: number
}

export interface AlertSender {
  /** Looks at the store now. */
  readonly wake: () => void
  /** Stops after the request in flight is aborted; what was not confirmed is sent again next time. */
  readonly close: () => Promise<void>
}

const DEFAULTS = {
  random: Math.random,
  pollMs: 10_000,
  backoffMs: 500,
  backoffMaxMs: 60_000,
  requestTimeoutMs: 10_000,
} as const

const PREFIX = 'whsec_'

/** The key of a secret. Throws Error where it is none: 24 to 64 bytes, as Standard Webhooks asks. */
export function alertKey(secret: string): Buffer {
  const text = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : ''
  const key = Buffer.from(text, 'base64')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || key.length < 24 || key.length > 64)
    throw new Error(`expected ${PREFIX} and 24 to 64 bytes in base64`)
  return key
}

/**
 * Headers of a signed alert: HMAC-SHA-256 over `id.timestamp.body`, seconds since the epoch.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signedHeaders(
  key: Buffer,
  id: string,
  at: Date,
  body: string,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}

/**
 * Sends what is queued in the store of the office, until each alert was taken: the queue and what has arrived are events
 * there, so an outage or a restart loses nothing. One that is refused is tried again like the others and holds none up.
 * At least once: a receiver knows a repeated one by its id. Throws Error where the secret is none.
 */
export function createAlertSender(options: AlertOptions): AlertSender {
  const key = options.receiver === undefined ? undefined : alertKey(options.receiver.secret)
  return new Sender({ ...DEFAULTS, ...options }, key)
}

class Sender implements AlertSender {
  readonly #options: AlertOptions & Required<Omit<AlertOptions, 'receiver'>>
  readonly #key: Buffer | undefined
  readonly #stop = new AbortController()
  readonly #fold = new EmergencyFold()
  readonly #running: Promise<void>
  #failures = 0
  #woken = false
  #wake: () => void = () => undefined

  constructor(options: AlertOptions & Required<Omit<AlertOptions, 'receiver'>>, key: Buffer | undefined) {
    this.#options = options
    this.#key = key
    this.#running = this.#run()
  }

  readonly wake = (): void => {
    this.#woken = true
    this.#wake()
  }

  readonly close = async (): Promise<void> => {
    this.#stop.abort()
    this.#wake()
    await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve()
    while (!this.#stop.signal.aborted) {
      this.#woken = false
      const settled = await this.#round().catch(() => false)
      if (this.#stop.signal.aborted) return
      this.#note(settled)
      await this.#pause(settled)
    }
  }

  /** True where nothing is left that could be sent. */
  async #round(): Promise<boolean> {
    const { store, now, watch, receiver } = this.#options
    const fold = this.#fold
    fold.take(store.since(fold.last))
    for (const alert of watch(fold, now())) {
      store.append({
        at: now().toISOString(),
        kind: EVENT.queued,
        subject: alert.id,
        by: 'consentry',
        body: { grant: alert.grant, alert: { ...alert } },
      })
    }
    fold.take(store.since(fold.last))
    if (receiver === undefined) return true
    const outcomes: boolean[] = []
    for (const alert of waiting(fold)) {
      if (this.#stop.signal.aborted) return false
      outcomes.push(await this.#send(alert, receiver))
    }
    return outcomes.every(Boolean)
  }

  async #send(alert: Alert, { url }: AlertReceiver): Promise<boolean> {
    const { fetch, now, store, requestTimeoutMs } = this.#options
    const body = JSON.stringify(alert.body)
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(requestTimeoutMs)])
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: signedHeaders(this.#key as Buffer, alert.id, now(), body),
        body,
        redirect: 'manual',
        signal,
      })
      await response.body?.cancel()
      if (!response.ok) return false
    } catch {
      return false
    }
    store.append({
      at: now().toISOString(),
      kind: EVENT.sent,
      subject: alert.id,
      by: 'consentry',
      body: { grant: alert.grant },
    })
    return true
  }

  #note(settled: boolean): void {
    const { warn } = this.#options
    if (!settled && this.#failures === 0)
      warn('emergency.alerts: alerts cannot be delivered; they are kept and tried again')
    if (settled && this.#failures > 0) warn('emergency.alerts: alerts are delivered again')
    this.#failures = settled ? 0 : this.#failures + 1
  }

  /** A pause that ends early when woken or closed, and does not keep the process alive. */
  #pause(settled: boolean): Promise<void> {
    const { pollMs, backoffMs, backoffMaxMs, random } = this.#options
    const backoff = Math.min(backoffMs * 2 ** Math.min(this.#failures - 1, 20), backoffMaxMs)
    const ms = settled ? pollMs : backoff * (0.5 + random() / 2)
    if (this.#woken) return Promise.resolve()
    return new Promise(resolve => {
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(done, ms).unref()
      this.#wake = done
      if (this.#stop.signal.aborted) done()
    })
  }
}
