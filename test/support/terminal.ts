import { runCommandLine } from '../../src/cli.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly error: string
}

/** Runs one command line with the given standard input. */
export async function run(words: readonly string[], input: string | Uint8Array = ''): Promise<Ran> {
  const said = { out: '', error: '' }
  async function* standardInput() {
    if (input.length > 0) yield input
  }
  const code = await runCommandLine(words, {
    input: standardInput(),
    out: text => {
      said.out += text
    },
    error: text => {
      said.error += text
    },
  })
  return { code, ...said }
}

/** A line of a stack trace. */
export const STACK = /\n\s+at |\.ts:\d+:\d+|node:internal/

/** Lines of NDJSON. */
export function lines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as T)
}
