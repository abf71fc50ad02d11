import { Buffer } from 'node:buffer'
import { connect, type Socket } from 'node:net'

export interface LoadResult {
  readonly perSecond: number
  readonly bytesPerAnswer: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly statuses: Readonly<Record<string, number>>
}

export interface LoadOptions {
  readonly port: number
  /** Path of the nth request. */
  readonly path: (nth: number) => string
  readonly token?: string
  readonly connections: number
  readonly durationMs: number
}

/**
 * Closed-loop load over keep-alive connections on loopback: the next request goes out when the answer is whole. Plain
 * sockets, so that the client costs next to nothing beside what is measured.
 */
export async function load(options: LoadOptions): Promise<LoadResult> {
  const until = performance.now() + options.durationMs
  const latencies: number[] = []
  const statuses: Record<string, number> = {}
  let bytes = 0
  let nth = 0
  const started = performance.now()
  await Promise.all(
    Array.from({ length: options.connections }, () =>
      oneConnection(
        options,
        until,
        () => nth++,
        answer => {
          latencies.push(answer.ms)
          bytes += answer.bytes
          statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
        },
      ),
    ),
  )
  const seconds = (performance.now() - started) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0
  return {
    perSecond: latencies.length / seconds,
    bytesPerAnswer: bytes / latencies.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    statuses,
  }
}

interface Answered {
  readonly ms: number
  readonly bytes: number
  readonly status: string
}

function oneConnection(
  options: LoadOptions,
  until: number,
  next: () => number,
  done: (answer: Answered) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(options.port, '127.0.0.1')
    socket.setNoDelay(true)
    let sentAt = 0
    let missing = -1
    let size = 0
    let status = ''
    let head = Buffer.alloc(0)
    const send = (): void => {
      if (performance.now() > until) {
        socket.end()
        resolve()
        return
      }
      sentAt = performance.now()
      missing = -1
      head = Buffer.alloc(0)
      const authorization = options.token === undefined ? '' : `Authorization: Bearer ${options.token}\r\n`
      socket.write(
        `GET ${options.path(next())} HTTP/1.1\r\nHost: gateway.bench\r\nAccept: application/fhir+json\r\n${authorization}\r\n`,
      )
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed a kept-alive connection')))
    socket.on('data', chunk => {
      if (missing < 0) {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        const text = head.toString('latin1', 0, end)
        size = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN)
        if (Number.isNaN(size))
          return reject(new Error(`an answer without content-length: ${text.slice(0, 80)}`))
        status = text.slice(9, 12)
        missing = size - (head.length - end - 4)
      } else missing -= chunk.length
      if (missing > 0) return
      done({ ms: performance.now() - sentAt, bytes: size, status })
      send()
    })
  })
}
