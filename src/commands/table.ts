/** One table of commands makes the parser and `--help`. */

/** Where a command reads and writes; tests give their own. */
export interface Terminal {
  readonly input: AsyncIterable<Uint8Array | string>
  readonly out: (text: string) => void
  readonly error: (text: string) => void
  /** Whether a person watches `error`, so that progress may be shown there. */
  readonly isTerminal?: boolean
}

/** Exit codes: 0 all well; 1 the answer is no (verify failed, check failed, nothing found); 2 bad usage or input. */
export type ExitCode = 0 | 1 | 2

export interface OptionSpec {
  readonly flags: string
  readonly description: string
  readonly defaultValue?: string
}

export interface CommandSpec {
  readonly name: string
  readonly summary: string
  readonly description: string
  /** `[name]` optional, `<name>` required, `[name...]` many. */
  readonly operands: readonly { readonly form: string; readonly description: string }[]
  readonly options: readonly OptionSpec[]
  readonly examples: readonly string[]
  readonly run: (operands: readonly string[], options: Options, terminal: Terminal) => Promise<ExitCode>
}

export type Options = Readonly<Record<string, string | boolean | undefined>>

/** A mistake of the caller: printed as it is, exit code 2. The message names the place and what was expected. */
export class UsageError extends Error {}

/** An option's text, or undefined. */
export function textOption(options: Options, name: string): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

export const CONFIG_OPTION: OptionSpec = {
  flags: '-c, --config <file>',
  description: 'configuration file (JSON); without it the demo site is used',
}
