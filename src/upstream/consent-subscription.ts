import { hash } from 'node:crypto'
import { request } from 'undici'
import type { Connection } from './connection.ts'

export interface SubscriptionOptions {
  /** URL of this gateway's door as the server reaches it. */
  readonly endpoint: string
  readonly secret: string
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Says in words what went wrong; never holds data or secrets. */
  readonly warn: (text: string) => void
}

const TIMEOUT_MS = 5_000
const RENEW_MS = 10 * 60_000
/** A Subscription that nobody renews ends by itself. */
const LIFETIME_MS = 60 * 60_000

/**
 * Keeps a rest-hook Subscription on Consent on a FHIR R4 server while the gateway runs: put there at once, renewed before
 * it ends, taken away by `close`. Its criteria name no status, for a server does not tell of a Consent that ceases to
 * match. Where the server does not take it, `warn` says so and `limits.consentCacheMs` bounds the latency alone.
 * https://hl7.org/fhir/R4/subscription.html
 */
export function subscribeConsents(
  name: string,
  connection: Connection,
  options: SubscriptionOptions,
): { readonly close: () => Promise<void> } {
  let reference = `Subscription/consentry-${hash('sha256', options.endpoint).slice(0, 16)}`
  let stands = false
  let closed = false
  const complain = (what: string): void => {
    options.warn(
      `${name}: ${what}; a changed Consent is noticed within limits.consentCacheMs, unless told otherwise`,
    )
  }
  const renew = async (): Promise<void> => {
    try {
      const made = await put(connection, reference, options)
      reference = made.reference
      if (made.status === 'error' && stands !== false) complain('the server could not deliver notifications')
      stands = true
    } catch (error) {
      complain(error instanceof Error ? error.message : 'the Subscription was not taken')
    }
  }
  let work = renew()
  const timer = setInterval(() => {
    work = work.then(() => (closed ? undefined : renew()))
  }, RENEW_MS).unref()
  return {
    close: async () => {
      closed = true
      clearInterval(timer)
      await work
      if (!stands) return
      await send(connection, 'DELETE', reference, undefined).catch(() =>
        complain(`${reference} could not be taken away`),
      )
    },
  }
}

interface Made {
  readonly reference: string
  /** Of the Subscription before it was put: `error` where deliveries failed. */
  readonly status: string | undefined
}

/** By an id of our own, so that a gateway that crashed finds its old one; else by whatever id the server gives. */
async function put(connection: Connection, reference: string, options: SubscriptionOptions): Promise<Made> {
  const before = await send(connection, 'GET', reference, undefined)
  const [, id = ''] = reference.split('/')
  const answer = await send(connection, 'PUT', reference, { ...subscription(options), id })
  const status = before.status === 200 ? textOf(before.body, 'status') : undefined
  if (isDone(answer.status)) return { reference, status }
  const posted = await send(connection, 'POST', 'Subscription', subscription(options))
  const given = isDone(posted.status) ? (textOf(posted.body, 'id') ?? idIn(posted.location)) : undefined
  if (given === undefined)
    throw new Error(`the server does not take a Subscription (it answered ${posted.status})`)
  return { reference: `Subscription/${given}`, status }
}

function subscription({ endpoint, secret, now }: SubscriptionOptions): object {
  return {
    resourceType: 'Subscription',
    status: 'requested',
    end: new Date(now() + LIFETIME_MS).toISOString(),
    reason: 'A gateway must not decide by Consents that were changed.',
    criteria: 'Consent?',
    channel: {
      type: 'rest-hook',
      endpoint,
      payload: 'application/fhir+json',
      header: [`Authorization: Bearer ${secret}`],
    },
  }
}

const isDone = (status: number): boolean => status === 200 || status === 201

function textOf(body: string, member: string): string | undefined {
  try {
    const value = (JSON.parse(body) as Record<string, unknown>)[member]
    return typeof value === 'string' && /^[A-Za-z0-9\-.]{1,64}$/.test(value) ? value : undefined
  } catch {
    return undefined
  }
}

function idIn(location: string | undefined): string | undefined {
  return /\/Subscription\/([A-Za-z0-9\-.]{1,64})(?:\/|$)/.exec(location ?? '')?.[1]
}

interface Answered {
  readonly status: number
  readonly body: string
  readonly location?: string
}

async function send(
  { location, dispatcher, credential }: Connection,
  method: 'GET' | 'PUT' | 'POST' | 'DELETE',
  reference: string,
  resource: object | undefined,
): Promise<Answered> {
  const headers = ['accept', 'application/fhir+json', ...(await credential.headers())]
  if (resource !== undefined) headers.push('content-type', 'application/fhir+json')
  try {
    const answer = await request(`${location.base}/${reference}`, {
      method,
      headers,
      dispatcher,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(resource === undefined ? {} : { body: JSON.stringify(resource) }),
    })
    const { location: where } = answer.headers
    const body = await answer.body.text()
    return { status: answer.statusCode, body, ...(typeof where === 'string' ? { location: where } : {}) }
  } catch {
    throw new Error('the server did not answer when asked to keep a Subscription')
  }
}
