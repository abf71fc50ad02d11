import { endOf, type HoldCase, type HoldState } from '../office/holds.ts'
import { linesText } from './lines.ts'

/** One line a case, in columns that `cut` and `sort` can take apart. */
export function holdLine(one: HoldCase, state: HoldState): string {
  const { id, rule, purposes, covers } = one
  const who = `${whoText(one)} for ${purposes.join('+')}`
  return linesText([[id, state.padEnd(8), untilText(one), rule, who, covers].join('  ')])
}

/** One case in words. */
export function holdText(one: HoldCase, state: HoldState): string {
  const {
    id,
    rule,
    kind,
    organization,
    purposes,
    covers,
    request,
    exchange,
    openedAt,
    approvalHours,
    decided,
  } = one
  const lines = [
    `case       ${id}: ${state}, ${untilText(one)}`,
    `rule       ${rule} (${kind})`,
    `opened     ${openedAt} in exchange ${exchange}`,
    `who        ${whoText(one)}${organization === undefined ? '' : `, ${organization}`}`,
    `purposes   ${purposes.join(', ')}`,
    `asked      ${request}`,
    `covers     ${covers}`,
    kind === 'first-contact'
      ? 'approval   counts until it is taken back'
      : `approval   counts for at most ${approvalHours} hours, for this client, user, purposes and what the case covers`,
    ...(decided === undefined
      ? []
      : [
          `${decided.what.padEnd(10)} ${decided.at} by ${decided.by}${decided.why === undefined ? '' : `: ${decided.why}`}`,
        ]),
  ]
  return linesText(lines)
}

function untilText(one: HoldCase): string {
  const end = endOf(one)
  return end === undefined ? 'without an end' : `until ${end}`
}

function whoText({ user, userName, client }: HoldCase): string {
  if (user === undefined) return client
  return `${userName === undefined ? user : `${userName} (${user})`} of ${client}`
}
