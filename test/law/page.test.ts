import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { loadBreachDeadlines } from '../../src/data/breach-deadlines.ts'
import { run } from '../support/terminal.ts'

const page = readFileSync(new URL('../../profiles/law/MATRIX.md', import.meta.url), 'utf8')

describe('the printed law', () => {
  it('profiles/law/MATRIX.md is what the command prints now (node src/cli.ts law --format markdown > profiles/law/MATRIX.md)', async () => {
    expect(page === (await run(['law', '--format', 'markdown'])).out).toBe(true)
  })

  it('has one line a row, and says which are off', async () => {
    const rows = (await run(['law', '--json'])).out
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as { id: string; enabled: string })
    const lines = page.split('\n').filter(line => line.startsWith('| `'))
    expect(lines.map(line => line.split('`')[1])).toEqual(rows.map(({ id }) => id))
    expect(lines.filter(line => line.includes('**off**')).length).toBe(
      rows.filter(({ enabled }) => enabled === 'no').length,
    )
  })

  it('prints breach deadlines of a state and the federal ones', async () => {
    const { out, code } = await run(['law', '--breach', '--state', 'ca'])
    expect(code).toBe(0)
    expect(out).toContain('individuals within 60 days')
    expect(out).toContain('15 business days')
    expect(out).toContain('Cal. Health & Safety Code 1280.15')
    expect(out).not.toContain('[US-FL]')
  })

  it('prints rows of a state that has deadlines and no row of its own', async () => {
    const { out, code } = await run(['law', '--state', 'AL'])
    expect(code).toBe(0)
    expect(out).toContain('p2-2.31-consent')
    expect((await run(['law', '--state', 'ZZ'])).error).toMatch(
      /expected one that has rows or breach deadlines/,
    )
  })

  it('names what formats there are', async () => {
    expect((await run(['law', '--format', 'pdf'])).error).toMatch(/--format: expected one of text, markdown/)
  })
})

describe('breach deadlines', () => {
  it('hold the federal sixty days, and cite each state', () => {
    const deadlines = loadBreachDeadlines()
    expect(deadlines.find(({ jurisdiction }) => jurisdiction === 'US')).toMatchObject({
      notify: 'individuals',
      within: { days: 60, unit: 'calendar' },
      citation: expect.stringContaining('164.404'),
    })
    expect(deadlines.every(({ citation }) => /\d/.test(citation))).toBe(true)
  })
})
