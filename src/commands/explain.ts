import type { Accountability } from '../model/accounting.ts'
import { isView } from '../model/projection.ts'
import type { LedgerRow } from '../model/record.ts'
import { readExchange } from '../record/verify.ts'
import { type CommandSpec, textOption, UsageError } from './table.ts'

/** Tells what the ledger holds of one exchange. */
export const explainCommand: CommandSpec = {
  name: 'explain',
  summary: 'what was released and withheld in one exchange, and why',
  description:
    'Tells who asked in one exchange, for what purpose, what was released and on what authority, what was withheld and by ' +
    'which rule, Consent and provision; --json prints all stored rows, the AuditEvents and Provenance included. The ' +
    'exchange id stands in the X-Request-Id header of every answer.',
  operands: [{ form: '<exchange>', description: 'exchange id (X-Request-Id of the answer)' }],
  options: [
    { flags: '-l, --ledger <file>', description: 'ledger file', defaultValue: 'var/ledger.sqlite' },
    { flags: '--json', description: 'print the stored rows as NDJSON' },
  ],
  examples: [
    'consentry explain 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11',
    'consentry explain 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11 --json | jq .kind',
  ],
  run: async ([id], options, terminal) => {
    if (id === undefined || !/^[0-9a-f-]{36}$/.test(id)) throw new UsageError('exchange: expected a UUID')
    const ledger = textOption(options, 'ledger') ?? ''
    const rows = readExchange(ledger, id)
    if (rows.length === 0) {
      terminal.error(`no exchange ${id} in ${ledger}; another ledger is named with --ledger\n`)
      return 1
    }
    if (options['json'] === true)
      for (const row of rows)
        terminal.out(`${JSON.stringify({ ...row, body: JSON.parse(row.body) as unknown })}\n`)
    else terminal.out(summary(rows))
    return 0
  },
}

/** The parts of a decision row that the summary tells. */
interface DecisionRow {
  readonly at?: string
  readonly request?: { readonly method?: string; readonly target?: string }
  readonly requester?: Readonly<Record<string, unknown>>
  readonly purposeOfUse?: { readonly effective?: readonly string[] }
  /** A consult released nothing: it said what might be. */
  readonly interaction?: { readonly code?: string }
  readonly decision?: string
  readonly revision?: string
  readonly release?: { readonly status?: number; readonly bytes?: number; readonly sha256?: string }
  readonly refusal?: { readonly code?: string; readonly diagnostics?: string; readonly detail?: string }
  readonly obligations?: readonly string[]
  readonly notices?: readonly string[]
  readonly classes?: readonly DecisionClassRow[]
  readonly unread?: readonly unknown[]
}

interface DecisionClassRow {
  readonly decision: {
    readonly because: readonly ReasonRow[]
    readonly effect?: string
    readonly projections?: readonly string[]
    readonly redact?: readonly string[]
  }
  readonly accounting?: Accountability
  readonly released: readonly string[]
  readonly withheld: readonly string[]
}

interface ReasonRow {
  readonly rule: string
  readonly effect?: string
  readonly citation?: string
  readonly consent?: { readonly reference: string; readonly version?: string; readonly source?: string }
  readonly path?: string
  /** Of the privacy office, or an emergency grant. */
  readonly evidence?: string
  readonly ground?: string
  readonly why?: string
}

function summary(rows: readonly LedgerRow[]): string {
  const row = rows.find(({ kind }) => kind === 'decision')
  const decision = (row === undefined ? {} : JSON.parse(row.body)) as DecisionRow
  const { requester = {}, classes = [] } = decision
  const isConsult = decision.interaction?.code === 'operation'
  const [gone, kept] = isConsult ? ['permitted', 'refused'] : ['released', 'withheld']
  const lines = [
    `exchange  ${rows[0]?.exchange ?? ''} at ${decision.at ?? rows[0]?.recordedAt ?? ''}`,
    `who       ${named(requester['name'], requester['client'])}${requester['user'] === undefined ? '' : `, ${String(requester['user'])}`}`,
    `purpose   ${decision.purposeOfUse?.effective?.join(', ') ?? 'not established'}`,
    `asked     ${decision.request?.method ?? ''} ${decision.request?.target ?? ''}`,
    `outcome   ${outcomeOf(decision)}`,
    ...(isConsult && decision.decision !== undefined ? [`answered  ${decision.decision}`] : []),
    ...(isConsult || [undefined, 'permit'].includes(decision.decision)
      ? []
      : [`decided   ${decision.decision}`]),
    `policy    revision ${decision.revision ?? 'not reached'}`,
    ...classes.flatMap(one => classLines(gone, one.released, one)),
    ...classes.flatMap(one => classLines(kept, one.withheld, one)),
    ...(decision.obligations?.length ? [`duties    ${decision.obligations.join(', ')}`] : []),
    ...(decision.notices?.length ? [`notices   ${decision.notices.join(', ')}`] : []),
    ...(decision.unread?.length ? [`unread    Consents: ${JSON.stringify(decision.unread)}`] : []),
    `rows      ${rows.map(({ sequence, kind }) => `${sequence} ${kind}`).join(', ')} (--json prints them)`,
  ]
  return `${lines.join('\n')}\n`
}

function named(name: unknown, client: unknown): string {
  if (client === undefined) return 'nobody who could be identified'
  return name === undefined ? String(client) : `${String(name)} (${String(client)})`
}

function outcomeOf({ release, refusal }: DecisionRow): string {
  if (refusal !== undefined)
    return ['refused:', refusal.code, refusal.diagnostics, refusal.detail].filter(Boolean).join(' ')
  return `${release?.status ?? ''}, ${release?.bytes ?? 0} bytes, SHA-256 ${release?.sha256 ?? ''}`
}

function classLines(word: string, references: readonly string[], one: DecisionClassRow): string[] {
  if (references.length === 0) return []
  const { because, effect, projections = [], redact = [] } = one.decision
  const line = (text: string): string => `            ${text}`
  const goes = effect !== 'deny'
  const others = projections.filter(id => because.every(({ rule }) => rule !== id))
  return [
    `${word}  ${references.length}: ${references.join(', ')}`,
    ...because.map(reason => line(`because ${reasonText(reason)}`)),
    ...(because.length === 0 ? [line('because of nothing that was recorded')] : []),
    ...(goes && others.length > 0 ? [line(`narrowed to ${others.join(', ')}`)] : []),
    ...(goes && redact.length > 0 ? [line(`without ${redact.join(', ')}`)] : []),
    ...(goes && one.accounting !== undefined ? [line(accountingText(one.accounting))] : []),
  ]
}

function accountingText({ accountable, excluded = [], part2, intermediary }: Accountability): string {
  return [
    accountable
      ? 'accountable (45 CFR 164.528)'
      : `not in the accounting of 45 CFR 164.528: ${excluded.join(', ')}`,
    ...(part2 === undefined ? [] : [`in that of 42 CFR 2.25${part2 === 'tolled' ? ' (tolled)' : ''}`]),
    ...(intermediary === true ? ['in the list of 42 CFR 2.24'] : []),
  ].join(', ')
}

/** What a reason does, where its rule may do more than one thing. */
const EFFECTS: Readonly<Record<string, string>> = {
  permit: 'permits',
  deny: 'denies',
  limit: 'permits with limits',
  redact: 'takes parts out',
}

/** A row that asks for a Consent and is met; the Consent that meets it stands beside it. */
const MET = 'asks for a Consent, which is there'

function effectText(rule: string, effect: string): string {
  if (effect === 'require-consent') return MET
  return effect === 'limit' && isView(rule) ? 'says how much of it goes' : (EFFECTS[effect] ?? '')
}

function reasonText(reason: ReasonRow): string {
  const { rule, citation, consent, path, ground, why, evidence, effect = '' } = reason
  return [
    rule,
    citation === undefined ? '' : `(${citation})`,
    effectText(rule, effect),
    consent === undefined
      ? ''
      : `by ${consent.reference}${consent.version === undefined ? '' : ` version ${consent.version}`}` +
        (consent.source === undefined || consent.source === 'upstream' ? '' : ` of ${consent.source}`),
    path === undefined ? '' : `at ${path}`,
    evidence === undefined ? '' : `on evidence ${evidence}`,
    why === undefined ? '' : `- ${why}`,
    groundText(effect, ground),
  ]
    .filter(part => part !== '')
    .join(' ')
}

/** Every denial says its ground under the information blocking rules, or that none was recorded. */
function groundText(effect: string, ground: string | undefined): string {
  if (ground !== undefined) return `[45 CFR ${ground}]`
  return effect === 'deny' ? '[no ground of 45 CFR Part 171 recorded]' : ''
}
