/**
 * Why the ledger said no. `timeout` and `busy` pass; `full` passes when space returns; `refused` concerns one set only;
 * `failed` and `closed` last until a restart.
 */
export type LedgerErrorCode =
  | 'timeout'
  | 'busy'
  | 'full'
  | 'refused'
  | 'failed'
  | 'closed'
  | 'locked'
  | 'unusable'
  | 'broken'

/** An error of the store. Its message names the file and the cause, never what was to be recorded. */
export class LedgerError extends Error {
  readonly code: LedgerErrorCode

  constructor(code: LedgerErrorCode, message: string) {
    super(message)
    this.name = 'LedgerError'
    this.code = code
  }
}
