import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { loadSite } from '../../src/commands/site.ts'
import { demoResources } from '../../src/demo/resources.ts'
import { openEngine } from '../../src/engine.ts'
import { createLabeller } from '../../src/label/labeller.ts'
import type { RawResource } from '../../src/model/exchange.ts'
import { chartNames, haveRealCharts, realChart } from '../support/real-charts.ts'

/** What one core labels in a second. */
interface Speed {
  readonly resources: number
  /** Million bytes. */
  readonly megabytes: number
}

/**
 * Assess and label on one core, strict parse included, with the rules of the house: content never seen before, and
 * content seen before, where the bytes are hashed and found in the cache. Seconds are those of a core that all threads of
 * this process used, garbage collection included; the best of five rounds each.
 */
export function labellingSpeed(): { fresh: Speed; seen: Speed; of: string } {
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
  const label = (one: RawResource): unknown => labeller.label(labeller.assess(one), () => 'absent', { at })
  // White space makes the same resource content that was never seen.
  const bytesOf = (round: number): Buffer[] =>
    texts.map(text => Buffer.from(`${text.slice(0, -1)}${' '.repeat(round)}}`))
  const hashed = (bytes: Buffer): RawResource => ({ bytes, hash: hash('sha256', bytes, 'base64url') })
  const timed = <T>(items: readonly T[], size: number, work: (item: T) => unknown): Speed => {
    const before = process.cpuUsage()
    for (const item of items) work(item)
    const { user, system } = process.cpuUsage(before)
    const seconds = (user + system) / 1e6
    return { resources: items.length / seconds, megabytes: size / 1e6 / seconds }
  }
  const fresh: Speed[] = []
  const seen: Speed[] = []
  for (let round = 0; round < 6; round++) {
    const all = bytesOf(round)
    const size = all.reduce((sum, bytes) => sum + bytes.length, 0)
    fresh.push(timed(all.map(hashed), size, label))
    seen.push(timed(all, size, bytes => label(hashed(bytes))))
  }
  return {
    fresh: best(fresh),
    seen: best(seen),
    of: haveRealCharts ? 'the 12 real charts' : 'the demo charts',
  }
}

function best([, ...warm]: readonly Speed[]): Speed {
  return warm.reduce((one, other) => (other.resources > one.resources ? other : one))
}
