import { randomUUIDv7 } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { LedgerConfiguration } from '../../src/model/configuration.ts'
import type { AuditSet, LedgerEvent } from '../../src/model/record.ts'
import { LedgerError } from '../../src/record/ledger-error.ts'

export function event(body: string, more: Partial<LedgerEvent> = {}): LedgerEvent {
  return { id: randomUUIDv7(), kind: 'AuditEvent', patient: 'Patient/p1', body, ...more }
}

/** A set as an exchange leaves it: two events and the decision row. */
export function auditSet(label = 'x', exchange = randomUUIDv7()): AuditSet {
  return {
    exchange,
    events: [
      event(JSON.stringify({ resourceType: 'AuditEvent', label })),
      event(JSON.stringify({ resourceType: 'Provenance', label }), { kind: 'Provenance' }),
      { id: randomUUIDv7(), kind: 'decision', body: JSON.stringify({ label }) },
    ],
  }
}

export function temporaryFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'consentry-ledger-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

export function configuration(file: string, more: Partial<LedgerConfiguration> = {}): LedgerConfiguration {
  return { file, appendTimeoutMs: 5000, diskWatermarkBytes: 0, ...more }
}

/** What an attacker with the file does: triggers dropped, then whatever is wanted. */
export function tamper(file: string, sql: string): void {
  const db = new DatabaseSync(file)
  db.exec('DROP TRIGGER event_never_updated; DROP TRIGGER event_never_deleted')
  db.exec(sql)
  db.close()
}

/** Code of the LedgerError a promise rejects with; throws where it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<string> {
  try {
    await promise
  } catch (error) {
    if (error instanceof LedgerError) return error.code
    throw error
  }
  throw new Error('resolved, expected a rejection')
}
