import { existsSync } from 'node:fs'
import type { OfficeStore } from '../model/office.ts'
import { EmergencyFold, EVENT, isUser, OUTCOMES, type Outcome, stateOf } from '../office/reviews.ts'
import { openOfficeStore } from '../office/store.ts'
import { readUnderGrant } from '../record/under-grant.ts'
import { actorOf, BY_OPTION } from './actor.ts'
import { caseText, listText } from './reviews-text.ts'
import { loadSite } from './site.ts'
import { CONFIG_OPTION, type CommandSpec, type Options, textOption, UsageError } from './table.ts'

const JSON_OPTION = { flags: '--json', description: 'print JSON, one object a line' } as const
const CASE = { form: '<case>', description: 'id of the case, which is that of the grant' } as const

/** Lists the review cases of declared emergencies. */
export const reviewsListCommand: CommandSpec = {
  name: 'reviews list',
  summary: 'review cases of declared emergencies, the overdue first',
  description:
    'Prints each declared emergency that is still to be reviewed: who declared it, for which patient, until when it ' +
    'was open, by when its review must be closed, and whether its alert has arrived. --all prints the closed ones too. ' +
    'Exit code 1 where a review is overdue.',
  operands: [],
  options: [CONFIG_OPTION, { flags: '--all', description: 'closed cases too' }, JSON_OPTION],
  examples: [
    'consentry reviews list',
    'consentry reviews list --config my.json --all --json | jq .grant.user',
  ],
  run: async (_operands, options, terminal) => {
    const at = new Date()
    const known = withOffice(options, ({ known }) => known)
    const cases = [...known.cases.values()].filter(one => options['all'] === true || one.closed === undefined)
    const overdue = cases.filter(one => stateOf(one, at) === 'overdue')
    const sorted = [...overdue, ...cases.filter(one => !overdue.includes(one))]
    if (options['json'] === true)
      for (const one of sorted) terminal.out(`${JSON.stringify({ ...one, state: stateOf(one, at) })}\n`)
    else terminal.out(listText(sorted, known, at))
    return overdue.length > 0 ? 1 : 0
  },
}

/** Shows one case with what was released under its grant. */
export const reviewsShowCommand: CommandSpec = {
  name: 'reviews show',
  summary: 'one review case: the facts declared, what was released under the grant, its alerts',
  description:
    'Prints what was declared (42 CFR 2.51(c)), every exchange of the ledger in which something was released that rests ' +
    'on the grant, with the records by reference and version, and the alerts that were sent. `explain` tells more of ' +
    'each exchange. Works while a gateway is running.',
  operands: [CASE],
  options: [
    CONFIG_OPTION,
    { flags: '-l, --ledger <file>', description: 'ledger to look in, instead of the configured one' },
    JSON_OPTION,
  ],
  examples: ['consentry reviews show 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11 --config my.json'],
  run: async ([id], options, terminal) => {
    const { known, one, configuration } = withOffice(options, office => ({
      ...office,
      one: caseOf(office.known, id),
    }))
    const file = textOption(options, 'ledger') ?? configuration.ledger.file
    const released = existsSync(file) ? readUnderGrant(file, one.grant) : undefined
    const at = new Date()
    if (options['json'] === true)
      terminal.out(`${JSON.stringify({ ...one, state: stateOf(one, at), ledger: file, released })}\n`)
    else terminal.out(caseText(one, { known, at, file, released }))
    return 0
  },
}

/** Closes one case. */
export const reviewsCloseCommand: CommandSpec = {
  name: 'reviews close',
  summary: 'close a review case with its outcome',
  description:
    'Closes the review of one declared emergency: appropriate, inappropriate, or reported (inappropriate, and reported ' +
    'as an incident). Nobody closes the review of the own use. Who closes it is the account of the operating system, or ' +
    'the name that is given where operators share one; nothing of a closed case can be changed. A grant that is still open ends with `evidence end`.',
  operands: [CASE],
  options: [
    CONFIG_OPTION,
    { flags: '--outcome <outcome>', description: OUTCOMES.join(', ') },
    BY_OPTION,
    { flags: '--note <text>', description: 'what the reviewer found' },
  ],
  examples: ['consentry reviews close 019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11 --outcome appropriate'],
  run: async ([id], options, terminal) => {
    const outcome = outcomeOf(textOption(options, 'outcome'))
    const note = textOption(options, 'note')
    withOffice(options, ({ known, store, configuration }) => {
      const { by, account, host } = actorOf(options, configuration)
      const { grant, closed } = caseOf(known, id)
      if (closed !== undefined)
        throw new UsageError(`case ${grant.id}: closed at ${closed.at} by ${closed.by}; expected an open one`)
      if (isUser(grant, by))
        throw new UsageError(`${by}: expected somebody else than the user who declared the emergency`)
      store.append({
        at: new Date().toISOString(),
        kind: EVENT.closed,
        subject: grant.id,
        by,
        body: {
          outcome,
          ...(note === undefined ? {} : { note }),
          account,
          host,
        },
      })
    })
    terminal.out(`closed: ${outcome}\n`)
    return 0
  },
}

interface OfficeAtHand {
  readonly store: OfficeStore
  readonly known: EmergencyFold
  readonly configuration: ReturnType<typeof loadSite>
}

/** Opens the store of the site's office for one use. Throws UsageError where there is none yet. */
function withOffice<T>(options: Options, use: (office: OfficeAtHand) => T): T {
  const configuration = loadSite(textOption(options, 'config'))
  const { file } = configuration.office
  if (!existsSync(file))
    throw new UsageError(`office ${file}: no such file; a gateway makes it when it starts`)
  const store = openOfficeStore(file)
  try {
    const known = new EmergencyFold()
    known.take(store.since(0))
    return use({ store, known, configuration })
  } finally {
    store.close()
  }
}

function caseOf({ cases }: EmergencyFold, id: string | undefined) {
  const found = cases.get(id ?? '')
  if (found === undefined)
    throw new UsageError('case: expected the id of one; `reviews list --all` prints them')
  return found
}

function outcomeOf(given: string | undefined): Outcome {
  const outcome = OUTCOMES.find(one => one === given)
  if (outcome === undefined) throw new UsageError(`--outcome: expected one of ${OUTCOMES.join(', ')}`)
  return outcome
}
