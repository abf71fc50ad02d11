import { afterAll, beforeAll, expect, test } from 'vitest'
import { directory } from '../../src/demo/patients/directory.ts'
import { REVERSE_EDGES } from '../../src/label/reverse-edges.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { CHART, HOSPITAL, observation, of, SELF } from '../attack/chart.ts'
import { openTestSite, type TestSite } from '../support/site.ts'

/** The embedded server answers every search that follows an edge backwards, and a site may switch all of them on. */

/** `a.b.c` with a reference, or an address, at its end; every backbone a list. */
function pointing(type: string, element: string, target: string): Resource {
  const end: JsonObject = element.endsWith('.url') ? { attachment: { url: target } } : { reference: target }
  const steps = element.replace('.attachment.url', '').split('.')
  const single = ['request', 'claim', 'item', 'reference'].includes(steps.at(-1) ?? '')
  const inner = steps.reduceRight<JsonObject>((value, step, n) => {
    const isList = n < steps.length - 1 || !single
    return { [step]: isList ? [value] : value }
  }, end)
  return of(
    type,
    `to-${target.replace('/', '-').toLowerCase()}-${element.replaceAll('.', '-').toLowerCase()}`,
    inner,
  )
}

const targetOf = (edge: (typeof REVERSE_EDGES)[number]): string => `${edge.targets?.[0] ?? 'Observation'}/aim`

let site: TestSite

beforeAll(async () => {
  site = await openTestSite({
    resources: [
      ...directory(),
      ...CHART,
      observation('aim'),
      observation('bare', { code: { text: 'Interpretation' }, valueString: 'reactive' }),
      of('DiagnosticReport', 'panel', {
        code: { text: 'Opioid dependence panel' },
        result: [{ reference: 'Observation/bare' }],
      }),
      ...REVERSE_EDGES.map(edge => pointing(edge.type, edge.element, targetOf(edge))),
    ],
    overrides: { upstream: { referrers: REVERSE_EDGES.map(({ id }) => id) } },
  })
})
afterAll(() => site.close())

test.each(REVERSE_EDGES.map(edge => [edge.id, edge] as const))('%s is found', async (_, edge) => {
  const target = targetOf(edge)
  const other = target.replace('aim', 'other')
  const { referrers } = site.house.rooms.upstream
  const found = await referrers(edge.type, edge.parameter, [target, other])
  const ids = (reference: string) =>
    found.get(reference)?.map(({ bytes }) => (JSON.parse(Buffer.from(bytes).toString()) as Resource).id)
  expect(ids(target)).toEqual([pointing(edge.type, edge.element, target).id])
  expect(ids(other)).toEqual([])
})

test('a bare result of a hidden panel is withheld, on a page and in a read, and given to whom the panel is given', async () => {
  const page = async (as: typeof HOSPITAL) => (await site.get('Observation?patient=ada&_count=50', as)).text
  expect((await site.get('Observation/plain', HOSPITAL)).status).toBe(200)
  expect((await site.get('DiagnosticReport/panel', HOSPITAL)).status).toBe(404)
  expect((await site.get('Observation/bare', HOSPITAL)).status).toBe(404)
  expect(await page(HOSPITAL)).not.toContain('reactive')
  expect(await page(SELF)).toContain('reactive')
})
