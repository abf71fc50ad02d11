import { createHash } from 'node:crypto'
import type { Receipt, Recorded, RecordedRefusal } from '../../src/model/exchange.ts'
import { Refusal, type RefusalCode } from '../../src/model/refusal.ts'
import { createResponder, type ResponderOptions } from '../../src/respond/responder.ts'

export const ID = '0190e0a0-0000-7000-8000-000000000001'

export const OPTIONS: ResponderOptions = {
  baseUrl: 'https://gw.example/fhir',
  version: '0.1.0',
  date: '2026-01-01',
  issuers: [
    { issuer: 'https://plain.example' },
    {
      issuer: 'https://idp.example',
      jwksUri: 'https://idp.example/jwks',
      authorizationEndpoint: 'https://idp.example/authorize',
      tokenEndpoint: 'https://idp.example/token',
    },
  ],
  servedTypes: [
    {
      type: 'Observation',
      searchParameters: [
        { name: '_id', type: 'token' },
        { name: 'code', type: 'token' },
        { name: 'encounter', type: 'reference' },
      ],
      includes: ['encounter'],
    },
    { type: 'Patient', searchParameters: [{ name: 'name', type: 'string' }], includes: [] },
    { type: 'ValueSet', searchParameters: [{ name: 'url', type: 'uri' }], includes: [] },
  ],
}

export const responder = createResponder(OPTIONS)

/** Only the ledger makes receipts; a test of what comes after it has to pretend. */
export function receipt(exchange = ID): Receipt {
  return { exchange, sequence: 1, recordedAt: '2026-01-01T00:00:00Z' } as Receipt
}

const received = {
  id: ID,
  receivedAt: new Date(0),
  correlation: { requestId: 'client-chose-this' },
  request: {
    method: 'GET',
    target: '/fhir/Patient/1',
    headers: [],
    body: new Uint8Array(),
    remoteAddress: '192.0.2.1',
  },
} as const

export function refused(
  code: RefusalCode,
  options: ConstructorParameters<typeof Refusal>[1] = {},
  exchange = ID,
): RecordedRefusal {
  return { ...received, refusal: new Refusal(code, options), receipt: receipt(exchange) }
}

export function recorded(body: string, headers: Record<string, string> = {}, exchange = ID): Recorded {
  const bytes = Buffer.from(body)
  return {
    ...received,
    requester: {
      key: 'k',
      client: 'c',
      hipaa: 'none',
      part2: 'none',
      userRoles: [],
      actors: [],
      scopes: [],
      claims: {},
      residual: [],
    },
    purposeOfUse: { effective: ['TREAT'], asserted: [], registered: [] },
    interaction: { code: 'read', resourceType: 'Patient', id: '1' },
    raw: [],
    labelled: [],
    decision: { decision: 'permit', revision: 'r', resources: [], unread: [] },
    directives: new Map(),
    release: {
      status: 200,
      headers,
      body: bytes,
      digest: createHash('sha256').update(bytes).digest('hex'),
      released: [],
      withheld: [],
      obligations: [],
      notices: [],
    },
    receipt: receipt(exchange),
  }
}
