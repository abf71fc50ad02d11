import { hostname, userInfo } from 'node:os'
import type { Configuration } from '../model/configuration.ts'
import type { Actor } from '../office/desk.ts'
import { type Options, textOption, UsageError } from './table.ts'

/** Read by `actorOf`. */
export const BY_OPTION = {
  flags: '--by <name>',
  description: 'who does it, where operators share one account (office.accounts: shared)',
} as const

/** Personal accounts name their person; where one is shared, the operator gives a name. Throws UsageError. */
export function actorOf(options: Options, { office }: Configuration): Actor {
  const by = textOption(options, 'by')?.trim()
  const account = accountOf(process.env)
  const from = { account, host: hostname() }
  if (office.accounts === 'personal') {
    if (by !== undefined)
      throw new UsageError(
        `--by: expected only where the site shares an account (office.accounts: shared); here you are ${account}`,
      )
    return { by: account, ...from }
  }
  if (by === undefined || by === '')
    throw new UsageError('--by: expected your name; this site shares an account (office.accounts: shared)')
  return { by, ...from }
}

/** The account behind sudo: the store belongs to the account of the gateway, as which operators run the command. */
function accountOf({ SUDO_USER }: NodeJS.ProcessEnv): string {
  return SUDO_USER === undefined || SUDO_USER === '' ? userInfo().username : SUDO_USER
}
