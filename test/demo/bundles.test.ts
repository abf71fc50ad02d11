import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { loadBundle } from '../../src/demo/bundle.ts'
import { startDemoUpstream } from '../../src/demo/upstream.ts'

const folder = new URL('../../../shared/data/patients/synthea/', import.meta.url)
const present = existsSync(folder)
if (!present) console.log('skipped: shared patient bundles are not there')
const files = present ? readdirSync(folder).filter(name => name.endsWith('.json.gz')) : []

describe.skipIf(!present)('real patient bundles', () => {
  it('load whole, and each patient is found with decimals as written', async () => {
    const texts = files.map(name => gunzipSync(readFileSync(new URL(name, folder))).toString('utf8'))
    const bundles = texts.map(text => loadBundle(text))
    expect(bundles.length).toBeGreaterThan(0)
    const upstream = await startDemoUpstream({ resources: bundles.flat() })
    try {
      for (const bundle of bundles) {
        const patient = bundle.find(resource => resource.resourceType === 'Patient')
        const expected = bundle.filter(resource => resource.resourceType === 'Observation').length
        const response = await fetch(`${upstream.url}/Observation?patient=${patient?.id}&_count=1000`)
        const page = (await response.json()) as { total: number; entry?: unknown[] }
        expect(page.total).toBe(expected)
      }
      const decimals = (text: string): string[] =>
        text.match(/"value": ?\d+\.\d+/g)?.map(m => m.replace(': ', ':')) ?? []
      const served = await Promise.all(
        bundles
          .flat()
          .filter(r => r.resourceType === 'Observation')
          .slice(0, 300)
          .map(async r => (await fetch(`${upstream.url}/Observation/${r.id}`)).text()),
      )
      const written = new Set(texts.flatMap(decimals))
      expect(served.flatMap(decimals).length).toBeGreaterThan(50)
      expect(served.flatMap(decimals).filter(decimal => !written.has(decimal))).toEqual([])
    } finally {
      await upstream.close()
    }
  }, 60_000)
})
