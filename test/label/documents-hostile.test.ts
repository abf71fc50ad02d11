import { describe, expect, it } from 'vitest'
import { clinicalDocument, section } from './cda-kit.ts'
import { attached } from './document-kit.ts'
import { AT, labeller, raw } from './house.ts'

/** Documents made to take for ever: each ends as not assessable, or as what it says, in bounded time and memory. */

function judged(
  contentType: string,
  content: string | Buffer,
): { codes: readonly string[]; seconds: number } {
  const own = labeller()
  const resource = raw(attached(contentType, content))
  const start = process.cpuUsage()
  const facts = own.assess(resource)
  const { codes } = own.label(facts, () => 'absent', { at: AT })
  const { user, system } = process.cpuUsage(start)
  return {
    codes: [...codes, ...(facts.notAssessable === undefined ? [] : ['NOT ASSESSABLE'])],
    seconds: (user + system) / 1e6,
  }
}

const DEPTH = 10_000
const deep = (open: string, close: string, inner = ''): string =>
  open.repeat(DEPTH) + inner + close.repeat(DEPTH)

describe('a document that nests 10,000 deep is not assessable', () => {
  it.each([
    ['XML', 'text/xml', deep('<a>', '</a>')],
    [
      'a clinical document',
      'text/xml',
      clinicalDocument(section('Problems', deep('<list><item>', '</item></list>'))),
    ],
    ['sections', 'text/xml', clinicalDocument(deep('<component><section>', '</section></component>'))],
    ['JSON', 'application/json', deep('[', ']')],
    ['FHIR', 'application/fhir+json', `{"resourceType":"Basic","a":${deep('{"a":', '}', '1')}}`],
    ['RTF', 'text/rtf', `{\\rtf1 ${deep('{', '}', 'a')}}`],
  ])('%s', (_, contentType, content) => {
    const { codes, seconds } = judged(contentType, content)
    expect(codes).toEqual(['UNASSESSED'])
    expect(seconds).toBeLessThan(3)
  })

  it('but HTML, which is read without its nesting, says what it says', () => {
    const { codes, seconds } = judged('text/html', deep('<div>', '</div>', 'alcohol dependence'))
    expect(codes).toContain('SUD')
    expect(seconds).toBeLessThan(3)
  })
})

describe('a document that is too large is not assessable', () => {
  it.each(['text/plain', 'text/html', 'text/xml', 'application/rtf', 'application/fhir+json'])(
    '%s',
    contentType => {
      const { codes, seconds } = judged(contentType, 'gout '.repeat(10_000_000))
      expect(codes).toEqual(['UNASSESSED'])
      expect(seconds).toBeLessThan(5)
    },
  )
})

const FULL = 2_900_000
const filled = (text: string): string => text.repeat(Math.floor(FULL / text.length))
const inTable = (rows: string): string =>
  clinicalDocument(section('Problems', `<table><tbody>${rows}</tbody></table>`))

describe('a document that is just small enough is read in bounded time', () => {
  it.each([
    ['open tags', 'text/html', filled('<a')],
    ['open attributes', 'text/html', `<a${filled(' title="')}`],
    ['entities', 'text/html', filled('&#x')],
    ['comments', 'text/html', filled('<!--')],
    ['negations', 'text/plain', filled('no alcohol abuse, ')],
    ['near words', 'text/plain', filled('opioid ')],
    ['groups', 'text/rtf', `{\\rtf1 ${filled('{}')}a}`],
    ['control words', 'text/rtf', `{\\rtf1 ${filled('\\b')}a}`],
    ['elements', 'text/xml', `<a>${filled('<b/>')}</a>`],
    ['attributes', 'text/xml', `<a>${filled('<b c="alcohol abuse"/>')}</a>`],
    ['rows', 'text/xml', inTable(filled('<tr><td>Alcohol dependence</td></tr>'))],
    ['rows that span all', 'text/xml', inTable(filled('<tr><td rowspan="99999">Gout</td></tr>'))],
    ['rows of one id', 'text/xml', inTable(filled('<tr ID="a"><td>Gout</td></tr>'))],
    [
      'lists in lists',
      'text/xml',
      clinicalDocument(
        section('Problems', filled(`${'<list><item>a'.repeat(100)}${'</item></list>'.repeat(100)}`)),
      ),
    ],
    [
      'entries of one narrative',
      'text/xml',
      clinicalDocument(
        section(
          'Problems',
          '<paragraph ID="a">Gout</paragraph>',
          filled(
            '<entry><act><code code="66590003" codeSystem="2.16.840.1.113883.6.96" displayName="Gout"/><text><reference value="#a"/></text></act></entry>',
          ),
        ),
      ),
    ],
    [
      'entries without narrative',
      'text/xml',
      clinicalDocument(
        section(
          'Problems',
          '<paragraph>Gout</paragraph>',
          filled('<entry><act><code code="66590003" codeSystem="2.16.840.1.113883.6.96"/></act></entry>'),
        ),
      ),
    ],
    ['sections', 'text/xml', clinicalDocument(filled(section('Alcohol', 'dependence')))],
  ])('%s', (_, contentType, content) => {
    const { seconds, codes } = judged(contentType, content)
    console.info(`${contentType} ${seconds.toFixed(1)} s ${codes.join()}`)
    expect(seconds).toBeLessThan(15)
  })
})
