/** The gateway of the benchmark with everything on: verification, consents, decisions, durable record, shipping. */
import { mkdirSync, rmSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { loadSite } from '../../src/commands/site.ts'
import { startDemoIssuer } from '../../src/demo/issuer.ts'
import { openHouse } from '../../src/house.ts'
import { listen } from '../../src/server/listen.ts'

const [upstream = '', folder = '', shipping = ''] = process.argv.slice(2)
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const baseUrl = 'http://gateway.bench/fhir'
const registry = loadSite(undefined)
const issuer = await startDemoIssuer({ demo: true, clients: registry.clients, audience: baseUrl })
const configuration = loadSite(undefined, {
  server: { baseUrl },
  upstream: { url: `${upstream}/fhir` },
  issuers: [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri }],
  ledger: { file: `${folder}/ledger.sqlite`, ...(shipping === 'ship' ? {} : { repository: 'none' }) },
})
const house = await openHouse(configuration)
const listening = await listen(house.app, {
  host: '127.0.0.1',
  port: 0,
  headerBytes: 16_384,
  exchange: house.exchange,
})
const token = await issuer.issueToken({
  client: 'treating-hospital',
  user: 'PractitionerRole/priya-lindqvist-role',
  lifetimeSeconds: 3000,
})
const delay = monitorEventLoopDelay({ resolution: 1 })
process.on('message', message => {
  if (message === 'reset') {
    delay.reset()
    delay.enable()
  }
  if (message === 'delay')
    process.send?.({ p50Ms: delay.percentile(50) / 1e6, p99Ms: delay.percentile(99) / 1e6 })
})
process.on('disconnect', () => process.exit(0))
process.send?.({ port: listening.port, token })
