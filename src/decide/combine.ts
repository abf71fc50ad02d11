import { type ConsentRef, type ConsentVerdict, consentKey } from '../model/consent.ts'
import type { Evidenced, Reason, ResourceDecision } from '../model/decision.ts'
import type { Duties } from './duties.ts'
import { organizationReasons } from './organization.ts'
import { consentReason, consentRefusals, type PatientVoice } from './patients.ts'
import type { Plan } from './plan.ts'
import type { Judged } from './resource-conditions.ts'
import { type Ruling, reliedUpon, rowReasons, rule, type Speaking } from './ruling.ts'

/** Every exchange is recorded, whatever its outcome. */
const ALWAYS = 'AUDIT'

/** What one purpose of use comes to. */
interface Outcome {
  readonly refusals: readonly Reason[]
  readonly grants: readonly Reason[]
  readonly released: readonly Speaking[]
  /** Obligations that arise because a Consent's refusal was gone against. */
  readonly onOverride: readonly string[]
  readonly onRefusal: readonly string[]
  readonly limited: boolean
  readonly consents: readonly ConsentVerdict[]
}

/** The decision on one resource: every purpose must permit; the duties of all come along. */
export function decideResource(
  plans: readonly Plan[],
  judged: Judged,
  voices: readonly PatientVoice[],
  duties: Duties,
): ResourceDecision {
  const outcomes = plans.map(plan => weigh(plan, judged, voices))
  const refusals = outcomes.flatMap(({ refusals }) => refusals)
  if (refusals.length > 0)
    return denied(
      refusals,
      outcomes.flatMap(({ onRefusal }) => onRefusal),
    )
  const rows = outcomes.flatMap(({ released }) => released).map(({ row }) => row)
  const obligations = [
    ALWAYS,
    ...rows.flatMap(({ obligations = [] }) => obligations),
    ...outcomes.flatMap(({ onOverride }) => onOverride),
  ]
  const unknown = obligations.filter(obligation => !duties.isKnown(obligation))
  if (unknown.length > 0) return denied(unknown.map(notUnderstood))
  const narrowed = outcomes.map((outcome, n) =>
    duties.views.narrow(askedOf(outcome, plans[n] as Plan, judged, duties)),
  )
  const closed = narrowed.flatMap(({ refusals }) => refusals)
  if (closed.length > 0) return denied(closed)
  const views = unique(narrowed.flatMap(({ projections }) => projections))
  const projections = [...views, ...duties.standards(obligations)]
  const unfit = duties.unfit(projections, judged.resource.facts.type)
  if (unfit !== undefined) return denied([cannotLeave(unfit)])
  return {
    effect: outcomes.some(({ limited }) => limited) ? 'redact' : 'permit',
    because: ordered([...outcomes, ...narrowed].flatMap(({ grants }) => grants)),
    obligations: unique(obligations),
    caveats: unique(rows.flatMap(({ caveats = [] }) => caveats)),
    notices: unique(rows.flatMap(({ notice }) => (notice === undefined ? [] : [notice]))),
    consents: distinct(outcomes.flatMap(({ consents }) => consents.map(({ ref }) => ref))),
    redact: [],
    ...(projections.length === 0 ? {} : { projections }),
  }
}

/** What one purpose asks views for: each purpose is narrowed by its own, so that the narrowest counts. */
function askedOf(
  { released, onOverride }: Outcome,
  { situation }: Plan,
  { resource }: Judged,
  duties: Duties,
) {
  const obligations = unique([...released.flatMap(({ row }) => row.obligations ?? []), ...onOverride])
  return { at: situation, resource, obligations, duties: obligations.filter(duties.needsView) }
}

/** A refusal with its reasons; nothing of what would have been released comes along. */
export function denied(because: readonly Reason[], obligations: readonly string[] = []): ResourceDecision {
  return {
    effect: 'deny',
    because: ordered(because),
    obligations: unique([ALWAYS, ...obligations]),
    caveats: [],
    notices: [],
    consents: [],
    redact: [],
  }
}

function weigh(plan: Plan, judged: Judged, voices: readonly PatientVoice[]): Outcome {
  return plan.situation.context.policy === 'none'
    ? weighConsents(plan, voices)
    : weighLaw(plan, judged, voices)
}

/** Law, Consents, default policy, organization: any refusal denies; without an authority there is nothing to release. */
function weighLaw(plan: Plan, judged: Judged, voices: readonly PatientVoice[]): Outcome {
  const ruling = rule(plan, judged, voices)
  const { evidence } = plan.situation.context
  const overridden = new Set(ruling.authorities.flatMap(({ row }) => row.overrides ?? []))
  const refused = consentRefusals(voices)
  const fallback = overridden.has('default-policy') ? OPEN : byDefault(plan, voices)
  const refusals = [
    ...ruling.denials.flatMap(speaking => rowReasons(speaking, true, evidence)),
    ...(ruling.authorities.length === 0 ? [NO_AUTHORITY] : []),
    ...(overridden.has('consent') ? [] : refused),
    ...fallback.refusals,
    ...organizationReasons(plan.situation, judged, voices),
  ]
  const released = [...freed(ruling.authorities), ...ruling.terms]
  const relied = [...released.flatMap(reliedUpon), ...fallback.consents]
  return {
    refusals,
    grants: [
      ...grants(ruling, evidence),
      ...fallback.consents.map(verdict => consentReason(verdict, 'consent-permit', 'permit')),
    ],
    released,
    onOverride: refused.length > 0 ? ruling.authorities.flatMap(({ row }) => row.onOverride ?? []) : [],
    onRefusal: ruling.denials.flatMap(({ row }) => row.onRefusal ?? []),
    limited: ruling.authorities.some(({ row }) => row.effect === 'limit'),
    consents: relied,
  }
}

/**
 * Several authorities may each suffice. What one of them frees from falls for all (164.502(b)(2): the minimum necessary does
 * not bind treatment, the patient, an authorization); duties that other rows lay on the release stay.
 */
function freed(authorities: readonly Speaking[]): readonly Speaking[] {
  const free = new Set(authorities.flatMap(({ row }) => row.frees ?? []))
  if (free.size === 0) return authorities
  return authorities.map(speaking => {
    const { obligations = [] } = speaking.row
    const left = obligations.filter(obligation => !free.has(obligation))
    return left.length === obligations.length
      ? speaking
      : { ...speaking, row: { ...speaking.row, obligations: left } }
  })
}

/** Consents alone, without law packs (`decide --policy none`). */
function weighConsents(plan: Plan, voices: readonly PatientVoice[]): Outcome {
  const fallback = byDefault(plan, voices)
  const refused = [...consentRefusals(voices), ...fallback.refusals]
  const permits = voices.flatMap(({ permits }) => permits)
  return {
    refusals: refused.length === 0 && voices.length === 0 ? [NO_CONSENT] : refused,
    grants:
      permits.length > 0
        ? permits.map(verdict => consentReason(verdict, 'consent-permit', 'permit'))
        : [{ rule: 'default-policy', source: 'organization', effect: 'permit' }],
    released: [],
    onOverride: [],
    onRefusal: [],
    limited: false,
    consents: permits,
  }
}

const NO_AUTHORITY: Reason = {
  rule: 'no-authority',
  source: 'law',
  citation: '45 CFR 164.502(a)',
  effect: 'deny',
  ground: '171.202(b)',
}
const NO_CONSENT: Reason = { rule: 'no-consent', source: 'consent', effect: 'deny', ground: '171.202(b)' }
const OPEN = { refusals: [], consents: [] } as const

/** Where no Consent of a patient permits, the default policy decides; what a closed one lets through rests on Consents. */
function byDefault(
  { defaultOpens }: Plan,
  voices: readonly PatientVoice[],
): { readonly refusals: readonly Reason[]; readonly consents: readonly ConsentVerdict[] } {
  if (defaultOpens) return OPEN
  const unheard = voices.filter(({ permits }) => permits.length === 0)
  return {
    refusals: unheard.map(voice => (voice.onFile ? notCovered(voice) : NO_CONSENT)),
    consents: voices.flatMap(({ permits }) => permits),
  }
}

/** A refusal on file is told by its own reason; this one says that nothing permits. */
function notCovered({ denies, indeterminate }: PatientVoice): Reason {
  const refused = denies.length + indeterminate.length > 0
  return { ...NO_CONSENT, rule: refused ? 'consent-refuses' : 'consent-not-covered' }
}

/** The rows a release rests on; duties are not reasons. */
function grants({ authorities, terms }: Ruling, evidence: Evidenced | undefined): readonly Reason[] {
  return [...authorities, ...terms.filter(({ row }) => row.effect !== 'duty')].flatMap(speaking =>
    rowReasons(speaking, false, evidence),
  )
}

/** No rule tells what in a text, a picture or another document identifies somebody. */
function cannotLeave(projection: string): Reason {
  return {
    rule: `withheld-type:${projection}`,
    source: 'purpose',
    citation: '45 CFR 164.514',
    effect: 'deny',
    ground: '171.204(a)(2)',
  }
}

function notUnderstood(obligation: string): Reason {
  return {
    rule: `obligation-not-understood:${obligation}`,
    source: 'purpose',
    effect: 'deny',
    ground: '171.204(a)(2)',
  }
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort()
}

function distinct(refs: readonly ConsentRef[]): readonly ConsentRef[] {
  return [...new Map(refs.map(ref => [consentKey(ref), ref])).entries()]
    .sort(([left], [right]) => compare(left, right))
    .map(([, ref]) => ref)
}

/** One order for all, so that the order of rows and Consents never shows. */
function ordered(reasons: readonly Reason[]): readonly Reason[] {
  const keyed = new Map(reasons.map(reason => [reasonKey(reason), reason]))
  return [...keyed].sort(([left], [right]) => compare(left, right)).map(([, reason]) => reason)
}

function reasonKey({ rule, source, consent, path, effect, why, evidence }: Reason): string {
  return [
    rule,
    source,
    consent?.source,
    consent?.reference,
    consent?.version,
    path,
    effect,
    why,
    evidence,
  ].join(' ')
}

function compare(left: string, right: string): number {
  return left < right ? -1 : 1
}
