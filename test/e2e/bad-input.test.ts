import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfiguration } from '../../src/data/configuration.ts'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import { directory } from '../../src/demo/patients/directory.ts'
import { DEMO_PATIENTS } from '../../src/demo/resources.ts'
import { readExchange } from '../../src/record/verify.ts'
import { expectRefusal } from '../support/refusals.ts'
import { matchesOf, openTestSite, type Reply, type TestSite } from '../support/site.ts'
import { run, STACK } from '../support/terminal.ts'

const HOSPITAL: TokenRequest = {
  client: 'treating-hospital',
  user: 'PractitionerRole/priya-lindqvist-role',
}
const PLAN: TokenRequest = { client: 'health-plan' }
const QUERY = 'Condition?patient=walter-finch'

let site: TestSite
let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'consentry-bad-'))
  const charts = DEMO_PATIENTS.filter(({ id }) => id === 'walter-finch' || id === 'elena-marsh')
  site = await openTestSite({ resources: [...directory(), ...charts.flatMap(({ write }) => write())] })
})
afterAll(async () => {
  await site?.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('a bad configuration', () => {
  const good = {
    upstream: { url: 'https://fhir.example/r4' },
    issuers: [{ issuer: 'https://issuer.example' }],
    custodian: { organization: 'Organization/x', state: 'CA', hipaa: 'covered-entity', part2: 'none' },
    ledger: { file: '' },
  }
  const cases: [string, string | object, RegExp][] = [
    ['is no JSON', '{"upstream": ', /bad\.json: .*expected JSON/],
    ['is empty', '', /bad\.json: .*expected JSON/],
    ['is a list', '[]', /bad\.json: expected a JSON object/],
    ['names a member twice', '{"limits": {}, "limits": {}}', /bad\.json: limits: expected once/],
    ['lacks the upstream', { ...good, upstream: {} }, /bad\.json: upstream\.url: expected a value/],
    ['has an unknown member', { ...good, upstrem: {} }, /bad\.json: upstrem: unknown property/],
    [
      'holds a secret',
      {
        ...good,
        upstream: { ...good.upstream, credential: { kind: 'client-credentials', secret: 'SECRET' } },
      },
      /expected the name of a file that holds the secret/,
    ],
    [
      'names no state',
      { ...good, custodian: { ...good.custodian, state: 'California' } },
      /custodian\.state: expected a two-letter state/,
    ],
    [
      'gives a client a role that is none',
      { ...good, clients: [{ clientId: 'c', role: 'wizard' }] },
      /clients\[0\]\.role: expected one of provider/,
    ],
    [
      'allows symmetric signatures',
      { ...good, issuers: [{ issuer: 'https://i.example', algorithms: ['HS256'] }] },
      /issuers\[0\]\.algorithms\[0\]: expected one of/,
    ],
    [
      'sets a limit of nothing',
      { ...good, limits: { upstreamBodyBytes: 0 } },
      /limits\.upstreamBodyBytes: expected/,
    ],
    [
      'names no time zone',
      { ...good, policy: { zone: 'Bayview' } },
      /policy\.zone: expected an IANA time zone/,
    ],
    [
      'switches off a row of law that is none',
      { ...good, policy: { disabledRows: ['no-such-row'] } },
      /policy\.disabledRows.*no-such-row is no row/,
    ],
    [
      'names a folder of labels that is not there',
      { ...good, policy: { labelFolders: ['/nowhere/labels'] } },
      /\/nowhere\/labels/,
    ],
    [
      'names a secret file that is not there',
      {
        ...good,
        upstream: {
          ...good.upstream,
          credential: { kind: 'static-header', name: 'X-Key', file: '/nowhere/key' },
        },
      },
      /upstream\.credential\.file.*/,
    ],
    [
      'names a ledger in a folder that is none',
      { ...good, ledger: { file: '/dev/null/ledger.sqlite' } },
      /\/dev\/null/,
    ],
  ]

  test.each(cases)('that %s is told by serve with place and expectation', async (_, content, message) => {
    const file = join(folder, 'bad.json')
    const ledger = { file: join(folder, 'ledger.sqlite') }
    const whole =
      typeof content === 'string' || (content as typeof good).ledger.file !== ''
        ? content
        : { ...content, ledger }
    writeFileSync(file, typeof whole === 'string' ? whole : JSON.stringify(whole))
    const { code, error, out } = await run(['serve', '--config', file, '--port', '0'])
    expect(error).toMatch(message)
    expect(code).toBeGreaterThan(0)
    expect(error + out).not.toMatch(STACK)
    expect(error + out).not.toContain('SECRET')
  })

  test('that cannot be read is named, and a port that is none', async () => {
    expect(await run(['serve', '--config', join(folder, 'none.json')])).toMatchObject({
      code: 2,
      error: expect.stringMatching(/none\.json: cannot be read \(ENOENT\)/),
    })
    expect(await run(['serve', '--port', 'eighty'])).toMatchObject({
      code: 2,
      error: expect.stringContaining('--port: expected a number'),
    })
  })

  test('tells all its problems at once; a good one is taken', () => {
    const text = JSON.stringify({ ...good, custodian: {}, upstream: {}, ledger: { file: 'x' } })
    expect(() => loadConfiguration(text, 'bad.json')).toThrow(
      /upstream\.url[\s\S]*custodian\.organization|custodian\.organization[\s\S]*upstream\.url/,
    )
    const fine = loadConfiguration(JSON.stringify({ ...good, ledger: { file: 'x' } }), 'good.json')
    expect(fine.custodian.state).toBe('CA')
  })
})

describe('a bad token', () => {
  const ask = (authorization: string | undefined): Promise<Reply> =>
    site.ask(
      'GET',
      `/fhir/${QUERY}`,
      undefined,
      authorization === undefined ? {} : { Authorization: authorization },
    )
  const issued = (request: TokenRequest) => site.issuer.issueToken(request)

  test.each<[string, string | undefined, number, string]>([
    ['no token', undefined, 401, 'login-required'],
    ['another scheme', 'Basic dXNlcjpwYXNz', 401, 'token-invalid'],
    ['an empty one', 'Bearer ', 401, 'token-invalid'],
    ['two in one', 'Bearer a b', 401, 'token-invalid'],
    ['an endless one', `Bearer ${'a'.repeat(20_000)}`, 401, 'token-invalid'],
    ['an opaque one nobody introspects', 'Bearer abcdef', 401, 'token-invalid'],
    ['three dots', 'Bearer ...', 401, 'token-invalid'],
    ['no JSON inside', 'Bearer eyJx.eyJ5.eyJ6', 401, 'token-invalid'],
  ])('%s is refused', async (_, authorization, status, code) => {
    expectRefusal(site, await ask(authorization), status, code)
  })

  test.each<[string, TokenRequest, number, string]>([
    ['expired', { ...PLAN, lifetimeSeconds: -300 }, 401, 'token-expired'],
    [
      'not yet valid',
      { ...PLAN, claims: { nbf: Math.floor(Date.now() / 1000) + 250 } },
      401,
      'token-invalid',
    ],
    ['from another issuer', { ...PLAN, claims: { iss: 'https://other.example' } }, 401, 'token-invalid'],
    ['for another audience', { ...PLAN, claims: { aud: 'https://other.example' } }, 401, 'token-invalid'],
    ['that lasts for years', { ...PLAN, lifetimeSeconds: 1e8 }, 401, 'token-invalid'],
    [
      'of an unknown client',
      { ...PLAN, claims: { client_id: 'nobody', sub: 'nobody' } },
      403,
      'client-unknown',
    ],
    ['of a purpose that is not registered', { ...PLAN, purpose: 'TREAT' }, 403, 'purpose-not-allowed'],
    ['of a purpose that is none', { ...PLAN, purpose: 'WHIM' }, 403, 'purpose-not-allowed'],
    ['without the user it must name', { client: 'treating-hospital' }, 403, 'user-required'],
    ['for another type', { ...HOSPITAL, scope: 'user/Observation.rs' }, 403, 'scope-insufficient'],
    ['to read and not to search', { ...HOSPITAL, scope: 'user/Condition.r' }, 403, 'scope-insufficient'],
    ['without any scope', { ...HOSPITAL, scope: 'openid' }, 403, 'scope-insufficient'],
    [
      'of a patient scope without a patient',
      { client: 'patient-app', user: 'Patient/walter-finch', scope: 'patient/*.rs' },
      403,
      'patient-context-missing',
    ],
    [
      'with a scope that cannot be read',
      { ...HOSPITAL, scope: 'user/Condition.rs?a:b=c' },
      403,
      'scope-insufficient',
    ],
    ['with claims of the wrong type', { ...PLAN, claims: { scope: 7 } }, 401, 'token-invalid'],
    [
      'that says it is somebody else as well',
      { ...PLAN, claims: { azp: 'researcher' } },
      401,
      'token-invalid',
    ],
  ])('a token %s is refused', async (_, request, status, code) => {
    expectRefusal(site, await ask(`Bearer ${await issued(request)}`), status, code)
  })

  test('one that the issuer did not sign is refused, however it is dressed up', async () => {
    const claims = JSON.parse(
      Buffer.from((await issued(PLAN)).split('.')[1] ?? '', 'base64url').toString('utf8'),
    ) as Record<string, unknown>
    const jwks = (await (await fetch(site.issuer.jwksUri)).json()) as { keys: { kid: string }[] }
    const kid = jwks.keys[0]?.kid ?? ''
    const { privateKey, publicKey } = await generateKeyPair('ES384')
    const jwk = await exportJWK(publicKey)
    const sign = (header: Record<string, unknown>) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES384', typ: 'JWT', ...header }).sign(privateKey)
    const forged = [
      await sign({ kid }),
      await sign({ jwk }),
      await sign({ jku: 'https://evil.example/jwks' }),
      await sign({ kid, x5u: 'https://evil.example/cert' }),
      await sign({ kid: '../../../../dev/null' }),
      await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid })
        .sign(new TextEncoder().encode(JSON.stringify(jwks.keys[0]))),
      new UnsecuredJWT(claims).encode(),
      (await issued(PLAN)).replace(/\.[^.]+$/, '.'),
      (await issued(PLAN)).replace(/\.([^.]{4})[^.]{4}/, '.$1AAAA'),
    ]
    for (const token of forged) expectRefusal(site, await ask(`Bearer ${token}`), 401, 'token-invalid')
  })

  test('one in the URL or in the form is none, and stands in no record', async () => {
    const token = await issued(PLAN)
    const inUrl = await site.ask('GET', `/fhir/${QUERY}&access_token=${token}`, undefined)
    expectRefusal(site, inUrl, 401, 'login-required')
    const beside = await site.ask('GET', `/fhir/${QUERY}&access_token=${token}`, PLAN)
    expectRefusal(site, beside, 400, 'unknown-parameter')
  })

  test('a good token is taken, so the refusals above are no accident', async () => {
    for (const as of [PLAN, HOSPITAL]) {
      const reply = await ask(`Bearer ${await issued(as)}`)
      expect([reply.status, matchesOf(reply).length]).toEqual([200, 8])
    }
  })
})

describe('a bad query', () => {
  /** What the upstream was asked; the record is shipped there by PUT. */
  const questions = () => site.upstream.calls().filter(call => call.startsWith('GET'))

  test.each<[string, number, string]>([
    ['Condition?patient=walter-finch&unknown=1', 400, 'unknown-parameter'],
    ['Condition?patient=walter-finch&patient=elena-marsh', 400, 'duplicate-parameter'],
    ['Condition?patient:Patient=walter-finch', 400, 'modifier-refused'],
    ['Condition?code:in=http://example.org/vs', 400, 'modifier-refused'],
    ['Condition?patient.name=finch', 400, 'modifier-refused'],
    ['Patient?_has:Condition:patient:code=75544000', 501, 'not-supported'],
    ['Condition?patient=walter-finch&_count=0', 400, 'bad-parameter'],
    ['Condition?patient=walter-finch&_count=ten', 400, 'bad-parameter'],
    ['Condition?patient=walter-finch&_sort=nonsense', 400, 'bad-parameter'],
    ['Condition?patient=walter-finch&_include=*', 400, 'bad-parameter'],
    ['Condition?patient=walter-finch&_include=Condition:nonsense', 400, 'bad-parameter'],
    ['Condition?onset-date=yesterday', 400, 'bad-parameter'],
    ['Condition?patient=walter-finch&code=%00', 400, 'bad-parameter'],
    ['Condition?patient=walter-finch&code=%C0%AF', 400, 'bad-parameter'],
    ['Condition?patient=walter-finch&code', 400, 'bad-parameter'],
    ['Condition?patient=walter-finch;code=1', 400, 'bad-request'],
    [`Condition?${Array.from({ length: 60 }, () => 'a=1').join('&')}`, 400, 'bad-request'],
    [`Condition?code=${'a'.repeat(9000)}`, 400, 'bad-request'],
    ['Condition/../Patient', 400, 'bad-request'],
    ['Condition/%2e%2e/Patient', 400, 'bad-request'],
    ['Condition//', 400, 'bad-request'],
    ['Condition?_format=xml', 406, 'not-acceptable'],
    ['Condition?_page=abc', 410, 'page-expired'],
    ['Wizard?patient=walter-finch', 404, 'unknown-type'],
    ['AuditEvent', 501, 'not-supported'],
    ['Patient/walter-finch/$everything', 501, 'not-supported'],
    ['Condition/_history', 501, 'not-supported'],
    ['Patient/walter-finch/_history', 501, 'not-supported'],
    ['$export', 501, 'not-supported'],
    ['?_type=Condition', 501, 'not-supported'],
    ['Condition?patient=walter-finch&_query=x', 501, 'not-supported'],
    ['Condition?patient=walter-finch&_filter=x', 501, 'not-supported'],
  ])('GET %s', async (query, status, code) => {
    const before = questions()
    const reply = await site.ask('GET', query.startsWith('?') ? `/fhir${query}` : `/fhir/${query}`, HOSPITAL)
    expectRefusal(site, reply, status, code)
    expect(questions()).toEqual(before)
  })

  const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }
  test.each<[string, string, string, Record<string, string>, string, number, string]>([
    [
      'a form of another type',
      'POST',
      'Condition/_search',
      { 'Content-Type': 'application/json' },
      '{}',
      415,
      'unsupported-media-type',
    ],
    [
      'a compressed form',
      'POST',
      'Condition/_search',
      { ...FORM, 'Content-Encoding': 'gzip' },
      'a=b',
      415,
      'unsupported-media-type',
    ],
    [
      'a parameter in form and URL',
      'POST',
      'Condition/_search?patient=walter-finch',
      FORM,
      'patient=elena-marsh',
      400,
      'bad-request',
    ],
    ['a body on a read', 'GET', 'Condition/aaaa', FORM, 'a=b', 400, 'bad-request'],
    [
      'a create',
      'POST',
      'Condition',
      { 'Content-Type': 'application/fhir+json' },
      '{}',
      501,
      'not-supported',
    ],
    [
      'an update',
      'PUT',
      'Condition/aaaa',
      { 'Content-Type': 'application/fhir+json' },
      '{}',
      501,
      'not-supported',
    ],
    ['a delete', 'DELETE', 'Condition/aaaa', {}, '', 501, 'not-supported'],
    ['a batch', 'POST', '', { 'Content-Type': 'application/fhir+json' }, '{}', 501, 'not-supported'],
    [
      'a method override',
      'GET',
      'Condition/aaaa',
      { 'X-HTTP-Method-Override': 'DELETE' },
      '',
      400,
      'bad-header',
    ],
    ['a range', 'GET', 'Condition/aaaa', { Range: 'bytes=0-1' }, '', 400, 'bad-header'],
    ['XML only', 'GET', 'Condition/aaaa', { Accept: 'application/fhir+xml' }, '', 406, 'not-acceptable'],
  ])('%s', async (_, method, path, headers, body, status, code) => {
    expectRefusal(
      site,
      await site.ask(method, `/fhir/${path}`.replace(/\/$/, ''), HOSPITAL, headers, body),
      status,
      code,
    )
  })

  test('a page link of somebody else is as good as none', async () => {
    const first = await site.get(`${QUERY}&_count=2`, HOSPITAL)
    const { link } = JSON.parse(first.text) as { link: { relation: string; url: string }[] }
    const next = link.find(({ relation }) => relation === 'next')?.url ?? ''
    expectRefusal(site, await site.get(next, PLAN), 410, 'page-expired')
    expectRefusal(site, await site.get(`${next.slice(0, -2)}AA`, HOSPITAL), 410, 'page-expired')
    expect(matchesOf(await site.get(next, HOSPITAL)).length).toBe(2)
  })
})

describe('bytes on a socket', () => {
  let port: number
  let token: string
  beforeAll(async () => {
    port = Number(new URL(await site.serve()).port)
    token = await site.issuer.issueToken(PLAN)
  })

  /** What comes back until the server closes; the connection is given up after three seconds. */
  function say(text: string): Promise<string> {
    return new Promise(resolve => {
      let heard = ''
      const socket = connect(port, '127.0.0.1')
      const timer = setTimeout(() => socket.destroy(), 3000)
      socket.on('data', chunk => {
        heard += chunk.toString('utf8')
      })
      socket.on('error', () => undefined)
      socket.on('close', () => {
        clearTimeout(timer)
        resolve(heard)
      })
      socket.write(text.replaceAll('<token>', token))
    })
  }

  function repliesOf(heard: string): Reply[] {
    return heard
      .split(/(?=HTTP\/1\.1 \d{3} )/)
      .filter(part => part !== '')
      .map(part => {
        const [head = '', text = ''] = part.split('\r\n\r\n', 2)
        const [status = '', ...lines] = head.split('\r\n')
        const headers = Object.fromEntries(lines.map(line => line.split(': ', 2) as [string, string]))
        return { status: Number(status.split(' ')[1]), headers, text }
      })
  }

  const GET = 'GET /fhir/Patient/walter-finch HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer <token>\r\n'

  test.each<[string, string, number, string]>([
    ['headers past the limit', `${GET}X-Long: ${'a'.repeat(20_000)}\r\n\r\n`, 400, 'bad-header'],
    [
      'a length beside chunks',
      `POST /fhir/Patient/_search HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer <token>\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
      'bad-request',
    ],
    [
      'two lengths',
      `POST /fhir/Patient/_search HTTP/1.1\r\nHost: gw\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\na=bc`,
      400,
      'bad-request',
    ],
    [
      'an absolute target elsewhere',
      `GET http://evil.example/fhir/Patient/walter-finch HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer <token>\r\nConnection: close\r\n\r\n`,
      400,
      'bad-request',
    ],
    [
      'an asterisk',
      `OPTIONS * HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer <token>\r\nConnection: close\r\n\r\n`,
      501,
      'not-supported',
    ],
    ['two hosts', `${GET}Host: other\r\nConnection: close\r\n\r\n`, 400, 'bad-header'],
    ['two tokens', `${GET}Authorization: Bearer x\r\nConnection: close\r\n\r\n`, 401, 'token-invalid'],
    ['an unknown expectation', `${GET}Expect: miracles\r\nConnection: close\r\n\r\n`, 400, 'bad-header'],
    ['a switch of protocols', `${GET}Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`, 400, 'bad-header'],
    [
      'a trace',
      `TRACE /fhir/Patient HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer <token>\r\nConnection: close\r\n\r\n`,
      501,
      'not-supported',
    ],
    ['a folded header', `${GET}X-A: b\r\n c\r\n\r\n`, 400, 'bad-request'],
    ['bare line feeds', 'GET /fhir/Patient HTTP/1.1\nHost: gw\n\n', 400, 'bad-request'],
    ['no HTTP at all', 'hello\r\n\r\n', 400, 'bad-request'],
    [
      'a body past the limit',
      `POST /fhir/Patient/_search HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer <token>\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 2000000\r\n\r\n${'a'.repeat(2_000_000)}`,
      413,
      'too-large',
    ],
  ])('%s: refused, recorded, closed', async (_, text, status, code) => {
    const [reply, ...more] = repliesOf(await say(text))
    if (reply === undefined) throw new Error('no answer')
    expect(more).toEqual([])
    expectRefusal(site, reply, status, code)
  })

  test('pipelined requests are answered in order, each for itself', async () => {
    const heard = await say(
      `${GET}\r\nGET /fhir/Patient/elena-marsh HTTP/1.1\r\nHost: gw\r\n\r\n${GET}Connection: close\r\n\r\n`,
    )
    const replies = repliesOf(heard)
    expect(replies.map(({ status }) => status)).toEqual([200, 401, 200])
    expect(JSON.parse(replies[0]?.text ?? '{}')).toMatchObject({ id: 'walter-finch' })
    expectRefusal(site, replies[1] as Reply, 401, 'login-required')
    const ids = replies.map(({ headers }) => headers['X-Request-Id'] ?? '')
    expect(new Set(ids).size).toBe(3)
    for (const id of ids) expect(readExchange(site.ledgerFile, id).length).toBeGreaterThan(1)
  })

  test('rubbish after a request takes no place of its answer', async () => {
    const replies = repliesOf(await say(`${GET}\r\nrubbish\r\n\r\n`))
    for (const reply of replies) {
      if (reply.status === 200) expect(JSON.parse(reply.text)).toMatchObject({ id: 'walter-finch' })
      else expect(reply.status).toBe(400)
    }
  })

  test('and the gateway goes on', async () => {
    const [reply] = repliesOf(await say(`${GET}Connection: close\r\n\r\n`))
    expect(reply?.status).toBe(200)
  })
})
