import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Upstream } from '../src/model/doors.ts'
import type { Ledger, LedgerRow } from '../src/model/record.ts'
import { exportLedger, readExchange, verifyLedger } from '../src/record/verify.ts'
import type { ReloadOutcome } from '../src/reload.ts'
import { weighed } from './support/permits.ts'
import { entriesOf, matchesOf, openTestSite, type Reply, type TestSite } from './support/site.ts'

const HOSPITAL = { client: 'treating-hospital', user: 'PractitionerRole/priya-lindqvist-role' }
const WEIGHT = 'Observation/weight-a'
const FALCON = 'FALCONRY'

const folder = mkdtempSync(join(tmpdir(), 'consentry-reload-'))
const profiles = join(folder, 'profiles')
const labels = join(folder, 'labels')
const lawFile = join(profiles, 'law/house.json')
const labelFile = join(labels, 'falconry/rules.json')

/** Denies what carries the label of the site; enabled or not, and with a title of its own. */
const law = (enabled: boolean, title = 'No falcons'): string =>
  JSON.stringify({
    title: 'House rules',
    rows: [
      {
        id: 'house-falcons',
        title,
        citation: 'house rule 1',
        jurisdiction: 'site',
        enabled,
        confidence: 'high',
        when: { labels: [FALCON] },
        effect: 'deny',
        ground: '171.202(e)',
      },
    ],
  })

/** Says of these LOINC codes that they speak of falcons. */
const falconry = (...codes: readonly string[]): string =>
  JSON.stringify({
    id: 'falconry',
    title: 'Falconry',
    labels: [{ system: 'urn:house', code: FALCON }],
    confidentiality: 'R',
    rules: [{ id: 'loinc', kind: 'code', system: 'http://loinc.org', codes, confidence: 1 }],
  })

/** As editors and deployments do: whole, by another name first. */
function put(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.new`, text)
  renameSync(`${file}.new`, file)
}

const WEIGHING = '29463-7'
const ELSE = '0000-0'
let site: TestSite

beforeAll(async () => {
  put(lawFile, law(false))
  put(labelFile, falconry(WEIGHING))
  const more = [1, 2, 3].map(n => ({ ...weighed('a')[1], resourceType: 'Observation', id: `again-${n}` }))
  site = await openTestSite({
    resources: [...weighed('a'), ...more],
    overrides: { policy: { profileFolders: [profiles], labelFolders: [labels] } },
  })
})
afterEach(async () => {
  put(lawFile, law(false))
  put(labelFile, falconry(WEIGHING))
  await site.house.reload('watch')
})
afterAll(async () => {
  await site.close()
  rmSync(folder, { recursive: true, force: true })
})

const weight = (): Promise<Reply> => site.get(WEIGHT, HOSPITAL)
const search = (more = ''): Promise<Reply> => site.get(`Observation?patient=a${more}`, HOSPITAL)
const reload = (): Promise<ReloadOutcome> => site.house.reload('watch')

function decisionOf(reply: Reply): { revision?: string; classes?: { decision: unknown }[] } {
  const rows = readExchange(site.ledgerFile, reply.headers['X-Request-Id'] ?? '')
  return JSON.parse(rows.find(({ kind }) => kind === 'decision')?.body ?? '{}')
}

/** Holds every read of the upstream until `open` is called. */
function holdReads(): { readonly held: Promise<void>; readonly open: () => void } {
  const upstream = site.house.rooms.upstream as { read: Upstream['read'] }
  const { read } = upstream
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  upstream.read = async (...asked) => {
    reached.resolve()
    await gate.promise
    return read(...asked)
  }
  return {
    held: reached.promise,
    open: () => {
      upstream.read = read
      gate.resolve()
    },
  }
}

async function ledgerRows(): Promise<LedgerRow[]> {
  const rows: LedgerRow[] = []
  await exportLedger(site.ledgerFile, line => void rows.push(JSON.parse(line) as LedgerRow))
  return rows
}

describe('rules that change while the gateway runs', () => {
  test('an exchange under way ends under the revision it began with, the next has the new one', async () => {
    const before = site.house.revision
    const gate = holdReads()
    const slow = weight()
    await gate.held
    put(lawFile, law(true))
    const outcome = await reload()
    expect(outcome).toMatchObject({
      kind: 'swapped',
      from: before,
      to: site.house.revision,
      files: [lawFile],
    })
    gate.open()
    const old = await slow
    const next = await weight()
    expect([old.status, next.status]).toEqual([200, 404])
    expect(decisionOf(old).revision).toBe(before)
    expect(decisionOf(next).revision).toBe(site.house.revision)
    expect(JSON.stringify(decisionOf(next))).toContain('house-falcons')
    expect(site.house.revision).not.toBe(before)
  })

  test('what older label rules found in a page or a record is forgotten', async () => {
    put(lawFile, law(true))
    put(labelFile, falconry(ELSE))
    await reload()
    expect(matchesOf(await search())).toHaveLength(4)
    expect((await weight()).status).toBe(200)
    put(labelFile, falconry(WEIGHING))
    expect(await reload()).toMatchObject({ kind: 'swapped' })
    expect(matchesOf(await search())).toEqual([])
    expect((await weight()).status).toBe(404)
    put(labelFile, falconry(ELSE))
    await reload()
    expect(matchesOf(await search())).toHaveLength(4)
  })

  test('a page link of the older revision fails clearly, and the search can be asked anew', async () => {
    const first = await search('&_count=2')
    const next = (JSON.parse(first.text) as { link: { relation: string; url: string }[] }).link.find(
      ({ relation }) => relation === 'next',
    )?.url
    expect((await site.get(next ?? '', HOSPITAL)).status).toBe(200)
    put(labelFile, falconry(ELSE))
    await reload()
    const late = await site.get(next ?? '', HOSPITAL)
    expect(late.status).toBe(410)
    expect(late.text).toContain('search again')
    expect(entriesOf(await search('&_count=2'))).toHaveLength(2)
  })

  test('the change is recorded with both revisions and the files, before it holds', async () => {
    const from = site.house.revision
    put(lawFile, law(true))
    await reload()
    const rows = await ledgerRows()
    const row = JSON.parse(rows.findLast(({ kind }) => kind === 'system')?.body ?? '{}') as object
    expect(row).toMatchObject({
      event: 'rules-changed',
      from,
      to: site.house.revision,
      by: 'watch',
      files: [lawFile],
    })
    const event = rows.findLast(({ kind }) => kind === 'AuditEvent')
    expect(JSON.parse(event?.body ?? '{}')).toMatchObject({
      resourceType: 'AuditEvent',
      subtype: [{ code: '110129' }],
      outcome: '0',
    })
    expect(verifyLedger(site.ledgerFile).ok).toBe(true)
  })
})

describe('rules that do not fit change nothing', () => {
  const half = law(true).slice(0, 100)
  const cases: readonly (readonly [what: string, file: string, text: string, said: readonly string[]])[] = [
    ['half a label file', labelFile, falconry(WEIGHING).slice(0, 50), [labelFile, 'JSON']],
    ['half a law pack', lawFile, half, [lawFile, 'expected JSON']],
    ['an empty file', lawFile, '', [lawFile, 'expected JSON']],
    [
      'an effect nobody knows',
      lawFile,
      law(true).replace('"deny"', '"maybe"'),
      [lawFile, 'house-falcons', '/effect'],
    ],
    [
      'a notice that is not there',
      lawFile,
      law(true).replace('"ground"', '"notice":"lost","ground"'),
      [lawFile, 'lost'],
    ],
    ['an id that is taken', lawFile, law(true).replace('house-falcons', 'hipaa-506c2-treatment'), ['taken']],
  ]
  test('and are named with file, place and what was expected', async () => {
    const before = site.house.revision
    for (const [what, file, text, said] of cases) {
      put(labelFile, falconry(WEIGHING))
      put(file, text)
      const outcome = await reload()
      expect(outcome, what).toMatchObject({ kind: 'kept', revision: before })
      for (const words of said) expect(outcome.kind === 'kept' && outcome.why, what).toContain(words)
      expect(site.house.revision).toBe(before)
      expect((await weight()).status).toBe(200)
    }
  })

  test('is said again while it lasts, and over when the file is what it was', async () => {
    const before = site.house.revision
    put(lawFile, half)
    const outcome = await reload()
    expect(outcome.kind).toBe('kept')
    expect(await reload()).toEqual(outcome)
    put(lawFile, law(false))
    expect(await reload()).toEqual({ kind: 'unchanged', revision: before })
    put(lawFile, law(true, 'sound again'))
    expect(await reload()).toMatchObject({ kind: 'swapped', from: before })
    expect((await weight()).status).toBe(404)
  })

  test('a file that vanishes keeps its rules until an operator says so', async () => {
    put(lawFile, law(true))
    await reload()
    const before = site.house.revision
    rmSync(lawFile)
    const outcome = await reload()
    expect(outcome).toMatchObject({ kind: 'kept', revision: before })
    expect(outcome.kind === 'kept' && outcome.why).toContain(lawFile)
    expect((await weight()).status).toBe(404)
    expect(await site.house.reload('operator')).toMatchObject({ kind: 'swapped', files: [lawFile] })
    expect((await weight()).status).toBe(200)
  })

  test('a folder that vanishes changes nothing, whoever asks', async () => {
    const before = site.house.revision
    renameSync(profiles, `${profiles}-away`)
    for (const by of ['watch', 'operator'] as const)
      expect(await site.house.reload(by)).toMatchObject({
        kind: 'kept',
        why: `${profiles}: expected a folder that can be read (ENOENT)`,
      })
    renameSync(`${profiles}-away`, profiles)
    expect(site.house.revision).toBe(before)
  })

  test('a change that cannot be recorded does not come into force, and comes when it can', async () => {
    const before = site.house.revision
    const ledger = site.house.rooms.ledger as { append: Ledger['append'] }
    const { append } = ledger
    ledger.append = () => Promise.reject(new Error('the disk is full'))
    put(lawFile, law(true))
    expect(await reload()).toMatchObject({ kind: 'kept', why: expect.stringContaining('the disk is full') })
    expect(site.house.revision).toBe(before)
    ledger.append = append
    expect(await reload()).toMatchObject({ kind: 'swapped', from: before })
  })
})

describe('under load', { timeout: 60_000 }, () => {
  test('no request fails and every decision is of one of the two revisions', async () => {
    const known = new Set([site.house.revision])
    const seen = new Map<string, Set<number>>()
    let isDone = false
    let asked = 0
    const client = async (): Promise<void> => {
      for (let n = 0; !isDone; n++) {
        const reply = n % 2 === 0 ? await weight() : await search()
        asked++
        expect(reply.status, reply.text).toBeLessThan(500)
        if (n % 2 === 1) continue
        const { revision = '' } = decisionOf(reply)
        seen.set(revision, (seen.get(revision) ?? new Set()).add(reply.status))
      }
    }
    const clients = [1, 2, 3].map(client)
    const outcomes = new Set<string>()
    for (let n = 0; n < 5; n++) {
      put(lawFile, n % 3 === 2 ? half(n) : law(n % 2 === 0))
      const { kind } = await reload()
      outcomes.add(kind)
      known.add(site.house.revision)
    }
    isDone = true
    await Promise.all(clients)
    expect(outcomes).toEqual(new Set(['swapped', 'kept', 'unchanged']))
    expect(known.size).toBe(2)
    expect(new Set(seen.keys())).toEqual(known)
    // Each revision has one answer to this question, whenever it was asked.
    expect([...seen.values()].map(statuses => [...statuses].join()).sort()).toEqual(['200', '404'])
    expect(asked).toBeGreaterThan(20)
    expect(verifyLedger(site.ledgerFile).ok).toBe(true)
  })

  const half = (n: number): string => law(true).slice(0, 40 + n)
})

describe('watching', () => {
  test('a change on disk is found without being told, and said once', async () => {
    const told: ReloadOutcome[] = []
    site.house.watchRules(outcome => told.push(outcome))
    put(lawFile, law(true, 'watched'))
    await expect.poll(() => told.map(({ kind }) => kind), { timeout: 10_000 }).toEqual(['swapped'])
    expect((await weight()).status).toBe(404)
    put(lawFile, '{')
    await expect.poll(() => told.map(({ kind }) => kind), { timeout: 10_000 }).toEqual(['swapped', 'kept'])
  })
})
