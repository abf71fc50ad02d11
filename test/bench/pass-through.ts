/** The measure of all ratios: bare http-proxy-middleware in front of the same upstream. `node pass-through.ts <url>` */
import { Agent, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createProxyMiddleware } from 'http-proxy-middleware'

const target = process.argv[2] ?? ''
const proxy = createProxyMiddleware({ target, agent: new Agent({ keepAlive: true }) })
const server = createServer((request, response) => void proxy(request, response))
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('disconnect', () => process.exit(0))
