import type { Preview, PreviewedResource } from '../flow/preview.ts'
import type { ConsentDirective } from '../model/consent.ts'
import type { Reason } from '../model/decision.ts'
import type { WhatIf } from './preview-input.ts'
import type { PreviewedFor } from './preview-requester.ts'

/** Everything a preview tells. */
export interface PreviewReport {
  readonly patient: string
  readonly at: Date
  readonly revision: string
  readonly as: PreviewedFor
  readonly whatIf: WhatIf
  readonly preview: Preview
  readonly unreadable: readonly { readonly reference: string; readonly why: string }[]
  readonly notRead: readonly string[]
}

/** One row of the summary. */
interface Count {
  readonly category: string
  readonly type: string
  readonly released: number
  readonly redacted: number
  readonly withheld: number
}

/** As one JSON object. */
export function previewJson(report: PreviewReport): string {
  const { patient, at, revision, as, whatIf, preview, unreadable, notRead } = report
  const { registration, requester, purposeOfUse } = as
  return `${JSON.stringify({
    patient,
    at: at.toISOString(),
    revision,
    as: {
      client: registration.clientId,
      name: registration.name,
      ...(requester.user === undefined ? {} : { user: requester.user }),
      purposes: purposeOfUse.effective,
    },
    whatIf,
    consents: preview.directives.map(toldConsent),
    summary: countsOf(preview.resources),
    resources: preview.resources.map(one => ({ ...one, because: one.because.map(toldReason) })),
    unreadable,
    obligations: preview.obligations,
    notices: preview.notices,
    notRead,
  })}\n`
}

function toldConsent({ ref, state, why }: ConsentDirective) {
  return { reference: ref.reference, state, ...(why === undefined ? {} : { why }) }
}

function toldReason({ consent, ...reason }: Reason) {
  return { ...reason, ...(consent === undefined ? {} : { consent: consent.reference }) }
}

/** How many of each category and type; a resource of two categories counts in both. */
export function countsOf(resources: readonly PreviewedResource[]): readonly Count[] {
  const counts = new Map<string, { -readonly [K in keyof Count]: Count[K] }>()
  for (const { type, categories, outcome } of resources)
    for (const category of categories.length === 0 ? ['ordinary'] : categories) {
      const key = `${category} ${type}`
      const count = counts.get(key) ?? { category, type, released: 0, redacted: 0, withheld: 0 }
      count[outcome] += 1
      counts.set(key, count)
    }
  return [...counts].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, count]) => count)
}

/** In words. */
export function previewText(report: PreviewReport): string {
  const { patient, at, revision, preview, unreadable, notRead } = report
  const { resources } = preview
  const count = (outcome: PreviewedResource['outcome']) =>
    resources.filter(one => one.outcome === outcome).length
  const withheld = count('withheld') + unreadable.length
  const parts = [
    ...headLines(report),
    `consents  ${preview.directives.length === 0 ? 'none on file' : preview.directives.map(consentText).join('; ')}`,
    `policy    revision ${revision}, as of ${at.toISOString()}`,
    '',
    `${patient}: ${resources.length + unreadable.length} resources: ${count('released')} released, ${count('redacted')} redacted, ${withheld} withheld`,
    ...table(countsOf(resources)),
    ...groupLines('withheld', resources),
    ...unreadable.map(
      ({ reference, why }) => `withheld  ${reference}\n            because it cannot be assessed: ${why}`,
    ),
    ...groupLines('redacted', resources),
    ...groupLines('released', resources),
    ...(preview.obligations.length === 0 ? [] : [`duties    ${preview.obligations.join(', ')}`]),
    ...(preview.notices.length === 0 ? [] : [`notices   ${preview.notices.join(', ')}`]),
    ...notRead.map(one => `not read  ${one}`),
  ]
  return `${parts.join('\n')}\n`
}

function headLines({ as, whatIf }: PreviewReport): readonly string[] {
  const { registration, requester, purposeOfUse, leftOut } = as
  const user = requester.user === undefined ? '' : `, ${requester.user}`
  const added = whatIf.added.map(
    ({ reference, takenAsSigned }) => `with ${reference}${takenAsSigned ? ' taken as signed today' : ''}`,
  )
  const changes = [...added, ...whatIf.without.map(reference => `without ${reference}`)]
  return [
    `preview   nothing is disclosed; a token may narrow it further by its scopes`,
    `as        ${registration.name} (${registration.clientId})${user}`,
    `purpose   ${purposeOfUse.effective.join(', ')}${leftOut.length === 0 ? '' : ` (not registered for this client: ${leftOut.join(', ')})`}`,
    ...(changes.length === 0 ? [] : [`what if   ${changes.join(', ')}`]),
  ]
}

function consentText({ ref, state, why }: ConsentDirective): string {
  return `${ref.reference} ${state}${why === undefined ? '' : ` (${why})`}`
}

const COLUMNS = ['released', 'redacted', 'withheld'] as const

function table(counts: readonly Count[]): readonly string[] {
  if (counts.length === 0) return []
  const category = Math.max(8, ...counts.map(one => one.category.length))
  const type = Math.max(4, ...counts.map(one => one.type.length))
  const row = (first: string, second: string, cells: readonly string[]): string =>
    `  ${first.padEnd(category)}  ${second.padEnd(type)}  ${cells.map(cell => cell.padStart(8)).join('  ')}`
  return [
    '  (a resource of two categories counts in both)',
    row('category', 'type', COLUMNS),
    ...counts.map(one =>
      row(
        one.category,
        one.type,
        COLUMNS.map(name => String(one[name])),
      ),
    ),
  ]
}

/** Resources of one outcome, those of the same reasons together. */
function groupLines(
  outcome: PreviewedResource['outcome'],
  resources: readonly PreviewedResource[],
): readonly string[] {
  const groups = Map.groupBy(
    resources.filter(one => one.outcome === outcome),
    one => [...one.because.map(reasonText), ''].join('\n'),
  )
  return [...groups.values()].flatMap(group => [
    `${outcome}  ${group.length}: ${group.map(nameOf).join(', ')}`,
    ...(group[0]?.because ?? []).map(reason => `            because ${reasonText(reason)}`),
  ])
}

function nameOf({ reference, without }: PreviewedResource): string {
  return without.length === 0 ? reference : `${reference} without ${without.join(' and ')}`
}

/** One reason: rule, citation, Consent and provision, what was missing. */
export function reasonText({ rule, citation, consent, path, why, ground }: Reason): string {
  return [
    rule,
    ...(citation === undefined ? [] : [`(${citation})`]),
    ...(consent === undefined ? [] : [consent.reference]),
    ...(path === undefined ? [] : [`at ${path}`]),
    ...(why === undefined ? [] : [`- ${why}`]),
    ...(ground === undefined ? [] : [`[45 CFR ${ground}]`]),
  ].join(' ')
}
