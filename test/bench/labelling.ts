import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { loadSite } from '../../src/commands/site.ts'
import { demoResources } from '../../src/demo/resources.ts'
import { openEngine } from '../../src/engine.ts'
import { createLabeller } from '../../src/label/labeller.ts'
import type { RawResource } from '../../src/model/exchange.ts'
import { chartNames, haveRealCharts, realChart } from '../support/real-charts.ts'

/** Resources a second one core labels: assess and label, strict parse included; content never seen, then seen before. */
export function labellingSpeed(): { fresh: number; seen: number; of: string } {
  const engine = openEngine()
  const { registry, custodian, policy } = loadSite(undefined)
  const texts = haveRealCharts
    ? chartNames().flatMap(name => realChart(name).map(resource => JSON.stringify(resource)))
    : demoResources()
  const labeller = createLabeller(
    engine.labels,
    { registry, custodian, unknownSource: policy.unknownSource },
    { cacheBytes: 1 << 30, jsonDepth: 100 },
  )
  const at = new Date()
  const run = (raw: readonly RawResource[]): number => {
    const started = performance.now()
    for (const one of raw) labeller.label(labeller.assess(one), () => 'absent', { at })
    return raw.length / ((performance.now() - started) / 1000)
  }
  const bytesOf = (round: number): RawResource[] =>
    texts.map(text => {
      const bytes = Buffer.from(`${text.slice(0, -1)}${' '.repeat(round)}}`)
      return { bytes, hash: hash('sha256', bytes, 'base64url') }
    })
  run(bytesOf(0))
  const fresh = Math.max(run(bytesOf(1)), run(bytesOf(2)), run(bytesOf(3)))
  return { fresh, seen: run(bytesOf(3)), of: haveRealCharts ? 'the 12 real charts' : 'the demo charts' }
}
