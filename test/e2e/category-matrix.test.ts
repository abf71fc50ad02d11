import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Resource } from '../../src/model/fhir.ts'
import { CATEGORY_SITE, consentsOf, PERMITTED, refusedClient } from '../support/category-site.ts'
import { type ChartSplit, isPatientData, referenceOf, splitChart } from '../support/chart-oracle.ts'
import { type HttpReader, type Leaving, readOver, searchOver } from '../support/leaving.ts'
import { chartNames, haveRealCharts, realChart } from '../support/real-charts.ts'
import { createInProcessSegmenting, segmentByCommand } from '../support/segmenting.ts'
import { openTestSite, type TestSite } from '../support/site.ts'
import { opened, TELL_TALES, type TellTale, tells } from '../support/tell-tale.ts'

interface Chart {
  readonly name: string
  readonly patient: string
  readonly resources: readonly Resource[]
}

/** What leaves over HTTP and by `segment`. */
interface BothWays {
  readonly http: Leaving
  readonly segment: Leaving
}

interface Row {
  readonly category: string
  readonly name: string
  readonly split: ChartSplit
  readonly leaked: number
  readonly flowing: number
  /** Of what refers to something telling: not asked for, printed. */
  readonly around: number
  readonly segmentLeaked: number
  readonly segmentFlowing: number
}

/** Share of what tells nothing that must reach the requester all the same. */
const FLOWING = 0.9
/** Reads of single resources in each cell. */
const READS = 12

const charts: readonly Chart[] = chartNames().map(name => {
  const resources = realChart(name)
  const patient = resources.find(({ resourceType }) => resourceType === 'Patient')
  if (patient === undefined) throw new Error(`no Patient in the chart of ${name}`)
  return { name, patient: referenceOf(patient), resources }
})
const everything = charts.flatMap(({ resources }) => resources)
const types = [...new Set(everything.filter(isPatientData).map(({ resourceType }) => resourceType))]
const rows: Row[] = []
const inProcess = createInProcessSegmenting()
/** Categories and kinds of patient that went through the command itself; the others go the same way in process. */
const commanded = new Set<string>()

describe.skipIf(!haveRealCharts)('what a patient refuses, on real charts', () => {
  let folder: string
  let site: TestSite
  let withoutConsent: TestSite
  let url: string
  let urlWithoutConsent: string
  const permitted = new Map<string, Promise<BothWays>>()
  const unasked = new Map<string, Promise<BothWays>>()

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'consentry-matrix-'))
    const overrides = CATEGORY_SITE
    const consents = charts.flatMap(({ patient }) => consentsOf(patient))
    site = await openTestSite({ resources: [...everything, ...consents], overrides })
    withoutConsent = await openTestSite({ resources: everything, overrides })
    url = await site.serve()
    urlWithoutConsent = await withoutConsent.serve()
  }, 60_000)

  afterAll(async () => {
    await site?.close()
    await withoutConsent?.close()
    rmSync(folder, { recursive: true, force: true })
    print(rows)
  })

  const reader = async (client: string): Promise<HttpReader> => ({
    url,
    baseUrl: site.baseUrl,
    token: await site.issuer.issueToken({ client }),
  })
  /** The same chart for the requester to whom nothing is refused. */
  const seenWhole = (chart: Chart): Promise<BothWays> =>
    once(permitted, chart.name, async () => ({
      http: await searchOver(await reader(PERMITTED), chart.patient, types),
      segment: await inProcess({
        chart: chart.resources,
        requester: PERMITTED,
        consents: consentsOf(chart.patient),
      }),
    }))
  /** The same chart where no Consent is on file at all; who asks makes no difference then. */
  const withoutAnyConsent = (chart: Chart): Promise<BothWays> =>
    once(unasked, chart.name, async () => {
      const token = await withoutConsent.issuer.issueToken({ client: PERMITTED })
      const as = { url: urlWithoutConsent, baseUrl: withoutConsent.baseUrl, token }
      return {
        http: await searchOver(as, chart.patient, types),
        segment: await inProcess({ chart: chart.resources, requester: PERMITTED, consents: [] }),
      }
    })
  /** The command for one patient who holds the category and for one control. */
  const segmentFor = ({ id }: TellTale, { telling }: ChartSplit): typeof inProcess => {
    const kind = `${id} ${telling.size > 0 ? 'held' : 'control'}`
    if (commanded.has(kind)) return inProcess
    commanded.add(kind)
    return given => segmentByCommand(given, folder)
  }

  describe.each(TELL_TALES.map(category => [category.title, category] as const))('%s', (_, category) => {
    test.each(charts.map(chart => [chart.name, chart] as const))('of %s', async (_name, chart) => {
      const split = splitChart(chart.resources, category)
      const as = await reader(refusedClient(category))
      const leaving = await searchOver(as, chart.patient, types)
      const consents = await searchOver(as, chart.patient, ['Consent'])
      const segment = segmentFor(category, split)
      const asked = { chart: chart.resources, requester: refusedClient(category) }
      const segmented = await segment({ ...asked, consents: consentsOf(chart.patient) })
      const leaked = leaks(leaving, category)
      const segmentLeaked = leaks(segmented, category)
      rows.push({
        category: category.title,
        name: chart.name,
        split,
        leaked: leaked.length,
        flowing: flowing(leaving, split),
        around: split.around.filter(reference => leaving.resources.has(reference)).length,
        segmentLeaked: segmentLeaked.length,
        segmentFlowing: flowing(segmented, split),
      })

      expect(leaked, 'told by searches').toEqual([])
      expect(leaks(consents, category), 'told by Consents').toEqual([])
      expect(await wrongReads(as, split, category), 'told by reads').toEqual([])
      expect(segmentLeaked, 'told by segment').toEqual([])
      expect(overBlocked(leaving, split), 'withheld and telling nothing').toEqual([])
      expect(overBlocked(segmented, split), 'withheld by segment and telling nothing').toEqual([])

      if (split.telling.size === 0) {
        const before = await withoutAnyConsent(chart)
        expect(missing(leaving, split)).toEqual([])
        expect(leaving.entries === before.http.entries, 'the bytes are those without a Consent').toBe(true)
        const by = segment === inProcess ? before.segment : await segment({ ...asked, consents: [] })
        expect(segmented.entries === by.entries, 'and those of segment').toBe(true)
        return
      }
      const { http, segment: permittedSegment } = await seenWhole(chart)
      expect(untold(http, split, category), 'not told to whom it is permitted').toEqual([])
      expect(untold(permittedSegment, split, category), 'nor by segment').toEqual([])
    })

    test('is held by some of them and not by others', () => {
      const held = charts.map(({ resources }) => splitChart(resources, category).telling.size > 0)
      expect(new Set(held)).toEqual(new Set([true, false]))
    })
  })
})

async function once<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const value = known.get(key) ?? make()
  known.set(key, value)
  return value
}

/** What leaves and tells: each resource with its word, and pages that tell outside of their resources. */
function leaks({ pages, resources }: Leaving, category: TellTale): string[] {
  const onPages = pages.flatMap(page => tells(category, opened(page)) ?? [])
  if (onPages.length === 0) return []
  const found = [...resources].flatMap(([reference, resource]) => {
    const told = tells(category, opened(JSON.stringify(resource)))
    return told === undefined ? [] : [`${reference} ${told}`]
  })
  return found.length > 0 ? found : onPages
}

function missing({ resources }: Leaving, { others }: ChartSplit): string[] {
  return others.filter(reference => !resources.has(reference))
}

/** What should tell and does not. */
function untold({ resources }: Leaving, { telling }: ChartSplit, category: TellTale): string[] {
  return [...telling.keys()].filter(reference => {
    const resource = resources.get(reference)
    return resource === undefined || tells(category, opened(JSON.stringify(resource))) === undefined
  })
}

/** What is withheld and tells nothing, where it is more than a tenth. */
function overBlocked(leaving: Leaving, split: ChartSplit): string[] {
  return flowing(leaving, split) >= FLOWING ? [] : missing(leaving, split)
}

function flowing(leaving: Leaving, split: ChartSplit): number {
  return split.others.length === 0 ? 1 : 1 - missing(leaving, split).length / split.others.length
}

/** A read of what tells must give 404 or tell no more; one of what tells nothing, the resource. */
async function wrongReads(as: HttpReader, split: ChartSplit, category: TellTale): Promise<string[]> {
  const wrong: string[] = []
  for (const reference of [...split.telling.keys()].slice(0, READS)) {
    const { status, text } = await readOver(as, reference)
    const word = tells(category, opened(text))
    if (word !== undefined || (status !== 404 && status !== 200)) wrong.push(`${reference} ${status} ${word}`)
  }
  for (const reference of split.others.slice(0, 2)) {
    const { status } = await readOver(as, reference)
    if (status !== 200) wrong.push(`${reference} ${status}`)
  }
  return wrong
}

function print(list: readonly Row[]): void {
  if (list.length === 0) return
  const percent = (share: number): string => `${(Math.floor(share * 1000) / 10).toFixed(1)} %`
  const lines = list.map(({ category, name, split, leaked, flowing: share, ...by }) =>
    [
      category.padEnd(20),
      name.padEnd(11),
      String(split.telling.size).padStart(7),
      String(leaked).padStart(6),
      String(split.others.length).padStart(6),
      percent(share).padStart(8),
      `${by.around}/${split.around.length}`.padStart(7),
      `${by.segmentLeaked} / ${percent(by.segmentFlowing)}`.padStart(13),
    ].join('  '),
  )
  console.log(
    [
      'category              patient      telling  leaked  others   flowing   around  segment: leaked / flowing',
      ...lines,
    ].join('\n'),
  )
}
