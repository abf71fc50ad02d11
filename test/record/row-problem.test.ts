import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import { chainHash, leafHash } from '../../src/record/chain.ts'
import { rowProblem, type StoredRow } from '../../src/record/ledger-schema.ts'

const previous = { sequence: 8, chain: new Uint8Array(32) }
const content = {
  sequence: 9,
  id: '01a2001a-62af-7127-838f-148e921f058b',
  exchange: '01a2001a-62af-7127-838f-148e921f0000',
  kind: 'AuditEvent',
  patient: 'Patient/x',
  recordedAt: '2026-11-21T21:54:18.932Z',
  body: '{"resourceType":"AuditEvent"}',
}
const leaf = leafHash(content)
const row: StoredRow = { ...content, leaf, chain: chainHash(previous.chain, leaf) }

describe('a stored row', () => {
  test('that is as it was written has no problem', () => {
    expect(rowProblem(row, previous)).toBeUndefined()
  })

  test.each(['id', 'exchange', 'kind', 'patient', 'recordedAt', 'body'] as const)(
    'whose %s became a blob of the same bytes is named, though it hashes alike',
    column => {
      const blob = { ...row, [column]: Buffer.from(content[column]) } as unknown as StoredRow
      expect(rowProblem(blob, previous)).toBe('a column is not of the type it was stored as')
    },
  )
})
