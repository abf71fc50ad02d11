import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib'
import type { Limits } from '../model/configuration.ts'
import { invalid } from './refusals.ts'

/** Bytes of a body as they came, not yet joined: a repeated page is recognised without joining them. */
export interface Body {
  readonly chunks: readonly Buffer[]
  readonly length: number
}

export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  br: promisify(brotliDecompress),
  deflate: promisify(inflate),
  'raw deflate': promisify(inflateRaw),
} as const

const JSON_TYPE = /^application\/(?:fhir\+json|json)$/

/**
 * Refuses whatever does not declare itself FHIR JSON in UTF-8. https://hl7.org/fhir/R4/http.html#mime-type
 * @throws Refusal `upstream-invalid`
 */
export function checkContentType(headers: AnswerHeaders): void {
  const value = headers['content-type']
  if (typeof value !== 'string') throw invalid('content type: exactly one expected')
  const [type = '', ...parameters] = value.split(';').map(part => part.trim().toLowerCase())
  if (!JSON_TYPE.test(type)) throw invalid('content type: application/fhir+json expected')
  for (const parameter of parameters) {
    if (!parameter.startsWith('charset')) continue
    if (!/^charset="?utf-?8"?$/.test(parameter)) throw invalid('charset: utf-8 expected')
  }
}

/**
 * Undoes the content encoding within limits: never more than `upstreamBodyBytes` out, nor more than `compressionRatio`
 * bytes out for one in.
 * @throws Refusal `upstream-invalid` where the encoding is unknown, broken, or grows past a limit
 */
export async function decodeBody(
  body: Body,
  headers: AnswerHeaders,
  limits: Pick<Limits, 'upstreamBodyBytes' | 'compressionRatio'>,
): Promise<Body> {
  const encoding = encodingOf(headers)
  if (encoding === 'identity') return body
  const packed = joined(body)
  const decoder = decoders[encoding === 'deflate' && !hasZlibHeader(packed) ? 'raw deflate' : encoding]
  const maxOutputLength = Math.max(
    1,
    Math.min(limits.upstreamBodyBytes, packed.length * limits.compressionRatio),
  )
  try {
    const bytes = await decoder(packed, { maxOutputLength })
    return { chunks: [bytes], length: bytes.length }
  } catch (error) {
    const tooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw invalid(tooLarge ? 'body grows past the limit when decompressed' : 'body: compression is broken')
  }
}

function encodingOf(headers: AnswerHeaders): 'identity' | 'gzip' | 'x-gzip' | 'br' | 'deflate' {
  const value = headers['content-encoding'] ?? 'identity'
  const encoding = typeof value === 'string' ? value.trim().toLowerCase() : ''
  switch (encoding) {
    case 'identity':
    case 'gzip':
    case 'x-gzip':
    case 'br':
    case 'deflate':
      return encoding
    default:
      throw invalid('content encoding: one of gzip, br, deflate expected')
  }
}

/** `deflate` means the zlib format (RFC 9110 8.4.1.2); some servers send the raw one. Told apart by RFC 1950 2.2. */
function hasZlibHeader(bytes: Buffer): boolean {
  const [method = 0, flags = 0] = bytes
  return (method & 0x0f) === 8 && (method * 256 + flags) % 31 === 0
}

/** One buffer; no copy where there is one chunk. */
export function joined(body: Body): Buffer {
  const [first] = body.chunks
  return body.chunks.length === 1 && first !== undefined ? first : Buffer.concat(body.chunks, body.length)
}

/** Whether a body has exactly these bytes. */
export function sameBytes(body: Body, bytes: Buffer): boolean {
  if (body.length !== bytes.length) return false
  let at = 0
  for (const chunk of body.chunks) {
    if (bytes.compare(chunk, 0, chunk.length, at, at + chunk.length) !== 0) return false
    at += chunk.length
  }
  return true
}
