import { createHash } from 'node:crypto'
import { loadLabels } from '../../src/data/labels.ts'
import { createLabeller, type LabelSite } from '../../src/label/labeller.ts'
import { referrersWithin } from '../../src/label/referrers.ts'
import type { Labeller, Referrers } from '../../src/model/doors.ts'
import type { RawResource } from '../../src/model/exchange.ts'
import type { LabelledResource, ResourceFacts } from '../../src/model/label.ts'

/** What the tests of this room share: rules, a site, bytes of resources, a chart with look-ups. */
export const RULES = loadLabels()

export const AT = new Date('2026-06-01T12:00:00Z')

export function site(
  change: Partial<LabelSite['registry']> & { part2?: 'program' | 'lawful-holder' | 'none' } = {},
): LabelSite {
  const { part2 = 'none', ...registry } = change
  return {
    registry: {
      part2Programs: [],
      sudOnlyFacilities: [],
      notFederallyAssisted: [],
      sources: {},
      agreements: [],
      other: {},
      ...registry,
    },
    custodian: { organization: 'Organization/hospital', state: 'NE', hipaa: 'covered-entity', part2 },
    unknownSource: 'flag',
    upstreamBase: 'http://upstream.test/fhir',
  }
}

export function labeller(of: LabelSite = site()): Labeller {
  return createLabeller(RULES, of, { cacheBytes: 50_000_000, jsonDepth: 64 })
}

export function raw(resource: unknown): RawResource {
  const bytes = Buffer.from(typeof resource === 'string' ? resource : JSON.stringify(resource))
  return { bytes, hash: createHash('sha256').update(bytes).digest('base64url') }
}

/** A chart that answers every look-up, forward and backward: what it does not hold is absent. */
export class Chart {
  readonly labeller: Labeller
  readonly #facts = new Map<string, ResourceFacts>()
  readonly #referrers: Referrers

  constructor(resources: readonly unknown[], of: LabelSite = site()) {
    this.labeller = labeller(of)
    for (const resource of resources) {
      const facts = this.labeller.assess(raw(resource))
      this.#facts.set(facts.reference, facts)
    }
    this.#referrers = referrersWithin([...this.#facts.values()])
  }

  get references(): string[] {
    return [...this.#facts.keys()]
  }

  facts(reference: string): ResourceFacts {
    const facts = this.#facts.get(reference)
    if (facts === undefined) throw new Error(`the chart has no ${reference}`)
    return facts
  }

  label(reference: string, birthDate?: string): LabelledResource {
    const look = (wanted: string) => this.#facts.get(wanted) ?? ('absent' as const)
    const context = { at: AT, ...(birthDate === undefined ? {} : { birthDate }) }
    return this.labeller.label(this.facts(reference), look, context, this.#referrers)
  }
}
