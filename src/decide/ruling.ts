import type { ConsentVerdict } from '../model/consent.ts'
import type { Evidenced, Reason } from '../model/decision.ts'
import type { LawRow } from '../model/law.ts'
import { restsOn } from './evidence.ts'
import { type Met, meets, type PatientVoice } from './patients.ts'
import type { Plan } from './plan.ts'
import { type Judged, resourceHolds } from './resource-conditions.ts'

/** A row that speaks of a resource, with the Consents that meet it where it asks for any. */
export interface Speaking {
  readonly row: LawRow
  readonly met?: Met
}

/** What law says of one resource for one purpose, before Consents and the organization are heard. */
export interface Ruling {
  /** Rows that give an authority: `permit`, `limit`. */
  readonly authorities: readonly Speaking[]
  /** Closing rows that stand and are not met: each of them denies. */
  readonly denials: readonly Speaking[]
  /** `require-consent` rows that are met, exceptions that lifted a row, duties: their obligations come along. */
  readonly terms: readonly Speaking[]
}

/** Every row that speaks, each heard once; the order of rows changes nothing. */
export function rule(plan: Plan, judged: Judged, voices: readonly PatientVoice[]): Ruling {
  const speaking = hearRows(plan, judged, voices)
  const lifted = new Set(speaking.filter(isOpen).flatMap(({ row }) => row.lifts ?? []))
  const standing = speaking.filter(({ row }) => !lifted.has(row.id))
  return {
    authorities: standing.filter(({ row, met }) => isAuthority(row) && met?.met !== false),
    denials: standing.filter(
      ({ row, met }) => row.effect === 'deny' || (row.effect === 'require-consent' && !met?.met),
    ),
    terms: standing.filter(
      ({ row, met }) =>
        row.effect === 'except' || row.effect === 'duty' || (row.effect === 'require-consent' && met?.met),
    ),
  }
}

function hearRows(
  { rows, situation }: Plan,
  judged: Judged,
  voices: readonly PatientVoice[],
): readonly Speaking[] {
  const speaking: Speaking[] = []
  for (const { row, opens } of rows) {
    const holds = resourceHolds(row.when, judged, situation)
    if (holds === 'no' || (holds === 'unknown' && opens)) continue
    const needsConsent = row.consent !== undefined || row.effect === 'require-consent'
    speaking.push(needsConsent ? { row, met: meets(row.consent ?? [], voices, situation) } : { row })
  }
  return speaking
}

function isOpen({ row, met }: Speaking): boolean {
  return (isAuthority(row) || row.effect === 'except') && met?.met !== false
}

function isAuthority({ effect }: LawRow): boolean {
  return effect === 'permit' || effect === 'limit'
}

export function reliedUpon({ met }: Speaking): readonly ConsentVerdict[] {
  return met?.met ? met.by : []
}

/**
 * The reason a row gives: its id, citation, ground, the evidence it rests on, and of a `require-consent` the Consents or
 * what they lack.
 */
export function rowReasons(
  speaking: Speaking,
  denies: boolean,
  evidence: Evidenced | undefined,
): readonly Reason[] {
  const { row, met } = speaking
  const own: Reason = {
    rule: row.id,
    source: 'law',
    citation: row.citation,
    effect: denies ? 'deny' : reasonEffect(row),
    ...(denies && row.ground !== undefined ? { ground: row.ground } : {}),
    ...(denies && row.silent ? { silent: true } : {}),
    ...(denies && met?.met === false ? { why: met.why } : {}),
  }
  const consents = reliedUpon(speaking).map(
    ({ ref, path }): Reason => ({
      rule: row.id,
      source: 'consent',
      citation: row.citation,
      consent: ref,
      path,
      effect: 'permit',
    }),
  )
  const ids = evidence === undefined ? [] : restsOn(row.when, evidence)
  const owns = ids.length === 0 ? [own] : ids.map(id => ({ ...own, evidence: id }))
  return [...owns, ...consents]
}

function reasonEffect({ effect }: LawRow): Reason['effect'] {
  return effect === 'limit' || effect === 'require-consent' ? effect : 'permit'
}
