import { Buffer } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { parseLossless } from '../model/lossless-json.ts'
import { type Terminal, UsageError } from './table.ts'

/** One JSON value of the input (numbers as model/lossless-json.ts keeps them) and where it stood, for error messages: `file.ndjson:12`. */
export interface InputRecord {
  readonly place: string
  readonly value?: unknown
  /** Set instead of `value` where the text is no JSON. */
  readonly problem?: string
}

/**
 * Reads JSON values: NDJSON (one a line) or one JSON document over many lines, from files or standard input (`-`).
 * A bad line is given as a record with its problem, so that nothing after it is lost.
 * Throws UsageError for a file that cannot be read.
 */
export async function* readRecords(
  files: readonly string[],
  terminal: Terminal,
): AsyncGenerator<InputRecord> {
  for (const file of files.length === 0 ? ['-'] : files) {
    const name = file === '-' ? 'standard input' : file
    const source = file === '-' ? terminal.input : createReadStream(file)
    try {
      yield* recordsOf(name, source)
    } catch (error) {
      throw new UsageError(
        `${name}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      )
    }
  }
}

async function* recordsOf(
  name: string,
  source: AsyncIterable<Uint8Array | string>,
): AsyncGenerator<InputRecord> {
  const document: string[] = []
  let number = 0
  let isNdjson: boolean | undefined
  for await (const line of linesOf(source)) {
    number++
    if (isNdjson === undefined && line.trim() !== '') isNdjson = isJson(line)
    if (isNdjson !== true) document.push(line)
    else if (line.trim() !== '') yield parsed(`${name}:${number}`, line)
  }
  const text = document.join('\n')
  if (text.trim() !== '') yield parsed(name, text)
}

async function* linesOf(source: AsyncIterable<Uint8Array | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let rest = ''
  for await (const chunk of source) {
    rest += decoder.decode(typeof chunk === 'string' ? Buffer.from(chunk) : chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  yield rest + decoder.decode()
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The engine's own message quotes the text, so only the position is told. */
function parsed(place: string, text: string): InputRecord {
  try {
    return { place, value: parseLossless(text) }
  } catch (error) {
    const at = /position (\d+)/.exec((error as Error).message)?.[1]
    return {
      place,
      problem: `${place}: expected JSON${at === undefined ? '' : `, stopped at character ${at}`}`,
    }
  }
}

/** Resources of one input value: a resource itself or the entries of a Bundle. */
export function resourcesIn(value: unknown): Record<string, unknown>[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const resource = value as { resourceType?: unknown; entry?: unknown }
  if (typeof resource.resourceType !== 'string') return undefined
  if (resource.resourceType !== 'Bundle') return [resource as Record<string, unknown>]
  const entries = Array.isArray(resource.entry) ? (resource.entry as { resource?: unknown }[]) : []
  return entries.flatMap(entry => resourcesIn(entry.resource) ?? [])
}
