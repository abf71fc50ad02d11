import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Ledger, LedgerRow } from '../../src/model/record.ts'
import { auditSet, event, rejection } from './sets.ts'

/** A store under test: opened, read back independently of the ledger, opened again, thrown away. */
export interface StoreUnderTest {
  readonly open: () => Promise<Ledger>
  readonly rows: () => LedgerRow[] | Promise<LedgerRow[]>
  readonly verifies: () => boolean | Promise<boolean>
  readonly discard: () => void | Promise<void>
}

/** What every store of the ledger must do, whatever it is made of. */
export function ledgerContract(name: string, create: () => StoreUnderTest | Promise<StoreUnderTest>): void {
  describe(`the ledger on ${name}`, () => {
    let store: StoreUnderTest
    let ledger: Ledger
    beforeEach(async () => {
      store = await create()
      ledger = await store.open()
    })
    afterEach(async () => {
      await ledger.close()
      await store.discard()
    })

    it('gives a receipt only for what is stored, with the sequence of the last event', async () => {
      const set = auditSet()
      const receipt = await ledger.append(set)
      const rows = await store.rows()
      expect(rows.map(({ id, kind, body }) => ({ id, kind, body }))).toEqual(
        set.events.map(({ id, kind, body }) => ({ id, kind, body })),
      )
      expect(receipt).toMatchObject({ exchange: set.exchange, sequence: rows.at(-1)?.sequence })
      expect(rows.every(row => row.exchange === set.exchange && row.recordedAt === receipt.recordedAt)).toBe(
        true,
      )
      expect(rows.map(row => row.patient)).toEqual(['Patient/p1', 'Patient/p1', undefined])
    })

    it('stores every byte of a body as given', async () => {
      const body = '{"a":"ü 漢 🧬 \\u0000 \\"","n":1.50}'
      await ledger.append({ exchange: 'e', events: [event(body)] })
      expect((await store.rows())[0]?.body).toBe(body)
    })

    it('keeps the sets whole and in order under many concurrent appends', async () => {
      const sets = Array.from({ length: 300 }, (_, i) => auditSet(`${i}`))
      const receipts = await Promise.all(sets.map(ledger.append))
      const rows = await store.rows()
      expect(rows.map(row => row.id)).toEqual(sets.flatMap(set => set.events.map(one => one.id)))
      expect(receipts.map(receipt => receipt.sequence)).toEqual(sets.map((_, i) => 3 * (i + 1)))
      expect(await store.verifies()).toBe(true)
    })

    it('counts an append that is retried once, and gives its receipt again', async () => {
      const set = auditSet()
      const first = await ledger.append(set)
      await ledger.append(auditSet())
      expect((await ledger.append(set)).sequence).toBe(first.sequence)
      expect(await store.rows()).toHaveLength(6)
    })

    it('refuses an id that stands for another event, and stays open for others', async () => {
      const set = auditSet()
      await ledger.append(set)
      const other = { ...set, events: set.events.map(one => ({ ...one, body: '{"other":true}' })) }
      expect(await rejection(ledger.append(other))).toBe('refused')
      expect(ledger.healthy()).toBe(true)
      await ledger.append(auditSet())
      expect(await store.verifies()).toBe(true)
    })

    it('refuses a set that would prove nothing', async () => {
      expect(await rejection(ledger.append({ exchange: 'e', events: [] }))).toBe('refused')
      expect(await rejection(ledger.append({ exchange: 'e', events: [event('')] }))).toBe('refused')
      expect(await store.rows()).toEqual([])
    })

    it('goes on with the same chain after it was closed and opened again', async () => {
      await ledger.append(auditSet())
      await ledger.close()
      ledger = await store.open()
      const receipt = await ledger.append(auditSet())
      expect(receipt.sequence).toBe(6)
      expect(await store.verifies()).toBe(true)
    })

    it('answers what waits before it closes, and refuses everything after', async () => {
      const waiting = ledger.append(auditSet())
      await Promise.all([ledger.close(), ledger.close()])
      expect((await waiting).sequence).toBe(3)
      expect(await rejection(ledger.append(auditSet()))).toBe('closed')
      expect(ledger.healthy()).toBe(false)
    })
  })
}
