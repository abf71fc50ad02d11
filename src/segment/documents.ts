import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { isRawNumber } from '../model/lossless-json.ts'
import { type MutableObject, pathSteps } from './redact.ts'

/** Cuts in the documents of a resource: `content[0].attachment.data@12-80,100-120`, in decoded bytes, end exclusive. */
export interface Removals {
  /** Paths that go whole. */
  readonly paths: readonly string[]
  readonly cuts: readonly string[]
}

/** Paths that go whole, and documents that lose parts. */
export function removalsOf(hidden: readonly string[]): Removals {
  if (!hidden.some(isCut)) return { paths: hidden, cuts: [] }
  return { paths: hidden.filter(path => !isCut(path)), cuts: hidden.filter(isCut) }
}

const isCut = (path: string): boolean => path.includes('@')

/**
 * Takes ranges of bytes out of documents in base64, in place; `size` and `hash` of the attachment, where they are given,
 * become those of what is left (R4 Attachment: bytes before encoding, SHA-1 as base64). To be done before anything is
 * removed, for that moves indexes. Throws where a cut leads nowhere or lies outside the document (invariant 2).
 */
export function cutDocuments(resource: MutableObject, cuts: readonly string[]): void {
  for (const cut of cuts) {
    const at = cut.lastIndexOf('@')
    const steps = pathSteps(cut.slice(0, at))
    const holder = holderOf(resource, steps)
    const key = String(steps.at(-1))
    const data = holder[key]
    if (typeof data !== 'string') throw new Error('a document to cut is not there')
    const left = without(Buffer.from(data, 'base64'), rangesOf(cut.slice(at + 1)))
    holder[key] = left.toString('base64')
    if (isRawNumber(holder['size']) || typeof holder['size'] === 'number') holder['size'] = left.length
    if (typeof holder['hash'] === 'string') holder['hash'] = hash('sha1', left, 'base64')
  }
  // It may repeat, or count, what was cut.
  const { text } = resource
  if (cuts.length > 0 && typeof text === 'object' && text !== null && 'div' in text) delete resource['text']
}

function holderOf(resource: MutableObject, steps: readonly (string | number)[]): MutableObject {
  let holder: unknown = resource
  for (const step of steps.slice(0, -1)) {
    if (typeof holder !== 'object' || holder === null || !Object.hasOwn(holder, step))
      throw new Error('a document to cut is not there')
    holder = (holder as MutableObject)[step as string]
  }
  if (typeof holder !== 'object' || holder === null) throw new Error('a document to cut is not there')
  return holder as MutableObject
}

function rangesOf(text: string): (readonly [start: number, end: number])[] {
  return text.split(',').map(range => {
    const match = /^(\d+)-(\d+)$/.exec(range)
    if (match === null) throw new Error('a range to cut cannot be read')
    return [Number(match[1]), Number(match[2])]
  })
}

/** The bytes outside the ranges, which are in order and apart. */
function without(bytes: Buffer, ranges: readonly (readonly [start: number, end: number])[]): Buffer {
  const kept: Buffer[] = []
  let at = 0
  for (const [start, end] of ranges) {
    if (start < at || end < start || end > bytes.length) throw new Error('a range to cut lies outside')
    kept.push(bytes.subarray(at, start))
    at = end
  }
  kept.push(bytes.subarray(at))
  return Buffer.concat(kept)
}
