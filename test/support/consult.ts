import type { TokenRequest } from '../../src/demo/issuer.ts'
import type { Coding } from '../../src/model/fhir.ts'
import type { TestSite } from './site.ts'

const ACT_CODE = 'http://terminology.hl7.org/CodeSystem/v3-ActCode'

export interface Clause {
  readonly all: readonly Coding[]
  readonly except?: readonly { readonly source: string }[]
}

/** The exact answer beside the one of existing clients. */
export interface Exact {
  readonly decision: 'permit' | 'deny' | 'no-consent'
  readonly indeterminate?: boolean
  readonly needsData?: boolean
  readonly withoutConsent?: 'permit' | 'deny'
  readonly purposeOfUse: readonly string[]
  readonly obligations: readonly Clause[]
  readonly permitted?: readonly Clause[]
  readonly duties: readonly string[]
  readonly basedOn: readonly { consent: string; version?: string; path: string; effect: string }[]
  readonly widened: readonly { clause?: number; why: string }[]
  readonly content: false
}

export interface Card {
  readonly uuid: string
  readonly summary: string
  readonly detail: string
  readonly indicator: string
  readonly source: { readonly label: string; readonly url: string }
  readonly extension: {
    readonly decision: string
    readonly obligations: readonly {
      readonly id: Coding
      readonly parameters: {
        readonly codes: readonly Coding[]
        readonly exceptAnyOfCodes?: readonly Coding[]
      }
    }[]
    readonly basedOn?: string
    readonly 'example.consentry.consult': Exact
  }
}

export interface Heard {
  readonly status: number
  readonly id: string
  readonly type: string
  readonly text: string
  readonly card: Card
  readonly exact: Exact
}

export const label = (code: string): Coding => ({ system: ACT_CODE, code })

/** A well-formed request body. */
export function question(context: object, more: object = {}): string {
  return JSON.stringify({
    hook: 'patient-consent-consult',
    hookInstance: '6b5b8c7e-6d0c-4f0c-9d4e-0d5a2f0c9a11',
    context,
    ...more,
  })
}

export interface Send {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** Sends over HTTP; `as` undefined: without a token. */
export async function send(
  origin: string,
  site: TestSite,
  as: TokenRequest | undefined,
  { method = 'POST', path = '/cds-services/patient-consent-consult', headers = {}, body }: Send = {},
): Promise<Heard> {
  const token =
    as === undefined ? undefined : await site.issuer.issueToken({ scope: 'consent-consult', ...as })
  const reply = await fetch(`${origin}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      Accept: 'application/json',
      ...headers,
    },
    ...(body === undefined ? {} : { body: body as string }),
  })
  const text = await reply.text()
  const parsed = (text.startsWith('{') ? JSON.parse(text) : {}) as { cards?: Card[] }
  const card = parsed.cards?.[0] as Card
  return {
    status: reply.status,
    id: reply.headers.get('x-request-id') ?? '',
    type: reply.headers.get('content-type') ?? '',
    text,
    card,
    exact: card?.extension['example.consentry.consult'],
  }
}

const key = ({ system, code }: Coding): string => `${system ?? ''}|${code}`

/** A record as an enforcer of consult answers sees it. */
export interface Held {
  readonly type: string
  readonly labels: readonly Coding[]
  readonly codes?: readonly Coding[]
  readonly source?: string
}

const codingsOf = ({ type, labels, codes = [] }: Held): ReadonlySet<string> =>
  new Set([...labels, ...codes, { system: 'http://hl7.org/fhir/resource-types', code: type }].map(key))

/** Whether an enforcer that obeys the exact answer would release this record. */
export function exactReleases(exact: Exact, held: Held): boolean {
  const has = codingsOf(held)
  if (exact.decision === 'deny')
    return (exact.permitted ?? []).some(
      ({ all }) =>
        held.labels.length > 0 && held.labels.every(one => all.some(other => key(other) === key(one))),
    )
  if (exact.decision === 'no-consent' && exact.withoutConsent !== 'permit') return false
  return !exact.obligations.some(
    ({ all, except = [] }) =>
      all.every(one => has.has(key(one))) && !except.some(({ source }) => source === held.source),
  )
}

/** Whether an enforcer like those of LEAP-CDS and SHARES would release it: by the list of codes alone. */
export function flatReleases({ decision, obligations }: Card['extension'], held: Held): boolean {
  const has = codingsOf(held)
  if (decision !== 'CONSENT_PERMIT') return false
  return !obligations.some(
    ({ parameters: { codes, exceptAnyOfCodes } }) =>
      codes.some(one => has.has(key(one))) ||
      (exceptAnyOfCodes !== undefined && !exceptAnyOfCodes.some(one => has.has(key(one)))),
  )
}
