import { expect } from 'vitest'
import { readExchange } from '../../src/record/verify.ts'
import { decisionOf } from './scenario.ts'
import type { Reply, TestSite } from './site.ts'

/** Names of the example patients and the places where the servers behind the gateway listen. */
function secretsOf(site: TestSite): RegExp {
  const hosts = [site.upstream.url, site.issuer.issuer].map(url => new URL(url).host.replaceAll('.', '\\.'))
  return new RegExp(`eyJ|Marsh|Elena|Finch|Opioid|SECRET|${hosts.join('|')}|\\.ts:\\d|    at `)
}

const header = (reply: Reply, name: string): string =>
  Object.entries(reply.headers).find(([key]) => key.toLowerCase() === name)?.[1] ?? ''

/**
 * A refusal as every one must be: an OperationOutcome with nothing in it that was not the requester's own, and the
 * record of it in the ledger, with the reason and without a credential.
 */
export function expectRefusal(site: TestSite, reply: Reply, status: number, code: string): void {
  const secrets = secretsOf(site)
  expect(reply.status, reply.text).toBe(status)
  expect(header(reply, 'content-type')).toBe('application/fhir+json; charset=utf-8')
  expect(header(reply, 'cache-control')).toBe('no-store')
  const outcome = JSON.parse(reply.text) as { resourceType: string; issue: { details: { text: string } }[] }
  expect(outcome.resourceType).toBe('OperationOutcome')
  expect(outcome.issue[0]?.details.text.length).toBeGreaterThan(5)
  expect(reply.text).not.toMatch(secrets)
  const rows = readExchange(site.ledgerFile, header(reply, 'x-request-id'))
  expect(rows.map(({ kind }) => kind)).toEqual(['AuditEvent', 'decision'])
  expect(decisionOf(rows).refusal?.code).toBe(code)
  const audit = rows[0]?.body ?? '{}'
  expect(JSON.parse(audit)).toMatchObject({ outcome: status >= 500 && status !== 501 ? '8' : '4' })
  expect(audit).not.toMatch(/eyJ[\w-]{10}/)
  expect(rows[1]?.body).not.toMatch(/eyJ[\w-]{10}/)
}
