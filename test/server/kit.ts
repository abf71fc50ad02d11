import { connect } from 'node:net'
import type { HttpRequest, HttpResponse } from '../../src/model/exchange.ts'
import { type AppOptions, createApp } from '../../src/server/app.ts'
import { type Listening, listen } from '../../src/server/listen.ts'

/** A door with nothing behind it but what a test puts there. */
export interface Door extends Listening {
  readonly seen: HttpRequest[]
}

export const ANSWER: HttpResponse = { status: 200, headers: { 'X-From': 'exchange' }, body: 'answer' }

export async function openDoor(
  change: Partial<AppOptions> & { headerBytes?: number; host?: string; port?: number } = {},
): Promise<Door> {
  const seen: HttpRequest[] = []
  const answer = change.exchange ?? (async () => ANSWER)
  const exchange: AppOptions['exchange'] = async request => {
    seen.push(request)
    return answer(request)
  }
  const app = createApp({
    basePath: '/fhir',
    overload: () => ({ status: 503, headers: {}, body: 'full' }),
    ready: async () => true,
    consult: async () => ({ status: 200, headers: {}, body: 'card' }),
    requestBodyBytes: 1000,
    requestsInFlight: 10,
    passThrough: [],
    ...change,
    exchange,
  })
  const listening = await listen(app, {
    host: change.host ?? '127.0.0.1',
    port: change.port ?? 0,
    headerBytes: change.headerBytes ?? 4096,
    exchange,
  })
  return { ...listening, seen }
}

/** Writes bytes to a door and reads until it closes the connection. */
export function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.on('data', chunk => {
      answer += chunk.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}
