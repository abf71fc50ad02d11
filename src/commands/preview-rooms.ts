import { createConsentReader } from '../consent/reader.ts'
import type { QuestionRooms } from '../flow/question.ts'
import { createDocumentReader } from '../label/document-reader.ts'
import { createLabeller } from '../label/labeller.ts'
import type { DecisionContext } from '../model/decision.ts'
import type { Decider, Labeller, Referrers, Segmenter } from '../model/doors.ts'
import { createSegmenter } from '../segment/segmenter.ts'
import type { OfflineSite } from './operator-site.ts'

/** The deciding rooms of a site, for questions instead of exchanges. */
export interface PreviewRooms {
  readonly rooms: QuestionRooms
  readonly labeller: Labeller
  readonly segmenter: Segmenter
  /** Ids of the categories of `labels/` in force. */
  readonly categories: ReadonlySet<string>
}

const CACHE_BYTES = 64 << 20

/** Labels, law, Consents and organization policy as the gateway of this configuration has them. Close the labeller. */
export function previewRooms({ configuration, engine, revision }: OfflineSite): PreviewRooms {
  const { limits, policy, server, registry, custodian, upstream } = configuration
  const labeller = createLabeller(
    engine.labels,
    {
      registry,
      custodian,
      unknownSource: policy.unknownSource,
      minimumConfidence: policy.minimumConfidence,
      upstreamBase: upstream.url,
      gatewayBase: server.baseUrl,
      referrers: upstream.referrers ?? [],
    },
    { cacheBytes: CACHE_BYTES, jsonDepth: limits.jsonDepth },
    createDocumentReader(),
  )
  const segmenter = createSegmenter({
    baseUrl: server.baseUrl,
    upstreamBase: upstream.url,
    ...engine.segmenting,
    cacheBytes: CACHE_BYTES,
    withheldNotice: policy.withheldNotice,
  })
  const rooms: QuestionRooms = {
    ...engine.questionRooms,
    labellerFor: () => lookingBackAsConfigured(labeller),
    consent: createConsentReader({ ...engine.purposes, bases: [server.baseUrl, upstream.url] }),
    decider: withSitePolicy(engine.decider, {
      organizationPolicy: policy.organization,
      ...(policy.defaultPolicies === undefined ? {} : { defaultPolicies: policy.defaultPolicies }),
    }),
    revision,
  }
  return { rooms, labeller, segmenter, categories: new Set(engine.labels.categories.map(({ id }) => id)) }
}

/** A question holds everything that points at a record; the gateway looks through the edges of its configuration only. */
function lookingBackAsConfigured(labeller: Labeller): Labeller {
  const types = new Set(labeller.reverseEdges.map(({ type }) => type))
  const known = new WeakMap<Referrers, Referrers>()
  const narrowed = (referrers: Referrers): Referrers => {
    const before = known.get(referrers)
    if (before !== undefined) return before
    const made: Referrers = reference => referrers(reference)?.filter(({ type }) => types.has(type))
    known.set(referrers, made)
    return made
  }
  return {
    ...labeller,
    label: (facts, look, context, referrers) =>
      labeller.label(
        facts,
        look,
        context,
        referrers === undefined || types.size === 0 ? undefined : narrowed(referrers),
      ),
  }
}

/** What the site decides beside law; a question carries none of it. */
type SitePolicy = Pick<DecisionContext, 'organizationPolicy' | 'defaultPolicies'>

function withSitePolicy(decider: Decider, policy: SitePolicy): Decider {
  const known = new WeakMap<DecisionContext, DecisionContext>()
  return {
    decide: (context, resources, ask) => {
      const own = known.get(context) ?? { ...context, ...policy }
      known.set(context, own)
      return decider.decide(own, resources, ask)
    },
  }
}
