import type { TokenRequest } from './issuer.ts'

/** What a printed command needs to know of the running demo. */
interface WalkthroughPlace {
  /** The gateway's FHIR base URL, no trailing slash. */
  readonly baseUrl: string
  /** The embedded upstream's base URL, where the shipped AuditEvents can be read. */
  readonly upstreamUrl: string
  /** Access token of the step's client; empty for a step without one. */
  readonly token: string
}

/** One command to paste into a shell. */
export interface WalkthroughStep {
  readonly title: string
  /** Client id of the demo registry that asks. */
  readonly client: string
  /** What to ask the demo issuer for; absent where the command needs no token. */
  readonly token?: TokenRequest
  readonly curl: (place: WalkthroughPlace) => string
}

const SEARCH = 'Condition?patient=elena-marsh'
/** The third answer's headers, where the fourth command finds the id of the exchange. */
const HEADERS = '/tmp/consentry-third.headers'

const ask =
  (options = '') =>
  ({ baseUrl, token }: WalkthroughPlace): string =>
    `curl -s ${options}-H 'Authorization: Bearer ${token}' '${baseUrl}/${SEARCH}'`

/**
 * The same search for three requesters, and the record of the third: the opioid treatment program sees its own patient
 * whole; the hospital that treats her sees the same under her consent, with the notice and a copy of it (42 CFR 2.32);
 * the health plan, which the consent does not name, sees the ordinary problems and no trace of the others (2.13(c)).
 */
export function demoWalkthrough(): readonly WalkthroughStep[] {
  return [
    {
      title: 'The opioid treatment program asks for the problems of its own patient: all of them',
      client: 'opioid-treatment-program',
      token: { client: 'opioid-treatment-program', user: 'PractitionerRole/ines-corvallis-role' },
      curl: ask(),
    },
    {
      title: 'The hospital that treats her asks the same: all of them, with the notice and her consent',
      client: 'treating-hospital',
      token: { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' },
      curl: ask(),
    },
    {
      title: 'Her health plan asks the same: her ordinary problems, and no sign that there are others',
      client: 'health-plan',
      token: { client: 'health-plan' },
      curl: ask(`-D ${HEADERS} `),
    },
    {
      title: 'The record of the third exchange, as it reached the audit repository within a second',
      client: 'health-plan',
      curl: ({ upstreamUrl }) =>
        `sleep 1; curl -s '${upstreamUrl}/AuditEvent?patient=elena-marsh&_sort=-_lastUpdated&_count=1'`,
    },
    {
      title: 'And what stays in the ledger: what was withheld, and by which rule',
      client: 'health-plan',
      curl: () =>
        `npm run -s consentry -- explain "$(tr -d '\\r' < ${HEADERS} | awk 'tolower($1) == "x-request-id:" { print $2 }')"`,
    },
  ]
}
