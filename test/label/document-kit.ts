import { deflateSync } from 'node:zlib'

/** PDFs built in code: no picture of a document is kept. */

export type PdfObject = string | Buffer

/** A PDF 1.4 of these objects; the first is the catalog. */
export function pdf(objects: readonly PdfObject[], trailer = ''): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.4\n')]
  const offsets: number[] = []
  let length = parts[0]?.length ?? 0
  const push = (part: Buffer): void => {
    parts.push(part)
    length += part.length
  }
  for (const [n, object] of objects.entries()) {
    offsets.push(length)
    push(Buffer.from(`${n + 1} 0 obj\n`))
    push(Buffer.from(object))
    push(Buffer.from('\nendobj\n'))
  }
  const start = length
  const rows = offsets.map(offset => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  push(Buffer.from(`xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}`))
  push(
    Buffer.from(`trailer\n<</Size ${objects.length + 1}/Root 1 0 R${trailer}>>\nstartxref\n${start}\n%%EOF`),
  )
  return Buffer.concat(parts)
}

export function stream(content: string | Buffer, dictionary = ''): Buffer {
  const bytes = Buffer.from(content)
  return Buffer.concat([
    Buffer.from(`<<${dictionary}/Length ${bytes.length}>>\nstream\n`),
    bytes,
    Buffer.from('\nendstream'),
  ])
}

/** A content stream that shows these lines. */
export function shows(lines: readonly string[]): string {
  return lines.map((line, n) => `BT /F1 12 Tf 72 ${720 - n * 14} Td (${line}) Tj ET`).join('\n')
}

/** One page with this content stream, a font F1 and, where given, a picture Im1. */
export function page(content: Buffer, picture?: Buffer, more = ''): PdfObject[] {
  const pictures = picture === undefined ? '' : '/XObject<</Im1 6 0 R>>'
  return [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    `<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>${pictures}>>${more}>>`,
    content,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
    ...(picture === undefined ? [] : [picture]),
  ]
}

export function textPdf(...lines: readonly string[]): Buffer {
  return pdf(page(stream(shows(lines))))
}

/** A grey picture of this size, as a scanner makes it. */
export function picture(width: number, height: number): Buffer {
  return stream(
    deflateSync(Buffer.alloc(width * height, 0x80)),
    `/Type/XObject/Subtype/Image/Width ${width}/Height ${height}/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode`,
  )
}

export function attached(contentType: string | undefined, content: string | Buffer, id = 'note'): object {
  return {
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    subject: { reference: 'Patient/p' },
    content: [
      {
        attachment: {
          ...(contentType === undefined ? {} : { contentType }),
          data: Buffer.from(content).toString('base64'),
        },
      },
    ],
  }
}
