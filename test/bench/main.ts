/**
 * `npm run bench`: throughput of the gateway with everything on, as ratios against bare http-proxy-middleware pass-through
 * of the same answers from the same upstream, each on one core, in one run. Also labelling speed and event-loop delay.
 */
import { type ChildProcess, execFileSync, fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { consentSpeed } from './consent.ts'
import { labellingSpeed } from './labelling.ts'
import { type LoadResult, load } from './load.ts'

const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 5)
// Enough that a core is busy while others wait for the disk: throughput is compared, not latency.
const CONNECTIONS = Number(process.env['BENCH_CONNECTIONS'] ?? 64)
const FOLDER = 'var/bench'

interface Started {
  readonly child: ChildProcess
  readonly port: number
  readonly token?: string
}

/** Starts a process pinned to one core and waits for the port it tells. */
async function start(file: string, args: readonly string[], core: number): Promise<Started> {
  const child = fork(new URL(file, import.meta.url), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  if (child.pid !== undefined) pin(child.pid, core)
  const [message] = (await once(child, 'message')) as [{ port: number; token?: string }]
  if (child.pid !== undefined) pin(child.pid, core)
  return { child, ...message }
}

const canPin = spawnSync('taskset', ['--version']).status === 0

function pin(pid: number, core: number): void {
  if (canPin) execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' })
}

interface Case {
  readonly title: string
  readonly target: string
  readonly path: (nth: number) => string
}

let serial = 0
const coldId = (): string => `b${String(++serial).padStart(8, '0')}-1`
const search = (count: number, more = ''): string =>
  `/fhir/Observation?patient=bench-patient&_count=${count}${more}`

const CASES: readonly Case[] = [
  { title: 'single read, warm', target: '≥ 0.40', path: () => '/fhir/Observation/b00000000-1' },
  { title: 'single read, cold', target: '', path: () => `/fhir/Observation/${coldId()}` },
  { title: '20-entry page, warm', target: '', path: () => search(20) },
  { title: '20-entry page, cold', target: '', path: () => search(20, '&code=cold') },
  { title: '100-entry page, warm', target: '≥ 0.50', path: () => search(100) },
  { title: '100-entry page, cold', target: '≥ 0.25', path: () => search(100, '&code=cold') },
]

async function measure(started: Started, one: Case, durationMs: number): Promise<LoadResult> {
  const result = await load({
    port: started.port,
    path: one.path,
    connections: CONNECTIONS,
    durationMs,
    ...(started.token === undefined ? {} : { token: started.token }),
  })
  const wrong = Object.entries(result.statuses).filter(([status]) => status !== '200')
  if (wrong.length > 0) throw new Error(`${one.title}: not every answer was 200: ${JSON.stringify(wrong)}`)
  return result
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

/**
 * Takes turns, a second each, after a warm-up: what else the machine does meets all alike. Rates are medians, the ratio
 * is the median of the ratios of neighbouring turns.
 */
async function compare(
  one: Case,
  servers: readonly Started[],
): Promise<{ rates: number[]; ratio: number; ours: LoadResult }> {
  for (const server of servers) await measure(server, one, 1500)
  const turns: LoadResult[][] = []
  for (let turn = 0; turn < SECONDS; turn++) {
    const results: LoadResult[] = []
    for (const server of servers) results.push(await measure(server, one, 1000))
    turns.push(results)
  }
  const rates = servers.map((_, index) => median(turns.map(results => results[index]?.perSecond ?? 0)))
  const ratio = median(turns.map(([base, ours]) => (ours?.perSecond ?? 0) / (base?.perSecond ?? 1)))
  const ours = turns.at(-1)?.[1]
  if (ours === undefined) throw new Error('nothing was measured')
  return { rates, ratio, ours }
}

async function eventLoopDelay(started: Started, one: Case): Promise<{ p50Ms: number; p99Ms: number }> {
  started.child.send('reset')
  await measure(started, one, 3000)
  started.child.send('delay')
  const [message] = (await once(started.child, 'message')) as [{ p50Ms: number; p99Ms: number }]
  return message
}

/** nginx in front of the same upstream on one core, where it is installed. */
async function startNginx(upstreamPort: number): Promise<Started | undefined> {
  if (spawnSync('nginx', ['-v']).status !== 0) return undefined
  const port = 18_999
  const file = `${process.cwd()}/${FOLDER}-nginx.conf`
  mkdirSync('var', { recursive: true })
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${file}.pid; error_log /dev/null;
events { worker_connections 256; }
http { access_log off; keepalive_requests 1000000000; upstream u { server 127.0.0.1:${upstreamPort}; keepalive 32; keepalive_requests 1000000000; }
server { listen 127.0.0.1:${port}; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`,
  )
  const child = spawn('nginx', ['-c', file], { stdio: 'ignore' })
  await new Promise(resolve => setTimeout(resolve, 700))
  const workers = spawnSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n')
  for (const pid of workers.filter(Boolean)) pin(Number(pid), 0)
  return { child, port }
}

const row = (...cells: readonly (string | number)[]): void =>
  console.log(cells.map((cell, index) => String(cell).padEnd(index === 0 ? 24 : 15)).join(''))

function labelling(): void {
  const { fresh, seen, of } = labellingSpeed()
  const told = ({ resources, megabytes }: typeof fresh): string =>
    `${resources.toFixed(0)} resources/s, ${megabytes.toFixed(0)} MB/s`
  console.log(
    `labelling of ${of} on one core: never seen ${told(fresh)} (target ≥ 10000 resources/s); ` +
      `seen before, hash included ${told(seen)} (target ≥ 200 MB/s)`,
  )
}

function consent(): void {
  const { known, fresh, permitted } = consentSpeed()
  console.log(
    `ten Consents of ten provisions on one core, compiled once: ${known.toFixed(0)} decisions/s (target ≥ 200000), ` +
      `on records never met ${fresh.toFixed(0)}; ${(permitted * 100).toFixed(0)} % permitted`,
  )
}

async function main(): Promise<void> {
  if (process.env['BENCH_CASE'] === 'label') {
    labelling()
    return
  }
  if (process.env['BENCH_CASE'] === 'consent') {
    consent()
    return
  }
  const upstream = await start('./upstream.ts', [], 1)
  const url = `http://127.0.0.1:${upstream.port}`
  const shipping = process.argv.includes('--ship') ? 'ship' : 'no-ship'
  const gateway = await start('./gateway.ts', [url, FOLDER, shipping], 0)
  const plain = await start('./pass-through.ts', [url], 0)
  const nginx = process.env['BENCH_NGINX'] === 'off' ? undefined : await startNginx(upstream.port)
  console.log(
    `one core each${canPin ? '' : ' (taskset is absent: not pinned)'}, ${CONNECTIONS} connections, ${SECONDS} turns of a second, shipping ${shipping === 'ship' ? 'on' : 'off'}`,
  )
  row(
    'case',
    'pass-through/s',
    'gateway/s',
    'ratio',
    'target',
    'p50/p99 ms',
    'bytes',
    ...(nginx === undefined ? [] : ['nginx/s']),
  )
  const only = new RegExp(process.env['BENCH_CASE'] ?? '')
  for (const one of CASES.filter(({ title }) => only.test(title))) {
    const servers = [plain, gateway, ...(nginx === undefined ? [] : [nginx])]
    const { rates, ratio, ours } = await compare(one, servers)
    const [base, own, other] = rates.map(rate => rate.toFixed(0))
    const times = `${ours.p50Ms.toFixed(1)}/${ours.p99Ms.toFixed(1)}`
    row(
      one.title,
      base ?? '',
      own ?? '',
      ratio.toFixed(2),
      one.target,
      times,
      ours.bytesPerAnswer.toFixed(0),
      other ?? '',
    )
  }
  const pageCase = CASES.find(({ title }) => title === '100-entry page, warm')
  if (pageCase !== undefined) {
    const delay = await eventLoopDelay(gateway, pageCase)
    console.log(
      `event-loop delay under 100-entry pages: p50 ${delay.p50Ms.toFixed(1)} ms, p99 ${delay.p99Ms.toFixed(1)} ms`,
    )
  }
  for (const { child } of [gateway, plain, upstream, ...(nginx === undefined ? [] : [nginx])]) child.kill()
  labelling()
  consent()
  rmSync(FOLDER, { recursive: true, force: true })
}

await main()
