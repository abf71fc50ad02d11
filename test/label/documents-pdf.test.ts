import { deflateSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { createDocumentReader } from '../../src/label/document-reader.ts'
import { createLabeller } from '../../src/label/labeller.ts'
import type { ResourceFacts } from '../../src/model/label.ts'
import { attached, page, pdf, picture, shows, stream, textPdf } from './document-kit.ts'
import { AT, RULES, raw, site } from './house.ts'

const reader = createDocumentReader()
const labeller = createLabeller(RULES, site(), { cacheBytes: 50_000_000, jsonDepth: 64 }, reader)
afterAll(() => labeller.close())

async function read(content: Buffer, contentType = 'application/pdf', id = 'note'): Promise<ResourceFacts> {
  return labeller.read(labeller.assess(raw(attached(contentType, content, id))))
}

function codes(facts: ResourceFacts): readonly string[] {
  return [...labeller.label(facts, () => 'absent', { at: AT }).codes]
}

const LONG = Array.from(
  { length: 12 },
  (_, n) => `The patient came on day ${n} and was well in every respect.`,
)

describe('a PDF', () => {
  it('waits for its reader and counts as unreadable until it has been read', async () => {
    const facts = labeller.assess(raw(attached('application/pdf', textPdf('Opioid dependence'), 'waits')))
    expect(facts.pending).toMatchObject([{ path: 'content[0].attachment', contentType: 'application/pdf' }])
    expect(codes(facts)).toEqual(['UNASSESSED'])
    const whole = await labeller.read(facts)
    expect(whole.pending).toBeUndefined()
    expect(codes(whole)).toContain('SUD')
    expect(whole.labels.find(({ code }) => code === 'SUD')?.path).toBe('content[0].attachment')
    expect(labeller.assess({ bytes: facts.bytes, hash: facts.hash })).toBe(whole)
    expect(await labeller.read(facts)).toBe(whole)
    expect(await labeller.read(whole)).toBe(whole)
  })

  it('that says nothing sensitive is an ordinary document', async () => {
    expect(codes(await read(textPdf('Seasonal allergies, cetirizine as needed.')))).toEqual([])
  })

  it('is read by its bytes, whatever it is declared to be', async () => {
    for (const type of ['application/octet-stream', 'image/png', 'text/plain', 'application/xml'])
      expect(codes(await read(textPdf('Opioid dependence'), type))).toContain('SUD')
  })

  it('is read from compressed pages, form fields, notes, outline and title', async () => {
    const compressed = stream(deflateSync(shows(['Opioid dependence'])), '/Filter/FlateDecode')
    expect(codes(await read(pdf(page(compressed))))).toContain('SUD')
    const content = stream(shows(LONG))
    const field = '<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(Opioid dependence)/Rect[0 0 9 9]/P 3 0 R>>'
    const note = '<</Type/Annot/Subtype/Text/Contents(Opioid dependence)/Rect[0 0 9 9]>>'
    for (const annotation of [field, note])
      expect(codes(await read(pdf(page(content, undefined, `/Annots[${annotation}]`))))).toContain('SUD')
    const titled = pdf([...page(content), '<</Title(Opioid dependence)>>'], '/Info 6 0 R')
    expect(codes(await read(titled))).toContain('SUD')
    expect(codes(await read(pdf(page(content))))).toEqual([])
  })

  it('that shows a picture and says next to nothing is not assessable', async () => {
    const scan = picture(1000, 1200)
    const placed = 'q 612 0 0 792 0 0 cm /Im1 Do Q'
    expect(codes(await read(pdf(page(stream(placed), scan))))).toEqual(['UNASSESSED'])
    const stamped = `${placed}\n${shows(['Page 1 of 1'])}`
    expect(codes(await read(pdf(page(stream(stamped), scan))))).toEqual(['UNASSESSED'])
    const recognised = `${placed}\n${shows(LONG)}`
    expect(codes(await read(pdf(page(stream(recognised), scan))))).toEqual([])
    const logo = `q 50 0 0 50 0 0 cm /Im1 Do Q\n${shows(['Seasonal allergies'])}`
    expect(codes(await read(pdf(page(stream(logo), picture(60, 60)))))).toEqual([])
  })

  it('without text, with letters drawn as shapes or in signs of its own is not assessable', async () => {
    const shapes = '10 10 m 20 20 l S '.repeat(50)
    const shifted = LONG.map(line =>
      line.replace(/[a-z]/gi, letter => 'bcdfghjklmnpqrstvwxz'[letter.charCodeAt(0) % 20] ?? 'x'),
    )
    for (const content of ['', shapes, shows(shifted)])
      expect(codes(await read(pdf(page(stream(content)))))).toEqual(['UNASSESSED'])
  })

  it('that embeds a file is not assessable', async () => {
    const file = stream('Opioid dependence', '/Type/EmbeddedFile')
    const objects = page(stream(shows(LONG)))
    objects[0] =
      '<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a.txt)<</Type/Filespec/F(a.txt)/EF<</F 6 0 R>>>>]>>>>>>'
    expect(codes(await read(pdf([...objects, file])))).toEqual(['UNASSESSED'])
  })

  it('that needs a password is not assessable', async () => {
    const key = '<28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A>'
    const encrypt = `<</Filter/Standard/V 1/R 2/O ${key}/U ${key}/P -4>>`
    const objects = [...page(stream(shows(LONG))), encrypt]
    expect(codes(await read(pdf(objects, '/Encrypt 6 0 R/ID[<00><00>]')))).toEqual(['UNASSESSED'])
  })
})

describe('the reader of documents', () => {
  const base64 = (bytes: Buffer) => ({
    path: 'a',
    contentType: 'application/pdf',
    data: bytes.toString('base64'),
  })

  it('ends what takes too long or too much, and reads the next document', async () => {
    const small = createDocumentReader({ timeoutMs: 1_500, pages: 20 })
    try {
      const zeros = deflateSync(Buffer.alloc(200_000_000, 32), { level: 9 })
      const bomb = pdf(page(stream(deflateSync(zeros), '/Filter[/FlateDecode/FlateDecode]')))
      const loop = page(stream(shows(LONG)))
      loop[1] = '<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2000000000>>'
      const before = process.memoryUsage.rss()
      const start = performance.now()
      expect(await small.read(base64(bomb))).toBe('unreadable')
      expect(await small.read(base64(pdf(loop)))).toBe('unreadable')
      expect(await small.read(base64(Buffer.from('%PDF-1.4\nxref\n0 99999999\n')))).toBe('unreadable')
      expect(await small.read(base64(pdf(page(stream('q '.repeat(5_000_000))))))).toBe('unreadable')
      expect(performance.now() - start).toBeLessThan(20_000)
      expect(process.memoryUsage.rss() - before).toBeLessThan(1_500_000_000)
      expect(await small.read(base64(textPdf('Opioid dependence')))).toMatchObject({
        text: expect.stringContaining('Opioid dependence'),
      })
    } finally {
      await small.close()
    }
  })

  it('reads no document that is too large, and none with too many pages', async () => {
    const small = createDocumentReader({ bytes: 1_000, pages: 1 })
    try {
      expect(await small.read(base64(Buffer.concat([textPdf('a'), Buffer.alloc(1_000)])))).toBe('unreadable')
      const two = page(stream(shows(['Opioid dependence'])))
      two[1] = '<</Type/Pages/Kids[3 0 R 3 0 R]/Count 2>>'
      expect(await small.read(base64(pdf(two)))).toBe('unreadable')
    } finally {
      await small.close()
    }
  })

  it('says that nobody tried where it is closed: such a record is not assessable, and tried again', async () => {
    const closed = createDocumentReader()
    await closed.close()
    expect(await closed.read(base64(textPdf('a')))).toBe('unavailable')
    const other = createLabeller(RULES, site(), { cacheBytes: 50_000_000, jsonDepth: 64 }, closed)
    const facts = other.assess(raw(attached('application/pdf', textPdf('Opioid dependence'))))
    const unread = await other.read(facts)
    expect(unread).toMatchObject({ notAssessable: 'a document could not be read in time' })
    expect(other.label(unread, () => 'absent', { at: AT }).notAssessable).toBeDefined()
    expect(other.assess(raw(attached('application/pdf', textPdf('Opioid dependence'))))).toBe(facts)
    expect(facts.pending).toHaveLength(1)
  })
})
