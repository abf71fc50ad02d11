import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Refusal, type RefusalCode } from '../../src/model/refusal.ts'
import { REFUSALS } from '../../src/respond/refusals.ts'
import { ID, recorded, refused, responder } from './exchange.ts'

const CODES = Object.keys(REFUSALS) as RefusalCode[]
/** https://hl7.org/fhir/R4/valueset-issue-type.html */
const ISSUE_TYPES = new Set(
  `invalid structure required value invariant security login unknown expired forbidden suppressed processing not-supported
   duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly business-rule conflict transient
   lock-error no-store exception timeout incomplete throttled informational`.split(/\s+/),
)
const ALLOWED_HEADERS = new Set([
  'Cache-Control',
  'Content-Type',
  'Retry-After',
  'WWW-Authenticate',
  'X-Content-Type-Options',
  'X-Request-Id',
])

function issueOf(body: Uint8Array | string) {
  const outcome = JSON.parse(String(body)) as {
    resourceType: string
    issue: [{ severity: string; code: string; details: { text: string }; diagnostics?: string }]
  }
  expect(outcome.resourceType).toBe('OperationOutcome')
  expect(outcome.issue).toHaveLength(1)
  return outcome.issue[0]
}

describe('a release', () => {
  test('is the recorded bytes under the headers of the gateway', () => {
    const exchange = recorded('{"resourceType":"Patient","id":"1"}')
    const response = responder.release(exchange)
    expect(response.body).toBe(exchange.release.body)
    expect(response).toMatchObject({
      status: 200,
      headers: {
        'Content-Type': 'application/fhir+json; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Request-Id': ID,
        'X-Content-Type-Options': 'nosniff',
      },
    })
  })

  test('lets no other header out', () => {
    const response = responder.release(
      recorded('{}', {
        Server: 'upstream',
        ETag: 'W/"7"',
        'Content-Type': 'text/html',
        'x-ms-request-charge': '5',
      }),
    )
    expect(response.headers).toEqual(responder.release(recorded('{}')).headers)
  })
})

describe('a refusal', () => {
  test.each(CODES)('%s has a status, an R4 issue type, a constant text and allowed headers only', code => {
    const { status, headers, body } = responder.refuse(refused(code))
    expect(status).toBe(REFUSALS[code].status)
    expect(status).toBeGreaterThanOrEqual(400)
    const issue = issueOf(body)
    expect(ISSUE_TYPES.has(issue.code)).toBe(true)
    expect(issue.severity).toBe('error')
    expect(issue.details.text).not.toBe('')
    expect(headers['X-Request-Id']).toBe(ID)
    for (const name of Object.keys(headers)) expect(ALLOWED_HEADERS.has(name)).toBe(true)
  })

  test.each<[RefusalCode, number]>([
    ['login-required', 401],
    ['token-expired', 401],
    ['scope-insufficient', 403],
    ['bad-parameter', 400],
    ['not-supported', 501],
    ['unknown-type', 404],
    ['not-found', 404],
    ['not-acceptable', 406],
    ['page-expired', 410],
    ['too-large', 413],
    ['unsupported-media-type', 415],
    ['rate-limited', 429],
    ['internal', 500],
    ['upstream-invalid', 502],
    ['record-unavailable', 503],
  ])('%s is a %i', (code, status) => {
    expect(responder.refuse(refused(code)).status).toBe(status)
  })

  test.each<[RefusalCode, string]>([
    ['login-required', 'Bearer realm="fhir"'],
    ['token-invalid', 'Bearer realm="fhir", error="invalid_token"'],
    ['token-expired', 'Bearer realm="fhir", error="invalid_token"'],
    ['mfa-required', 'Bearer realm="fhir", error="insufficient_user_authentication"'],
    ['scope-insufficient', 'Bearer realm="fhir", error="insufficient_scope"'],
  ])('%s challenges with %s', (code, challenge) => {
    expect(responder.refuse(refused(code, { diagnostics: 'x' })).headers['WWW-Authenticate']).toBe(challenge)
  })

  test('with 401 always challenges, and others only for scopes', () => {
    for (const code of CODES) {
      const { status, headers } = responder.refuse(refused(code))
      const expected = status === 401 || code === 'scope-insufficient'
      expect(headers['WWW-Authenticate'] !== undefined, code).toBe(expected)
    }
  })

  test.each([
    [30, '30'],
    [0.2, '1'],
    [1.5, '2'],
    [0, '1'],
  ])('says Retry-After in whole seconds: %d', (retryAfterSeconds, value) => {
    expect(responder.refuse(refused('rate-limited', { retryAfterSeconds })).headers['Retry-After']).toBe(
      value,
    )
    expect(responder.refuse(refused('rate-limited')).headers['Retry-After']).toBeUndefined()
  })

  test('says which part of the request is at fault, bounded and without control characters', () => {
    const say = (diagnostics: string) =>
      issueOf(responder.refuse(refused('bad-parameter', { diagnostics })).body).diagnostics
    expect(say('date: expected a date')).toBe('date: expected a date')
    expect(say('a\r\nb\u0000c\u2028d\u009b')).toBe('abcd')
    expect(say('x'.repeat(1_000))).toHaveLength(300)
    expect(say('\u0000')).toBeUndefined()
  })
})

describe('forbidden equals absent', () => {
  const constant: RefusalCode[] = [
    'not-found',
    'page-expired',
    'too-costly',
    'upstream-unavailable',
    'upstream-invalid',
    'consent-unavailable',
    'identity-unavailable',
    'record-unavailable',
    'internal',
  ]
  test.each(constant)('%s is the same bytes whatever the reason', code => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (diagnostics, detail) => {
        const cause = new Error(detail)
        expect(responder.refuse(refused(code, { diagnostics, detail, cause }))).toEqual(
          responder.refuse(refused(code)),
        )
      }),
      { numRuns: 30 },
    )
  })

  test('no refusal says what is for the record only', () => {
    for (const code of CODES) {
      const response = responder.refuse(refused(code, { detail: 'ZEBRA', cause: new Error('ZEBRA') }))
      expect(JSON.stringify(response)).not.toContain('ZEBRA')
    }
  })
})

describe('no record, no response', () => {
  test('the answer to an exchange that could not be recorded is a constant without any of its data', () => {
    const response = responder.unrecorded()
    expect(response).toEqual(responder.unrecorded())
    expect(response.status).toBe(503)
    expect(response.headers['Retry-After']).toMatch(/^\d+$/)
    expect(response.headers['X-Request-Id']).toBeUndefined()
    expect(issueOf(response.body).code).toBe('transient')
  })

  test('a receipt of another exchange counts as none', () => {
    const secret = '{"resourceType":"Patient","id":"ZEBRA"}'
    expect(responder.release(recorded(secret, {}, 'other'))).toEqual(responder.unrecorded())
    expect(responder.refuse(refused('not-found', {}, 'other'))).toEqual(responder.unrecorded())
    expect(String(responder.release(recorded(secret)).body)).toContain('ZEBRA')
  })

  test('an exchange without a receipt does not compile', () => {
    const { receipt: _, ...segmented } = recorded('{}')
    const { receipt: __, ...unrecordedRefusal } = refused('not-found')
    // @ts-expect-error no receipt
    expect(() => responder.release(segmented)).toThrow(TypeError)
    // @ts-expect-error no receipt
    expect(() => responder.refuse(unrecordedRefusal)).toThrow(TypeError)
    // @ts-expect-error a Refusal is not an exchange
    expect(() => responder.refuse(new Refusal('not-found'))).toThrow(TypeError)
  })
})
