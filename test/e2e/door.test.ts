import request from 'supertest'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { demoResources } from '../../src/demo/resources.ts'
import { openTestSite, type TestSite } from '../support/site.ts'

let site: TestSite

beforeAll(async () => {
  site = await openTestSite({ resources: demoResources() })
})
afterAll(() => site.close())

test('live and ready answer in plain text', async () => {
  const live = await request(site.house.app).get('/health/live')
  expect([live.status, live.text]).toEqual([200, 'live\n'])
  const ready = await request(site.house.app).get('/health/ready')
  expect([ready.status, ready.text]).toEqual([200, `ready\npolicy revision ${site.house.revision}\n`])
})

test('outside the FHIR API there is nothing, and it says nothing', async () => {
  for (const path of ['/', '/fhirx', '/metrics', '/fhir-admin/Patient', '/Patient']) {
    const reply = await request(site.house.app).get(path)
    expect(reply.status, path).toBe(404)
    expect(reply.text).not.toContain('Patient/')
  }
})

test('a request without token is a 401 with a challenge, and no header tells what runs here', async () => {
  const reply = await request(site.house.app).get('/fhir/Patient/walter-finch')
  expect(reply.status).toBe(401)
  expect(reply.headers['www-authenticate']).toContain('Bearer')
  for (const header of ['x-powered-by', 'server', 'etag', 'last-modified'])
    expect(reply.headers[header]).toBeUndefined()
})

test('the same request with a token shows the patient', async () => {
  const token = await site.issuer.issueToken({
    client: 'treating-hospital',
    user: 'PractitionerRole/priya-lindqvist-role',
  })
  const reply = await request(site.house.app)
    .get('/fhir/Patient/walter-finch')
    .set('Authorization', `Bearer ${token}`)
  expect(reply.status).toBe(200)
  expect(reply.headers['content-type']).toBe('application/fhir+json; charset=utf-8')
  expect(reply.headers['cache-control']).toBe('no-store')
  expect(JSON.parse(reply.text)).toMatchObject({ resourceType: 'Patient', id: 'walter-finch' })
})

test('metadata and smart-configuration need no token and name only the gateway', async () => {
  for (const path of ['/fhir/metadata', '/fhir/.well-known/smart-configuration']) {
    const reply = await request(site.house.app).get(path)
    expect(reply.status, path).toBe(200)
    expect(reply.text).not.toContain(new URL(site.upstream.url).host)
  }
})

test('a body above the limit is refused', async () => {
  const reply = await request(site.house.app)
    .post('/fhir/Patient/_search')
    .set('Content-Type', 'application/x-www-form-urlencoded')
    .send(`name=${'x'.repeat(3_000_000)}`)
  expect(reply.status).toBe(413)
})
