import { Buffer } from 'node:buffer'
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

/** Serialises a searchset. http://hl7.org/fhir/R4/search.html#return; entries are copied as bytes. */
export function searchset(head: BundleHead, entries: readonly BundleEntry[]): Uint8Array {
  const link = [
    { relation: 'self', url: head.self },
    ...(head.next === undefined ? [] : [{ relation: 'next', url: head.next }]),
  ]
  const start = JSON.stringify({
    resourceType: 'Bundle',
    ...(head.meta === undefined ? {} : { meta: head.meta }),
    type: 'searchset',
    ...(head.total === undefined ? {} : { total: head.total }),
    link,
  }).slice(0, -1)
  if (entries.length === 0) return Buffer.concat([Buffer.from(start), EMPTY_END])
  const parts: Uint8Array[] = [Buffer.from(`${start},"entry":[`)]
  for (const entry of entries) {
    if (parts.length > 1) parts.push(COMMA)
    parts.push(entry.head, entry.resource, MODE_TAIL[entry.mode])
  }
  parts.push(END)
  return Buffer.concat(parts)
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
