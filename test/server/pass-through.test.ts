import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/server/app.ts'

const heard: string[] = []
const login = createServer((asked, answer) => {
  heard.push(asked.url ?? '')
  answer.end('login page')
})
let door: Server

const listening = (server: Server): Promise<number> =>
  new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))

beforeAll(async () => {
  const port = await listening(login)
  const refused = { status: 503, headers: {}, body: '' }
  door = createServer(
    createApp({
      basePath: '/fhir',
      exchange: async () => refused,
      consult: async () => refused,
      overload: () => refused,
      ready: async () => true,
      requestBodyBytes: 1000,
      requestsInFlight: 10,
      passThrough: [{ path: '/auth', url: `http://127.0.0.1:${port}` }],
    }),
  )
  await listening(door)
})
afterAll(() => {
  door.close()
  login.close()
})

/** Sends the target as it is written; no client library may tidy it up. */
const ask = (path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const { port } = door.address() as AddressInfo
    request({ port, host: '127.0.0.1', path, agent: false }, reply => {
      reply.resume()
      resolve(reply.statusCode ?? 0)
    })
      .on('error', reject)
      .end()
  })

test('a configured path is passed through', async () => {
  expect(await ask('/auth/login?next=/../x')).toBe(200)
  expect(heard).toEqual(['/login?next=/../x'])
})

test.each([
  '/auth/../fhir/Patient',
  '/auth/x/%2e%2e/fhir',
  '/auth/..%2ffhir',
  '/auth//fhir',
  '/auth/.%5c../fhir',
  '/auth/%252e%252e/fhir',
  '/auth/..',
])('nothing climbs out of it: %s', async target => {
  heard.length = 0
  expect(await ask(target)).toBe(404)
  expect(heard).toEqual([])
})
