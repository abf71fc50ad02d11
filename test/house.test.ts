import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadSite } from '../src/commands/site.ts'
import { openHouse } from '../src/house.ts'
import type { Configuration } from '../src/model/configuration.ts'
import type { JsonObject } from '../src/model/fhir.ts'

let folder: string
const workers: Worker[] = []
let running = 0
const born = (worker: Worker): void => {
  workers.push(worker)
  running++
  worker.once('exit', () => {
    running--
  })
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'consentry-house-'))
  workers.length = 0
  running = 0
  process.on('worker', born)
})
afterEach(() => {
  process.off('worker', born)
  rmSync(folder, { recursive: true, force: true })
})

const configuration = (file: string, overrides: JsonObject = {}): Configuration =>
  loadSite(undefined, {
    ledger: { file, ...(overrides['ledger'] as JsonObject | undefined) },
    ...without(overrides),
  })

const without = ({ ledger: _, ...rest }: JsonObject): JsonObject => rest
const modeOf = (path: string): number => statSync(path).mode & 0o777

describe('opening the house', () => {
  test('makes the folders of the ledger, readable by their owner alone', async () => {
    const file = join(folder, 'var', 'ledger', 'ledger.sqlite')
    const house = await openHouse(configuration(file))
    try {
      expect(house.rooms.ledger.healthy()).toBe(true)
      expect(modeOf(join(folder, 'var'))).toBe(0o700)
      expect(modeOf(join(folder, 'var', 'ledger'))).toBe(0o700)
      for (const name of [file, `${file}-wal`, `${file}-shm`]) expect(modeOf(name) & 0o077, name).toBe(0)
    } finally {
      await house.close()
    }
    expect(running).toBe(0)
  })

  test('leaves a folder that is there as it is', async () => {
    const before = modeOf(folder)
    const house = await openHouse(configuration(join(folder, 'ledger.sqlite')))
    await house.close()
    expect(modeOf(folder)).toBe(before)
  })

  test('names ledger, folder and reason where the folder cannot be made, and starts no worker', async () => {
    writeFileSync(join(folder, 'in-the-way'), '')
    const file = join(folder, 'in-the-way', 'sub', 'ledger.sqlite')
    await expect(openHouse(configuration(file))).rejects.toThrow(
      `ledger ${file}: the folder ${join(folder, 'in-the-way', 'sub')} cannot be made (ENOTDIR)`,
    )
    expect(workers).toEqual([])
  })

  test('leaves no worker and no lock behind where a room after the ledger cannot be opened', async () => {
    const file = join(folder, 'ledger.sqlite')
    writeFileSync(join(folder, 'key'), 'two\nlines')
    const credential = { kind: 'static-header', name: 'X-Key', file: join(folder, 'key') }
    const repository = { url: 'https://audit.example/fhir', credential }
    await expect(openHouse(configuration(file, { ledger: { repository } }))).rejects.toThrow()
    expect(workers).toHaveLength(1)
    expect(running).toBe(0)
    const house = await openHouse(configuration(file))
    await house.close()
    expect(running).toBe(0)
  })

  test('starts no worker where a room before the ledger cannot be opened', async () => {
    const upstream = { url: 'https://fhir.example/r4', caFile: join(folder, 'absent.pem') }
    await expect(openHouse(configuration(join(folder, 'ledger.sqlite'), { upstream }))).rejects.toThrow(
      /caFile/,
    )
    expect(workers).toEqual([])
  })

  test('says plainly that another gateway has the ledger, and lets that one go on', async () => {
    const file = join(folder, 'ledger.sqlite')
    const first = await openHouse(configuration(file))
    await expect(openHouse(configuration(file))).rejects.toThrow(
      `ledger ${file}: another gateway writes it; every gateway needs a ledger file of its own`,
    )
    await expect.poll(() => running).toBe(1)
    expect(first.rooms.ledger.healthy()).toBe(true)
    await first.close()
    const second = await openHouse(configuration(file))
    await second.close()
    await second.close()
    expect(running).toBe(0)
  })
})
