import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { spokenInTags, stripTags } from '../../src/label/markup.ts'
import { rtfText } from '../../src/label/rtf.ts'
import { parseXml, XmlError } from '../../src/label/xml.ts'
import { ALCOHOL, clinicalDocument, problem, section } from './cda-kit.ts'
import { attached } from './document-kit.ts'
import { AT, labeller, raw } from './house.ts'

const LABELLER = labeller()

function codes(contentType: string | undefined, content: string | Buffer): readonly string[] {
  const facts = LABELLER.assess(raw(attached(contentType, content)))
  return [...LABELLER.label(facts, () => 'absent', { at: AT }).codes]
}

const SAYS = 'Assessment: alcohol dependence.'
const SUD = expect.arrayContaining(['SUD'])
const UNREAD = ['UNASSESSED']

const rtf = (text: string): string =>
  `{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Alcohol dependence;}}{\\*\\generator Alcohol dependence;}\\pard ${text}\\par}`

const fhir = (text: string): object => ({
  resourceType: 'Bundle',
  type: 'collection',
  entry: [{ resource: { resourceType: 'Condition', id: 'c', code: { text } } }],
})

describe('an attachment is read as what it is', () => {
  it.each([
    ['text', 'text/plain', SAYS],
    ['text in UTF-16', 'text/plain', Buffer.from(`\ufeff${SAYS}`, 'utf16le')],
    ['text in an old encoding', 'text/plain', Buffer.from(`M\u00e4rz: ${SAYS}`, 'latin1')],
    [
      'text in a declared encoding',
      'text/plain; charset=iso-8859-1',
      Buffer.from(`M\u00e4rz: ${SAYS}`, 'latin1'),
    ],
    ['markdown', 'text/markdown', `# Note\n\n**${SAYS}**`],
    ['text that is declared to be something else', 'application/msword', SAYS],
    ['text of no declared type', undefined, SAYS],
    ['HTML', 'text/html', '<p>Assessment: alco<b>hol</b> dependence.</p>'],
    ['HTML that is declared text', 'text/plain', '<!DOCTYPE html><p>Assessment: alco<b>hol</b> dependence.'],
    ['what HTML says of a picture', 'text/html', '<p>Note</p><img alt="alcohol dependence" src="a.png">'],
    ['a comment in HTML', 'text/html', '<p>Note<!-- alcohol dependence --></p>'],
    [
      'XHTML',
      'application/xhtml+xml',
      '<html xmlns="http://www.w3.org/1999/xhtml"><body>alco<i>hol</i> dependence</body></html>',
    ],
    ['FHIR as JSON', 'application/fhir+json', JSON.stringify(fhir('Alcohol dependence'))],
    ['FHIR that is declared text', 'text/plain', JSON.stringify(fhir('Alcohol dependence'))],
    [
      'a code in FHIR',
      'application/fhir+json',
      JSON.stringify({
        resourceType: 'Condition',
        code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F10.20' }] },
      }),
    ],
    ['a note within FHIR', 'application/fhir+json', JSON.stringify(attached('text/plain', SAYS))],
    ['other JSON', 'application/json', '{"note": "alcohol dependence"}'],
    ['a note in braces', 'text/plain', '{alcohol dependence'],
    [
      'FHIR as XML',
      'application/fhir+xml',
      '<Condition xmlns="http://hl7.org/fhir"><code><text value="Alcohol dependence"/></code></Condition>',
    ],
    [
      'a code in FHIR as XML',
      'application/fhir+xml',
      '<Condition xmlns="http://hl7.org/fhir"><code><coding><system value="http://hl7.org/fhir/sid/icd-10-cm"/><code value="F10.20"/></coding></code></Condition>',
    ],
    ['other XML', 'text/xml', '<note kind="alcohol dependence"/>'],
    ['RTF', 'application/rtf', rtf(SAYS)],
    ['RTF that is declared text', 'text/plain', rtf(SAYS)],
    ['RTF in signs of its own', 'text/rtf', rtf("\\'61lcoh\\u111?l d{\\b epend}ence")],
    ['a note on RTF', 'text/rtf', rtf('Note{\\*\\annotation alcohol dependence}')],
  ])('%s', (_, contentType, content) => {
    expect(codes(contentType, content)).toEqual(SUD)
  })

  it.each([
    ['text/plain', 'Assessment: gout.'],
    ['text/html', '<p>gout</p><img alt="a foot" src="a.png">'],
    ['application/fhir+json', JSON.stringify(fhir('Gout'))],
    [
      'application/fhir+xml',
      '<Condition xmlns="http://hl7.org/fhir"><code><text value="Gout"/></code></Condition>',
    ],
    ['application/rtf', rtf('gout')],
    ['text/plain', ''],
  ])('and says nothing where nothing is said: %s', (contentType, content) => {
    expect(codes(contentType, content)).toEqual([])
  })

  it('a clinical document within FHIR speaks for the whole, for it has no place there that could be cut', () => {
    const inner = attached('text/xml', clinicalDocument(section('Problems', '', problem(...ALCOHOL))))
    expect(codes('application/fhir+json', JSON.stringify(inner))).toEqual(SUD)
  })
})

describe('an attachment that cannot be read is not assessable', () => {
  const image = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 1, 2, 3])
  it.each([
    ['a picture', 'image/png', image],
    ['a picture that is declared text', 'text/plain', image],
    ['a few letters that are declared a picture', 'image/png', 'x'],
    [
      'a word processor file',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      Buffer.from('PK\x03\x04word'),
    ],
    ['a word processor file that is declared text', 'text/plain', Buffer.from('PK\x03\x04word')],
    ['compressed text', 'text/plain', gzipSync(SAYS)],
    ['PostScript', 'text/plain', '%!PS (gout) show'],
    ['an unknown encoding', 'text/plain; charset=utf-7', 'gout'],
    [
      'a mail with encoded parts',
      'message/rfc822',
      'Subject: note\nContent-Transfer-Encoding: base64\n\nYWxjb2hvbA==',
    ],
    [
      'a message that carries a document',
      'text/plain',
      `MSH|^~\\&|A\rOBX|1|ED|^^PDF^Base64^${'JVBERi0xLjQK'.repeat(50)}`,
    ],
    [
      'HTML that is a picture',
      'text/html',
      '<html><body><img src="data:image/png;base64,AAAA"></body></html>',
    ],
    ['XML with a document type', 'text/xml', '<!DOCTYPE a [<!ENTITY b "alcohol">]><a>&b;</a>'],
    ['XML that is not well-formed', 'text/xml', '<a><b></a>'],
    ['FHIR that is not well-formed', 'application/fhir+json', '{"resourceType":'],
    [
      'FHIR that says two things',
      'application/fhir+json',
      '{"resourceType":"Basic","resourceType":"Condition"}',
    ],
    ['RTF that is a picture', 'text/rtf', '{\\rtf1{\\pict\\pngblip 89504e470d0a1a0a}}'],
    ['RTF that embeds a document', 'text/rtf', rtf('gout{\\object{\\*\\objdata 0105}}')],
    ['FHIR within FHIR within FHIR and so on', 'application/fhir+json', JSON.stringify(nested(6))],
  ])('%s', (_, contentType, content) => {
    expect(codes(contentType, content)).toEqual(UNREAD)
  })

  it('whatever its base64 is', () => {
    for (const data of ['not base64 ***', 'YWxj-b2hv_', 'YQ=a', '%59%57']) {
      const resource = attached('text/plain', '') as { content: { attachment: { data: string } }[] }
      for (const { attachment } of resource.content) attachment.data = data
      const facts = LABELLER.assess(raw(resource))
      expect([...LABELLER.label(facts, () => 'absent', { at: AT }).codes]).toEqual(UNREAD)
    }
  })
})

function nested(levels: number): object {
  return levels === 0
    ? { resourceType: 'Basic', id: 'b' }
    : attached('application/fhir+json', JSON.stringify(nested(levels - 1)))
}

describe('markup', () => {
  it('loses its tags in linear time, whatever is left open', () => {
    expect(stripTags('a < b')).toBe('a < b')
    expect(stripTags('CD4 < 200 and > 100')).toBe('CD4 < 200 and > 100')
    expect(stripTags('<a'.repeat(200_000))).toHaveLength(400_000)
    expect(stripTags('<p>HI<b>V</b> &amp; more</p>').trim()).toBe('HIV & more')
  })

  it('tells what stands in tags and is text', () => {
    expect(spokenInTags('<img title="a &amp; b" src="c"><!-- d --><input value=\'e\'>')).toEqual([
      'a & b',
      ' d --',
      'e',
    ])
  })
})

describe('XML', () => {
  it('is a tree with places', () => {
    const text =
      '\ufeff<?xml version="1.0"?><!-- <a> --><x:a b="1" x:b="2">ä<![CDATA[<c>]]><c/>&amp;<?p q?></x:a>'
    const { root, around } = parseXml(text)
    expect(around).toMatchObject([{ kind: 'comment', text: ' <a> ' }])
    expect(root).toMatchObject({ name: 'a', attributes: { b: '1' } })
    expect(root.children.map(({ start, end }) => text.slice(start, end))).toEqual([
      'ä',
      '<![CDATA[<c>]]>',
      '<c/>',
      '&amp;',
      '<?p q?>',
    ])
    expect(text.slice(...root.inner)).toBe('ä<![CDATA[<c>]]><c/>&amp;<?p q?>')
    expect(text.slice(root.start, root.end)).toBe(text.slice(text.indexOf('<x:a')))
  })

  it('is refused where it could mean anything', () => {
    for (const bad of ['', 'a', '<a>', '<a></b>', '<a/><b/>', '<a b=1/>', '<!DOCTYPE a><a/>', '<a>&b;</a>'])
      expect(() => parseXml(bad), bad).toThrow(XmlError)
  })
})

describe('RTF', () => {
  const text = (source: string): string | undefined => rtfText(Buffer.from(source, 'latin1'))?.trim()

  it('is the text a person reads', () => {
    expect(text('{\\rtf1\\ansi a\\b b\\b0  c\\par d\\line e\\tab f\\~g\\_h}')).toBe('ab c\n\nd\ne f g-h')
    expect(text("{\\rtf1\\ansicpg1251 \\'c0\\'e1}")).toBe('Аб')
    expect(text('{\\rtf1\\uc2 \\u8364??x{\\uc0\\u228 y}\\u-4051??z}')).toBe('€xäy\uf02dz')
    expect(text('{\\rtf1 a\\bin3 }}}b\\{c\\}\\\\}')).toBe('ab{c}\\')
    expect(text('{\\rtf1{\\fonttbl x}{\\stylesheet x}{\\info{\\title t}}{\\header h}{\\footnote f}b}')).toBe(
      't\n\nh\n\nfb',
    )
  })

  it('ends somehow, whatever is left open', () => {
    expect(text('{\\rtf1 a')).toBe('a')
    expect(text('{\\rtf1 a}}}} b\\')).toBe('a b')
    expect(text("{\\rtf1 a\\'z")).toBe('a')
    expect(text(`{\\rtf1 ${'{'.repeat(10_000)}a`)).toBeUndefined()
  })
})
