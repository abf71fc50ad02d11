import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openOfficeStore } from '../../src/office/store.ts'

const STORE = new URL('../../src/office/store.ts', import.meta.url).pathname
const EVENT = {
  at: '2026-03-01T10:00:00.000Z',
  kind: 'evidence-entered',
  subject: 'e-1',
  by: 'ana',
  body: { a: 1 },
}

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'office-'))
  file = join(folder, 'own', 'office.sqlite')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('The store of the office', () => {
  test('gives back what was appended, in order and after the number asked for', () => {
    const store = openOfficeStore(file)
    const first = store.append(EVENT)
    const second = store.append({ ...EVENT, kind: 'evidence-ended' })
    expect(first).toEqual({ ...EVENT, seq: 1 })
    expect(store.since(0)).toEqual([first, second])
    expect(store.since(1)).toEqual([second])
    expect(store.since(2)).toEqual([])
    store.close()
    const again = openOfficeStore(file)
    expect(again.since(0)).toEqual([first, second])
    again.close()
  })

  test('is readable by its owner alone', () => {
    openOfficeStore(file).close()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(join(folder, 'own')).mode & 0o777).toBe(0o700)
  })

  test('sees at its next look what another connection wrote', () => {
    const [here, there] = [openOfficeStore(file), openOfficeStore(file)]
    expect(here.since(0)).toEqual([])
    there.append(EVENT)
    expect(here.since(0)).toEqual([{ ...EVENT, seq: 1 }])
    expect(here.append(EVENT).seq).toBe(2)
    expect(there.since(1)).toHaveLength(1)
    here.close()
    there.close()
  })

  test('refuses to change, delete, replace or skip an event', () => {
    const store = openOfficeStore(file)
    store.append(EVENT)
    const db = new DatabaseSync(file)
    db.exec('PRAGMA recursive_triggers = ON')
    expect(() => db.exec("UPDATE event SET by = 'eve'")).toThrow('append-only')
    expect(() => db.exec('DELETE FROM event')).toThrow('append-only')
    expect(() => db.exec("INSERT OR REPLACE INTO event VALUES (1, 'a', 'k', 's', 'b', '{}')")).toThrow()
    expect(() => db.exec("INSERT INTO event VALUES (7, 'a', 'k', 's', 'b', '{}')")).toThrow('without gaps')
    db.close()
    expect(store.since(0)).toEqual([{ ...EVENT, seq: 1 }])
    store.close()
  })

  test('commits through to the disk', () => {
    openOfficeStore(file).close()
    const db = new DatabaseSync(file)
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    db.close()
  })

  test('throws where its file was deleted while it was open', () => {
    const store = openOfficeStore(file)
    store.append(EVENT)
    unlinkSync(file)
    expect(() => store.since(0)).toThrow('deleted or replaced')
    expect(() => store.append(EVENT)).toThrow('deleted or replaced')
    store.close()
  })

  test('refuses a file that is something else, and leaves it as it was', () => {
    openOfficeStore(file).close()
    const other = join(folder, 'other.sqlite')
    const db = new DatabaseSync(other)
    db.exec('CREATE TABLE t (a)')
    db.close()
    expect(() => openOfficeStore(other)).toThrow(`office ${other}: is not an office store`)
    const text = join(folder, 'text')
    writeFileSync(text, 'not a database at all, but a text')
    expect(() => openOfficeStore(text)).toThrow(`office ${text}: `)
  })

  test('takes the events of several processes at once, without gap or loss', async () => {
    const script = `import { openOfficeStore } from ${JSON.stringify(STORE)}
      const store = openOfficeStore(${JSON.stringify(file)})
      for (let n = 0; n < 25; n++) store.append({ at: 'x', kind: 'k', subject: process.argv[1], by: 'b', body: { n } })
      store.close()`
    const writers = ['a', 'b', 'c'].map(name => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, name], { stdio: 'inherit' })
      return once(child, 'exit')
    })
    expect((await Promise.all(writers)).map(([code]) => code)).toEqual([0, 0, 0])
    const store = openOfficeStore(file)
    const events = store.since(0)
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 75 }, (_, n) => n + 1))
    for (const name of ['a', 'b', 'c'])
      expect(events.filter(({ subject }) => subject === name).map(({ body }) => body['n'])).toEqual(
        Array.from({ length: 25 }, (_, n) => n),
      )
    store.close()
  })
})

describe('A file that is not what this version makes', () => {
  test('is refused where its schema is another, and says which was expected', () => {
    openOfficeStore(file).close()
    const db = new DatabaseSync(file)
    db.exec('PRAGMA user_version = 9')
    db.close()
    expect(() => openOfficeStore(file)).toThrow(`office ${file}: schema version 9, expected 1`)
  })

  test('is refused where it would not keep what it was told', () => {
    openOfficeStore(file).close()
    const db = new DatabaseSync(file)
    db.exec('PRAGMA journal_mode = DELETE')
    db.close()
    expect(() => openOfficeStore(file)).toThrow(/durability cannot be had: journal_mode delete/)
  })
})
