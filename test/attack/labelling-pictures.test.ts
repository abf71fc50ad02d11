import { performance } from 'node:perf_hooks'
import { describe, expect, test } from 'vitest'
import { readBytes } from '../../src/label/document-reading.ts'
import { clinicalDocument, section } from '../label/cda-kit.ts'
import { attached } from '../label/document-kit.ts'
import { AT, labeller, raw } from '../label/house.ts'

/** A scanned page with a caption is no text: what it shows was not read, and it says so. */

const { assess, label } = labeller()

function codesOf(resource: unknown): string[] {
  const facts = assess(raw(resource))
  const told = (facts.telling ?? []).flatMap(({ labels }) => labels.map(({ code }) => code))
  const { codes } = label(
    facts,
    () => 'absent',
    { at: AT },
    () => [],
  )
  return [...new Set([...codes, ...told])]
}

const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, n) => (n * 7919) % 251))
const PICTURE = bytes(40_000)
const SIGN = bytes(80)
const CAPTION = 'Scanned page 1'
const LETTER = 'The knee was seen today and it is well. It was cleaned and dressed. '.repeat(5)

const url = (picture: Buffer): string => `data:image/png;base64,${picture.toString('base64')}`
const lines = (text: string): string => text.replace(/.{76}/g, '$&\n')
const pict = (picture: Buffer): string => `{\\pict\\pngblip ${lines(picture.toString('hex'))}}`

type Make = (text: string, picture: Buffer) => string
const FORMS: Readonly<Record<string, readonly [contentType: string, make: Make]>> = {
  HTML: [
    'text/html',
    (text, picture) => `<html><body><p>${text}</p><img src="${url(picture)}"></body></html>`,
  ],
  'HTML that is no XML': ['text/html', (text, picture) => `<p>${text}<br><img src='${url(picture)}'>`],
  'HTML with broken lines': [
    'text/html',
    (text, picture) => `<p>${text}</p><img src="${lines(url(picture))}">`,
  ],
  'HTML in other characters': [
    'text/html',
    (text, picture) => `<p>${text}</p><img src="${url(picture).replace('data', '&#100;ata')}">`,
  ],
  'HTML with styles': [
    'text/html',
    (text, picture) =>
      `<style>p { ${'color: black; '.repeat(40)} }</style><p>${text}</p><img src="${url(picture)}">`,
  ],
  'HTML that draws': [
    'text/html',
    (text, picture) =>
      `<p>${text}</p><svg><path d="${[...picture].map(n => `L${n} ${n}`).join(' ')}"/></svg>`,
  ],
  RTF: ['application/rtf', (text, picture) => `{\\rtf1\\ansi ${text}\\par ${pict(picture)}}`],
  'RTF with a copy': [
    'application/rtf',
    (text, picture) =>
      `{\\rtf1\\ansi ${text}\\par {\\*\\shppict${pict(picture)}}{\\nonshppict${pict(picture)}}}`,
  ],
  'RTF with a copy only': [
    'application/rtf',
    (text, picture) => `{\\rtf1\\ansi ${text}\\par {\\nonshppict${pict(picture)}}}`,
  ],
  'RTF in binary': [
    'application/rtf',
    (text, picture) =>
      `{\\rtf1\\ansi ${text}\\par {\\pict\\bin${picture.length} ${picture.toString('latin1')}}}`,
  ],
  XML: [
    'application/xml',
    (text, picture) =>
      `<page><caption>${text}</caption><image>${lines(picture.toString('base64'))}</image></page>`,
  ],
  'FHIR as XML': [
    'application/fhir+xml',
    (text, picture) =>
      `<Basic xmlns="http://hl7.org/fhir"><text><div xmlns="http://www.w3.org/1999/xhtml"><p>${text}</p><img src="${url(picture)}"/></div></text></Basic>`,
  ],
}

describe.each(Object.entries(FORMS))('a picture in %s', (_form, [type, make]) => {
  const read = (text: string, picture: Buffer): string[] =>
    codesOf(attached(type, Buffer.from(make(text, picture), 'latin1')))

  test('is what a caption stands under', () => {
    expect(read(CAPTION, PICTURE)).toEqual(['UNASSESSED'])
  })

  test('is a sign where it is small', () => {
    expect(read(CAPTION, SIGN)).toEqual([])
  })

  test('stands beside a text that is read', () => {
    expect(read(LETTER, PICTURE)).toEqual([])
    expect(read(`${LETTER} Opioid dependence.`, PICTURE)).toContain('SUD')
  })
})

test('many pages need a text each', () => {
  const page = `<img src="${url(PICTURE)}">`
  expect(codesOf(attached('text/html', `<p>${LETTER}</p>${page}`))).toEqual([])
  expect(codesOf(attached('text/html', `<p>${LETTER}</p>${page.repeat(4)}`))).toEqual(['UNASSESSED'])
})

describe('a narrative', () => {
  const condition = (text: string, picture: Buffer) => ({
    resourceType: 'Condition',
    id: 'c',
    subject: { reference: 'Patient/p' },
    code: { text: 'Knee sprain' },
    text: {
      status: 'additional',
      div: `<div xmlns="http://www.w3.org/1999/xhtml"><p>${text}</p><img src="${url(picture)}"/></div>`,
    },
  })

  test('of FHIR may be a picture', () => {
    expect(codesOf(condition(CAPTION, PICTURE))).toEqual(['UNASSESSED'])
    expect(codesOf(condition(CAPTION, SIGN))).toEqual([])
    expect(codesOf(condition(LETTER, PICTURE))).toEqual([])
  })

  test('of a clinical document may show one', () => {
    const shown = (picture: Buffer): string =>
      clinicalDocument(section('Scan', `<paragraph>${CAPTION}<img src="${url(picture)}"/></paragraph>`))
    expect(codesOf(attached('text/xml', shown(PICTURE)))).toEqual(['UNASSESSED'])
    expect(codesOf(attached('text/xml', shown(SIGN)))).toEqual([])
  })

  test('of a clinical document may point at one', () => {
    const media = (value: string): string =>
      `<entry><observationMedia classCode="OBS" moodCode="EVN" ID="m">${value}</observationMedia></entry>`
    const value = `<value mediaType="image/png" representation="B64">${PICTURE.toString('base64')}</value>`
    const of = (content: string): string =>
      clinicalDocument(section('Scan', `<renderMultiMedia referencedObject="m"/>`, media(content)))
    expect(codesOf(attached('text/xml', of(value)))).toEqual(['UNASSESSED'])
    expect(codesOf(attached('text/xml', of('')))).toEqual([])
  })
})

test('documents made to stop the reader of pictures take little time', () => {
  const hostile = [
    '<img src="'.repeat(50_000),
    `<img src="${'data:image/'.repeat(50_000)}">`,
    '<style>'.repeat(50_000),
    `<p>${'<svg '.repeat(50_000)}`,
    `<p>${'<svg>'.repeat(50_000)}`,
  ]
  for (const markup of hostile) {
    const start = performance.now()
    readBytes('text/html', Buffer.from(markup), { jsonDepth: 64 })
    expect(performance.now() - start).toBeLessThan(3_000)
  }
})
