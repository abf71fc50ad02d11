import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Resource } from '../model/fhir.ts'

/** Bundle arithmetic: a searchset made of finished entry bytes. Nothing in it is counted from what was withheld. */

export interface BundleEntry {
  /** `{"fullUrl":…,"resource":` as bytes. */
  readonly head: Uint8Array
  readonly resource: Uint8Array
  readonly mode: 'match' | 'include' | 'outcome'
}

export interface BundleHead {
  readonly meta?: object
  readonly self: string
  readonly next?: string
  /** Only where the whole visible set is in this answer. */
  readonly total?: number
}

const MODE_TAIL = {
  match: Buffer.from(',"search":{"mode":"match"}}'),
  include: Buffer.from(',"search":{"mode":"include"}}'),
  outcome: Buffer.from(',"search":{"mode":"outcome"}}'),
} as const
const COMMA = Buffer.from(',')
const END = Buffer.from(']}')
const EMPTY_END = Buffer.from('}')

/** A finished body and its SHA-256, hex. */
export interface Assembled {
  readonly body: Uint8Array
  readonly digest: string
}

interface Kept extends Assembled {
  readonly parts: readonly Uint8Array[]
}

/**
 * Serialises searchsets (http://hl7.org/fhir/R4/search.html#return) by copying entry bytes. A page of the very same
 * parts is not copied and hashed again: parts are compared by identity, so nothing but equal bytes can be reused.
 * @param cacheBytes bound of the pages kept
 */
export function createAssembler(
  cacheBytes: number,
): (head: BundleHead, entries: readonly BundleEntry[]) => Assembled {
  const pages = new LRUCache<string, Kept>({
    maxSize: cacheBytes,
    sizeCalculation: ({ body, parts }) => body.length + parts.length * 16,
  })
  return (head, entries) => {
    const start = startText(head)
    const parts = partsOf(entries)
    const known = pages.get(start)
    if (known !== undefined && isSame(known.parts, parts)) return known
    const body = Buffer.concat([Buffer.from(entries.length === 0 ? start : `${start},"entry":[`), ...parts])
    const made = { body, digest: hash('sha256', body, 'hex'), parts }
    pages.set(start, made)
    return made
  }
}

function startText(head: BundleHead): string {
  const link = [
    { relation: 'self', url: head.self },
    ...(head.next === undefined ? [] : [{ relation: 'next', url: head.next }]),
  ]
  return JSON.stringify({
    resourceType: 'Bundle',
    ...(head.meta === undefined ? {} : { meta: head.meta }),
    type: 'searchset',
    ...(head.total === undefined ? {} : { total: head.total }),
    link,
  }).slice(0, -1)
}

function partsOf(entries: readonly BundleEntry[]): Uint8Array[] {
  if (entries.length === 0) return [EMPTY_END]
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    if (parts.length > 0) parts.push(COMMA)
    parts.push(entry.head, entry.resource, MODE_TAIL[entry.mode])
  }
  parts.push(END)
  return parts
}

function isSame(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index])
}

/** Start of an entry; one without fullUrl is an outcome. */
export function entryHead(fullUrl: string | undefined): Uint8Array {
  return Buffer.from(
    fullUrl === undefined ? '{"resource":' : `{"fullUrl":${JSON.stringify(fullUrl)},"resource":`,
  )
}

/** An OperationOutcome entry that carries a notice; informational, about the answer as a whole. */
export function noticeOutcome(text: string): Resource {
  return {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'information', code: 'informational', details: { text } }],
  }
}
