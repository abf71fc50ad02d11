import { hash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseLossless, stringifyLossless } from '../../src/model/lossless-json.ts'
import { cutDocuments, removalsOf } from '../../src/segment/documents.ts'
import type { MutableObject } from '../../src/segment/redact.ts'

const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64')

function documentReference(data: string, more: object = {}): MutableObject {
  return {
    resourceType: 'DocumentReference',
    content: [
      { attachment: { contentType: 'text/xml' } },
      { attachment: { contentType: 'text/xml', data, ...more } },
    ],
  }
}

function textAt(resource: MutableObject): { text: string; attachment: MutableObject } {
  const content = resource['content'] as { attachment: MutableObject }[]
  const attachment = content[1]?.attachment ?? {}
  return { text: Buffer.from(String(attachment['data']), 'base64').toString(), attachment }
}

describe('a document that is cut', () => {
  it('loses these bytes and no other, and its size and hash are those of what is left', () => {
    const resource = documentReference(base64('<a>secret ä<b/></a>'), {
      size: 20,
      hash: hash('sha1', '<a>secret ä<b/></a>', 'base64'),
    })
    cutDocuments(resource, ['content[1].attachment.data@3-12'])
    const { text, attachment } = textAt(resource)
    expect(text).toBe('<a><b/></a>')
    expect(attachment['size']).toBe(11)
    expect(attachment['hash']).toBe(hash('sha1', '<a><b/></a>', 'base64'))
  })

  it('says nothing of size and hash where nothing was said', () => {
    const resource = documentReference(base64('<a>secret</a>'))
    cutDocuments(resource, ['content[1].attachment.data@3-9'])
    expect(Object.keys(textAt(resource).attachment)).toEqual(['contentType', 'data'])
  })

  it('has a size that was written oddly corrected all the same', () => {
    const text = `{"content":[{},{"attachment":{"data":"${base64('abcdef')}","size":6.0}}]}`
    const resource = parseLossless(text) as unknown as MutableObject
    cutDocuments(resource, ['content[1].attachment.data@0-2'])
    expect(stringifyLossless(resource as never)).toContain('"size":4')
  })

  it.each([
    'content[2].attachment.data@0-1',
    'content[0].attachment.data@0-1',
    'content[1].attachment.data@0-99',
    'content[1].attachment.data@4-2',
    'content[1].attachment.data@2-4,3-5',
    'content[1].attachment.data@a',
    'content[1].attachment.data@',
    'data@0-1',
  ])('is not cut at all where the cut cannot be made: %s', cut => {
    expect(() => cutDocuments(documentReference(base64('abcdef')), [cut])).toThrow()
  })

  it('is the same as its bytes outside the ranges, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.array(fc.nat(60), { maxLength: 8 }),
        (bytes, places) => {
          const edges = [...new Set(places.map(place => Math.min(place, bytes.length)))].sort((a, b) => a - b)
          const ranges = edges.flatMap((start, n) =>
            n % 2 === 0 && edges[n + 1] !== undefined ? [[start, edges[n + 1] ?? 0] as const] : [],
          )
          fc.pre(ranges.length > 0)
          const resource: MutableObject = { resourceType: 'Binary', data: base64(bytes) }
          cutDocuments(resource, [`data@${ranges.map(([a, b]) => `${a}-${b}`).join(',')}`])
          const left = bytes.filter((_, at) => !ranges.some(([start, end]) => at >= start && at < end))
          expect(resource['data']).toBe(base64(left))
        },
      ),
    )
  })
})

it('cuts are told from paths that go whole', () => {
  expect(removalsOf(['a.b', 'data@0-1'])).toEqual({ paths: ['a.b'], cuts: ['data@0-1'] })
  const paths = ['a.b']
  expect(removalsOf(paths).paths).toBe(paths)
})

describe('the narrative beside a document that is cut', () => {
  const cut = (text: unknown): MutableObject => {
    const resource = { ...documentReference(base64('<a>secret</a>')), text }
    cutDocuments(resource, ['content[1].attachment.data@3-9'])
    expect(textAt(resource).text).toBe('<a></a>')
    return resource
  }

  it('goes, for it may repeat what was cut', () => {
    expect(cut({ status: 'generated', div: '<div>secret</div>' })).not.toHaveProperty('text')
  })

  it('is none where it holds no words', () => {
    expect(cut({ status: 'empty' })['text']).toEqual({ status: 'empty' })
    expect(cut(null)['text']).toBeNull()
  })
})

describe('a cut inside what is no part', () => {
  it('is an error and no cut', () => {
    const resource = { ...documentReference(base64('<a>secret</a>')), gone: null }
    for (const path of ['content[1].attachment.contentType.data', 'gone.data', 'gone.more.data'])
      expect(() => cutDocuments(resource, [`${path}@0-1`])).toThrow('a document to cut is not there')
    expect(textAt(resource).text).toBe('<a>secret</a>')
  })
})
