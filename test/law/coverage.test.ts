import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { openEngine } from '../../src/engine.ts'
import { scenarios } from './kit.ts'

/** Every enabled row has a case in which it is heard and one in which it is not, written from the citation. */
const enabled = openEngine().profiles.lawRows.filter(row => row.enabled)
const speak = new Set(scenarios.flatMap(({ rows }) => rows?.speak ?? []))
const quiet = new Set(scenarios.flatMap(({ rows }) => rows?.quiet ?? []))

/** Cases of single rows (profiles/law/cases), which stand beside those of citations. */
const folder = fileURLToPath(new URL('../../profiles/law/cases/', import.meta.url))
const rowCases = readdirSync(folder)
  .filter(name => name !== 'schema.json')
  .flatMap(name => (JSON.parse(readFileSync(folder + name, 'utf8')) as { cases: { row: string }[] }).cases)

describe('the cases written from citations', () => {
  it('leave no enabled row without one in which it is heard', () => {
    expect(enabled.map(({ id }) => id).filter(id => !speak.has(id))).toEqual([])
  })

  it('leave no enabled row without one in which it is not heard', () => {
    expect(enabled.map(({ id }) => id).filter(id => !quiet.has(id))).toEqual([])
  })

  it('and those of single rows speak of enabled rows only', () => {
    const ids = new Set(enabled.map(({ id }) => id))
    const lost = [...rowCases.map(({ row }) => row)].filter(id => !ids.has(id))
    expect(lost).toEqual([])
    console.log(
      `law: ${enabled.length} rows on; ${scenarios.length} cases from citations, ${rowCases.length} of single rows`,
    )
  })

  it('keep an id once given', () => {
    expect(existsSync(folder)).toBe(true)
    const ids = new Set(openEngine().profiles.lawRows.map(({ id }) => id))
    const known = new Set(['no-authority', 'consent-deny', 'consent-indeterminate'])
    expect([...speak, ...quiet].filter(id => !ids.has(id) && !known.has(id))).toEqual([])
  })
})
