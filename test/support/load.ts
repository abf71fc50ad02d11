import { createHash } from 'node:crypto'
import { Agent, type IncomingMessage, request } from 'node:http'

/** One request of the load. */
export interface Question {
  readonly path: string
  readonly token: string
  /** Body of a POST search. */
  readonly form?: string
  /** Pause between two reads of the body, ms: a slow client. */
  readonly readEveryMs?: number
}

/** What a client holds of an answer, however much of it came. */
export interface Heard {
  readonly question: Question
  readonly status: number
  readonly exchange: string | undefined
  /** Content-Length as announced. */
  readonly announced: number
  readonly bytes: number
  readonly complete: boolean
  /** SHA-256 of what came, hex. */
  readonly sha256: string
  readonly text: string
}

export interface Load {
  /** Answers of which at least the headers came. */
  readonly heard: Heard[]
  /** Requests that ended without any answer. */
  readonly unanswered: () => number
  /** Starts no more requests; resolves when those in flight have ended. */
  readonly stop: () => Promise<void>
}

/** Clients that ask in parallel, each its next question as soon as the last one was answered. */
export function startLoad(port: number, clients: number, ask: () => Question): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: clients })
  const heard: Heard[] = []
  let unanswered = 0
  let stopped = false
  const client = async (): Promise<void> => {
    while (!stopped) {
      const answer = await askOnce({ agent, port, hurry: () => stopped }, ask())
      if (answer === undefined) unanswered++
      else heard.push(answer)
    }
  }
  const running = Promise.all(Array.from({ length: clients }, client))
  return {
    heard,
    unanswered: () => unanswered,
    stop: async () => {
      stopped = true
      await running
      agent.destroy()
    },
  }
}

interface Client {
  readonly agent: Agent
  readonly port: number
  /** Whether a slow client may stop being slow. */
  readonly hurry: () => boolean
}

function askOnce({ agent, port, hurry }: Client, question: Question): Promise<Heard | undefined> {
  const { path, token, form } = question
  return new Promise(resolve => {
    const asking = request({
      agent,
      host: '127.0.0.1',
      port,
      path,
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        ...(form === undefined
          ? {}
          : {
              'Content-Type': 'application/x-www-form-urlencoded',
              'Content-Length': String(Buffer.byteLength(form)),
            }),
      },
    })
    asking.on('error', () => resolve(undefined))
    asking.on('response', response => listen(response, question, hurry, resolve))
    asking.end(form)
  })
}

function listen(
  response: IncomingMessage,
  question: Question,
  hurry: () => boolean,
  resolve: (heard: Heard) => void,
): void {
  const chunks: Buffer[] = []
  const { readEveryMs } = question
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    if (readEveryMs === undefined) return
    response.pause()
    setTimeout(() => response.resume(), hurry() ? 0 : readEveryMs)
  })
  response.on('error', () => undefined)
  response.on('close', () => {
    const body = Buffer.concat(chunks)
    resolve({
      question,
      status: response.statusCode ?? 0,
      exchange: response.headers['x-request-id'] as string | undefined,
      announced: Number(response.headers['content-length'] ?? Number.NaN),
      bytes: body.length,
      complete: response.complete,
      sha256: createHash('sha256').update(body).digest('hex'),
      text: body.toString('utf8'),
    })
  })
}
