import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { clinicalDocument, HYPERTENSION, problem, section } from '../label/cda-kit.ts'
import type { TestSite } from '../support/site.ts'
import { HOSPITAL, observation, of, openChart, SELF } from './chart.ts'

/** Documents that are cut, wherever R4 lets base64 stand: what is left, and what is told by that something is. */

const DOCUMENT = clinicalDocument(
  section(
    'Problems',
    '<paragraph ID="a">opioid dependence</paragraph><paragraph ID="b">high pressure</paragraph>',
    problem('75544000', 'Opioid dependence', 'a') + problem(...HYPERTENSION, 'b'),
  ),
)
const DATA = Buffer.from(DOCUMENT).toString('base64')
const NARRATIVE = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Two problems</div>' }
const attachment = { contentType: 'text/xml', data: DATA }

const decoded = (text: string): string =>
  text.replace(/"(?:data|valueBase64Binary)":"([^"]*)"/g, (_, data) => Buffer.from(data, 'base64').toString())

describe('a clinical document that loses a part', () => {
  let site: TestSite

  beforeAll(async () => {
    site = await openChart([
      observation('in-extension', { extension: [{ url: 'https://x.example/e', valueBase64Binary: DATA }] }),
      of('DocumentReference', 'with-narrative', {
        status: 'current',
        text: NARRATIVE,
        content: [{ attachment }],
      }),
    ])
  })
  afterAll(() => site.close())

  test.each(['Observation/in-extension', 'DocumentReference/with-narrative'])('%s', async path => {
    const own = await site.get(path, SELF)
    expect(decoded(own.text)).toMatch(/opioid dependence.*high pressure/s)
    const reply = await site.get(path, HOSPITAL)
    expect(reply.status).toBe(200)
    expect(decoded(reply.text)).toContain('high pressure')
    expect(decoded(reply.text)).not.toMatch(/opioid|75544000/i)
  })

  test('breaks no list it stands in', async () => {
    const reply = await site.get('Observation?patient=ada', HOSPITAL)
    expect(reply.status).toBe(200)
    expect(reply.text).toContain('Observation/plain')
    expect(decoded(reply.text)).not.toMatch(/opioid|75544000/i)
  })

  test('leaves without a narrative that may count what was in it', async () => {
    expect((await site.get('DocumentReference/with-narrative', SELF)).text).toContain('Two problems')
    expect((await site.get('DocumentReference/with-narrative', HOSPITAL)).text).not.toContain('Two problems')
  })
})
