/** The static upstream of the benchmark, a process of its own: `node upstream.ts`. Tells its port to the parent. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fixtures } from './fixtures.ts'

const lookups = new Map<string, Buffer>()
let answers: ReturnType<typeof fixtures>

const server = createServer((request, response) => {
  const url = request.url ?? ''
  if (request.method !== 'GET') {
    request.resume()
    request.on('end', () =>
      response
        .writeHead(200, { 'content-type': 'application/fhir+json' })
        .end('{"resourceType":"Bundle","type":"batch-response"}'),
    )
    return
  }
  const body = bodyOf(url)
  response.writeHead(body === undefined ? 404 : 200, {
    'content-type': 'application/fhir+json',
    'content-length': body?.length ?? 0,
  })
  response.end(body)
})

function bodyOf(url: string): Buffer | undefined {
  const [, type = '', id] = /^\/fhir\/([A-Za-z]+)(?:\/([^?]+))?/.exec(url) ?? []
  if (type === 'metadata') return answers.metadata
  if (type !== 'Observation') {
    const known = lookups.get(url)
    if (known !== undefined) return known
    const answer = answers.lookup(type, new URL(url, 'http://x').searchParams.get('_id')?.split(','))
    lookups.set(url, answer)
    return answer
  }
  if (id !== undefined) return answers.single(id)
  const size = /[?&]_count=(\d+)/.exec(url)?.[1] ?? '20'
  const page = answers.pages[Number(size) > 50 ? 100 : 20]
  return url.includes('code=cold') ? page.cold() : page.warm
}

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  answers = fixtures(`http://127.0.0.1:${port}/fhir`)
  process.send?.({ port })
})
process.on('disconnect', () => process.exit(0))
