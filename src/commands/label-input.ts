import { Buffer } from 'node:buffer'
import { createReadStream, statSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { placeOfFault } from '../data/json-text.ts'
import type { JsonValue } from '../model/fhir.ts'
import { StrictJsonError, strictParse } from '../model/strict-json.ts'
import type { Terminal } from './table.ts'

/** One piece of the input and where it stood (`chart.ndjson:12`); `problem` where it cannot be used. */
export type Piece =
  | { readonly place: string; readonly text: Buffer }
  | { readonly place: string; readonly document: Buffer; readonly contentType: string; readonly id: string }
  | { readonly place: string; readonly problem: string }

/** Deepest nesting of JSON, a Bundle around a resource included. */
const JSON_DEPTH = 110
const NEWLINE = 10
const BYTE_ORDER_MARK = '\ufeff'
const DECLARED: Readonly<Record<string, string>> = {
  '.pdf': 'application/pdf',
  '.rtf': 'application/rtf',
  '.txt': 'text/plain',
  '.text': 'text/plain',
  '.htm': 'text/html',
  '.html': 'text/html',
  '.xml': 'application/xml',
  '.cda': 'application/hl7-cda+xml',
  '.ccda': 'application/hl7-cda+xml',
  '.ccd': 'application/hl7-cda+xml',
}
const NDJSON = new Set(['.ndjson', '.jsonl'])

/** An input that can be gone through twice, so that what is read first need not be kept. */
export interface Source {
  readonly name: string
  readonly chunks: () => AsyncIterable<Uint8Array>
}

/**
 * The named files, standard input where none is named or for `-`. A regular file is read from disk each time it is gone
 * through; anything else can be read once only and is kept as it came.
 */
export function sourcesOf(files: readonly string[], terminal: Terminal): readonly Source[] {
  return (files.length === 0 ? ['-'] : files).map(file => {
    if (file !== '-' && isRegular(file)) return { name: file, chunks: () => createReadStream(file) }
    const kept: Uint8Array[] = []
    let isRead = false
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      if (isRead) return yield* kept
      for await (const chunk of file === '-' ? terminal.input : createReadStream(file)) {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
        kept.push(bytes)
        yield bytes
      }
      isRead = true
    }
    return { name: file === '-' ? 'standard input' : file, chunks }
  })
}

function isRegular(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false
}

/**
 * Pieces of one source: each line of NDJSON, a JSON document, or a document of another kind (C-CDA, text, RTF, PDF).
 * Never throws: a source that cannot be read ends with a problem.
 * @param contentType what the source is said to hold; absent: told by its name and how it begins
 */
export async function* piecesOf(source: Source, contentType?: string): AsyncGenerator<Piece> {
  const { name } = source
  try {
    const declared = contentType ?? DECLARED[extname(name).toLowerCase()]
    const opened = await begin(source.chunks())
    const type = declared ?? begins(opened.head)
    if (type === undefined || /json/i.test(type)) yield* jsonPieces(name, opened.all)
    else yield* documentPiece(name, type, opened.all)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error'
    yield { place: name, problem: `${name}: cannot be read (${code})` }
  }
}

interface Opened {
  /** The first kilobyte as far as one chunk goes. */
  readonly head: string
  readonly all: AsyncIterable<Uint8Array>
}

async function begin(chunks: AsyncIterable<Uint8Array>): Promise<Opened> {
  const iterator = chunks[Symbol.asyncIterator]()
  const first = await iterator.next()
  const head = first.done === true ? '' : Buffer.from(first.value).toString('latin1', 0, 1024)
  const all = async function* (): AsyncGenerator<Uint8Array> {
    if (first.done === true) return
    yield first.value
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
  }
  return { head, all: all() }
}

/** What a source without a telling name holds, by its first bytes; undefined where it may be JSON. */
function begins(head: string): string | undefined {
  const start = head.replace(/^\xef\xbb\xbf/, '').trimStart()
  if (start.startsWith('%PDF-')) return 'application/pdf'
  if (start.startsWith('{\\rtf')) return 'application/rtf'
  if (!start.startsWith('<')) return undefined
  if (/^<!doctype html|^<html/i.test(start)) return 'text/html'
  return /<(?:\w+:)?ClinicalDocument\b/.test(start) ? 'application/hl7-cda+xml' : 'application/xml'
}

async function* documentPiece(
  name: string,
  contentType: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Piece> {
  const document = Buffer.concat(await Array.fromAsync(chunks))
  const id =
    basename(name, extname(name))
      .replace(/[^A-Za-z0-9.-]+/g, '-')
      .slice(0, 64) || 'document'
  yield { place: name, document, contentType, id }
}

/** NDJSON as it comes in; a document over many lines as a whole. */
async function* jsonPieces(name: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Piece> {
  const lines: Buffer[] = []
  let isLines: boolean | undefined = NDJSON.has(extname(name).toLowerCase()) ? true : undefined
  let number = 0
  for await (const line of linesOf(chunks)) {
    number++
    if (isLines === undefined && !isBlank(line)) isLines = looksWhole(line)
    if (isLines !== true) lines.push(line)
    else if (!isBlank(line)) yield { place: `${name}:${number}`, text: withoutMark(line) }
  }
  if (lines.every(isBlank)) return
  // A first line that is broken hides that the others are one resource each.
  if (lines.slice(1).some(line => looksWhole(line) && line.includes('"resourceType"')))
    for (const [n, line] of lines.entries()) {
      if (!isBlank(line)) yield { place: `${name}:${n + 1}`, text: withoutMark(line) }
    }
  else yield { place: name, text: withoutMark(Buffer.concat(lines.flatMap(line => [line, LINE_END]))) }
}

const LINE_END = Buffer.from([NEWLINE])

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let pieces: Buffer[] = []
  for await (const chunk of chunks) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    let start = 0
    for (let end = buffer.indexOf(NEWLINE); end >= 0; end = buffer.indexOf(NEWLINE, start)) {
      yield Buffer.concat([...pieces, buffer.subarray(start, end)])
      pieces = []
      start = end + 1
    }
    pieces.push(buffer.subarray(start))
  }
  yield Buffer.concat(pieces)
}

function isBlank(line: Buffer): boolean {
  return line.length < 64 && line.toString('latin1').trim() === ''
}

/** A line that begins and ends like one JSON value. */
function looksWhole(line: Buffer): boolean {
  const start = line.subarray(0, 64).toString().replace(BYTE_ORDER_MARK, '').trimStart()
  const end = line.subarray(-64).toString('latin1').trimEnd()
  return (start.startsWith('{') && end.endsWith('}')) || (start.startsWith('[') && end.endsWith(']'))
}

function withoutMark(text: Buffer): Buffer {
  return text.subarray(0, 3).toString() === BYTE_ORDER_MARK ? text.subarray(3) : text
}

/** The value of a piece of JSON, or what is wrong with it and where; content is never quoted. */
export function jsonOf(
  place: string,
  text: Buffer,
): { readonly value: JsonValue } | { readonly problem: string } {
  try {
    return { value: strictParse(text, { jsonDepth: JSON_DEPTH }) }
  } catch (error) {
    if (!(error instanceof StrictJsonError)) throw error
    return { problem: `${place}: ${expectation(error, text.toString())}` }
  }
}

function expectation({ problem, offset }: StrictJsonError, text: string): string {
  if (problem === 'not-utf8') return 'expected UTF-8'
  if (problem === 'too-deep') return `expected at most ${JSON_DEPTH} levels of nesting (byte ${offset})`
  if (problem === 'duplicate-key') return `expected each member of an object once (byte ${offset})`
  if (problem !== 'not-json') return `expected plain member names (byte ${offset})`
  try {
    JSON.parse(text)
    return 'expected JSON'
  } catch (error) {
    const at = placeOfFault(text, error)
    const place = text.includes('\n') ? at : at.replace('line 1, ', '')
    return `expected JSON${place === '' ? '' : `, stopped at ${place}`}`
  }
}
