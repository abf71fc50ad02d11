import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli.ts'
import { loadSite } from '../../src/commands/site.ts'
import { directory } from '../../src/demo/patients/directory.ts'
import { DEMO_PATIENTS } from '../../src/demo/resources.ts'
import { openDemoSite } from '../../src/demo-site.ts'
import { openTestSite, type TestSite } from '../support/site.ts'
import { lines, run, STACK } from '../support/terminal.ts'

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
const question = `${examples}questions/part2-no-consent.json`
const walter = () =>
  DEMO_PATIENTS.filter(({ id }) => id === 'walter-finch' || id === 'elena-marsh').flatMap(({ write }) =>
    write(),
  )

interface Labelled {
  readonly resourceType: string
  readonly id: string
  readonly meta?: { readonly security?: readonly { readonly code: string }[] }
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'consentry-commands-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('help', () => {
  it('lists every command', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    for (const { name } of COMMANDS) expect(out).toContain(name.split(' ')[0])
  })

  it.each(COMMANDS.map(({ name }) => name))('of %s tells summary, options and examples', async name => {
    const { code, out } = await run([...name.split(' '), '--help'])
    const spec = COMMANDS.find(one => one.name === name)
    expect(code).toBe(0)
    expect(out).toContain('Examples:')
    for (const { flags } of spec?.options ?? []) expect(out).toContain(flags)
    for (const example of spec?.examples ?? []) expect(out).toContain(example)
  })

  it.each([[[]], [['conjure']], [['ledger']], [['ledger', 'burn']], [['explain']], [['token']]])(
    'is offered for %j, with 2',
    async words => {
      const { code, error } = await run(words)
      expect(code).toBe(2)
      expect(error.length).toBeGreaterThan(20)
      expect(error).not.toMatch(STACK)
    },
  )
})

describe('check', () => {
  it('says what is in force on the demo site', async () => {
    const { code, out, error } = await run(['check'])
    expect([code, error]).toEqual([0, expect.stringContaining('breakGlass without mfaRequired')])
    expect(out).toMatch(/labels: \d+ categories[\s\S]*profiles: \d+ rows of law[\s\S]*revision [0-9a-f]{16}/)
    expect(out).toMatch(/^purpose views: \d\d$/m)
    expect(out).toMatch(/^de-identification: no key .* is withheld$/m)
  })

  it('checks the demo that is served, so that both name one policy revision', async () => {
    const ports = { gatewayPort: 0, issuerPort: 0, upstreamPort: 0 }
    const site = await openDemoSite({ ...ports, ledgerFile: join(folder, 'demo.sqlite'), resources: [] })
    try {
      const served = JSON.stringify(site.configuration.issuers)
      const { issuers } = loadSite(undefined)
      expect(JSON.parse(served.replaceAll(site.issuer.issuer, 'http://127.0.0.1:8081'))).toEqual(issuers)
    } finally {
      await site.close()
    }
  })

  it('names the files of secrets that the example configuration wants and nobody has made yet', async () => {
    const { code, error } = await run(['check', '--config', `${examples}my.json`])
    expect(code).toBe(1)
    expect(error).toMatch(/my\.json: upstream\.caFile: \S+ cannot be read \(ENOENT\)/)
  })

  it('says no with 1, naming every problem with file and place', async () => {
    const file = join(folder, 'bad.json')
    writeFileSync(
      file,
      JSON.stringify({ ...JSON.parse(readFileSync(`${examples}my.json`, 'utf8')), issuers: [], colour: 1 }),
    )
    const { code, error } = await run(['check', '--config', file])
    expect(code).toBe(1)
    expect(error).toMatch(/bad\.json: issuers: /)
    expect(error).toMatch(/bad\.json: colour: unknown property/)
    expect(error).not.toMatch(STACK)
  })
})

describe('label', () => {
  it('labels NDJSON, follows references inside it, and keeps what needs no label as it was', async () => {
    const { code, out, error } = await run(['label'], [...directory(), ...walter()].join('\n'))
    const given = lines<Labelled>(out)
    expect([code, error]).toEqual([0, ''])
    expect(given.length).toBe([...directory(), ...walter()].length)
    const codes = (id: string) =>
      given.find(one => one.id === id)?.meta?.security?.map(({ code }) => code) ?? []
    expect(codes('39a5d87a461f')).toEqual(expect.arrayContaining(['42CFRPart2', 'OPIOIDUD', 'R']))
    expect(codes('797bfbcb9692')).not.toContain('42CFRPart2')
  })

  it('explains itself, takes a Bundle over many lines', async () => {
    const bundle = {
      resourceType: 'Bundle',
      entry: walter().map(text => ({ resource: JSON.parse(text) as object })),
    }
    const { out } = await run(['label', '--explain'], JSON.stringify(bundle, null, 2))
    const opioid = lines<{ reference: string; labels: { rule: string }[] }>(out).find(
      ({ reference }) => reference === 'Condition/39a5d87a461f',
    )
    expect(opioid?.labels.length).toBeGreaterThan(1)
    expect(opioid?.labels[0]?.rule).toBeTruthy()
  })

  it('goes on after a bad line and ends with 2', async () => {
    const [first = '', second = ''] = walter()
    const { code, out, error } = await run(
      ['label'],
      [first, '{"resourceType": SECRET', '[]', second].join('\n'),
    )
    expect(code).toBe(2)
    expect(lines<Labelled>(out).length).toBe(2)
    expect(error).toMatch(
      /standard input:2: expected JSON[\s\S]*standard input:3: expected a resource or a Bundle/,
    )
    expect(error).not.toContain('SECRET')
  })
})

describe('segment', () => {
  it('shows what would leave, from the question or from a file', async () => {
    const own = await run(['segment', '--question', question])
    expect([own.code, own.error]).toEqual([0, ''])
    const withConsent = await run(['segment', '--question', `${examples}questions/part2-tpo-consent.json`])
    const count = (text: string) => (JSON.parse(text) as { entry?: unknown[] }).entry?.length ?? 0
    expect(count(withConsent.out)).toBeGreaterThan(count(own.out))
    expect(own.out).not.toContain('42CFRPart2')
    const file = join(folder, 'chart.json')
    const { resources } = JSON.parse(readFileSync(question, 'utf8')) as { resources: unknown[] }
    writeFileSync(file, resources.map(one => JSON.stringify(one)).join('\n'))
    expect((await run(['segment', '--question', question, file])).out).toBe(own.out)
  })

  it.each<[string[], RegExp]>([
    [['segment'], /--question: expected a file with a question/],
    [['segment', '--question', '/nowhere'], /\/nowhere: cannot be read \(ENOENT\)/],
    [['segment', '--question', question, '/nowhere/chart'], /\/nowhere\/chart: cannot be read/],
    [['segment', '--question', `${examples}my.json`], /my\.json: must have required property/],
  ])('refuses %j with 2', async (words, message) => {
    const { code, error } = await run(words)
    expect(error).toMatch(message)
    expect(code).toBe(2)
  })
})

describe('law', () => {
  it('prints rows with citations, of one state or category, as text or NDJSON', async () => {
    const all = lines<{ id: string; jurisdiction: string; citation: string }>(
      (await run(['law', '--json'])).out,
    )
    const newYork = lines<{ jurisdiction: string }>((await run(['law', '--state', 'NY', '--json'])).out)
    expect(all.length).toBeGreaterThan(100)
    expect(all.every(({ citation }) => citation.length > 3)).toBe(true)
    expect(new Set(newYork.map(({ jurisdiction }) => jurisdiction))).toEqual(new Set(['US', 'US-NY']))
    expect((await run(['law', '--category', 'hiv'])).out).toMatch(/HIV/)
    const on = (await run(['law', '--enabled', '--json'])).out
    expect(lines(on).length).toBeLessThan(all.length)
  })

  it.each([
    [['--category', 'astrology'], /--category: .*\bhiv, /],
    [['--state', 'ZZ'], /--state: .*\bNV, NY, /],
  ])('refuses %j with 2 and lists what is known', async (words, message) => {
    const { code, out, error } = await run(['law', ...words])
    expect(error).toMatch(message)
    expect({ code, out }).toEqual({ code: 2, out: '' })
  })

  it('has as many rows as README says', async () => {
    const rows = lines<{ jurisdiction: string; enabled: string }>((await run(['law', '--json'])).out)
    const on = rows.filter(({ enabled }) => enabled === 'yes').length
    const states = new Set(rows.map(({ jurisdiction }) => jurisdiction)).size - 1
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
    expect(readme).toContain(`rows of ${states} jurisdictions`)
    expect(readme).toContain(`${rows.length} rows, ${on} on and ${rows.length - on} off by default`)
  })

  it('takes a state in small letters, and says no with 1 where nothing is left', async () => {
    const given = async (state: string) => (await run(['law', '--state', state, '--json'])).out
    expect(await given('ny')).toBe(await given('NY'))
    expect(await run(['law', '--state', 'WY', '--category', 'gender-affirming'])).toMatchObject({
      code: 1,
      out: '',
    })
  })
})

describe('the record', () => {
  let site: TestSite
  let exchange: string
  beforeAll(async () => {
    site = await openTestSite({ resources: [...directory(), ...walter()] })
    const reply = await site.get('Condition?patient=elena-marsh', 'health-plan')
    exchange = reply.headers['X-Request-Id'] ?? ''
  })
  afterAll(() => site?.close())

  it('explain prints who asked and what was withheld by which rule', async () => {
    const { code, out } = await run(['explain', exchange, '--ledger', site.ledgerFile])
    expect(code).toBe(0)
    expect(out).toContain('p2-2.31-consent')
    expect(out).toContain('Golden State Health Plan')
    const rows = lines<{ kind: string }>(
      (await run(['explain', exchange, '--json', '--ledger', site.ledgerFile])).out,
    )
    expect(rows.map(({ kind }) => kind).sort()).toEqual(['AuditEvent', 'Provenance', 'decision'])
  })

  it.each<[string[], number, RegExp]>([
    [['explain', 'x'], 2, /exchange: expected a UUID/],
    [['explain', '019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11'], 1, /no exchange 019adf10/],
  ])('%j says so with %d', async (words, code, message) => {
    const ran = await run([...words, '--ledger', site.ledgerFile])
    expect(ran.error).toMatch(message)
    expect(ran.code).toBe(code)
  })

  it('ledger verify holds, while the gateway runs, and finds a changed byte in a copy', async () => {
    const fine = await run(['ledger', 'verify', '--ledger', site.ledgerFile])
    expect(fine).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^ok: [1-9]\d* rows, last hash [0-9a-f]{64}/),
    })
    const copy = join(folder, 'copy.sqlite')
    copyFileSync(site.ledgerFile, copy)
    copyFileSync(`${site.ledgerFile}-wal`, `${copy}-wal`)
    const db = new DatabaseSync(copy)
    for (const { name } of db.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all() as {
      name: string
    }[])
      db.exec(`DROP TRIGGER "${name}"`)
    db.exec("UPDATE event SET body = replace(body, 'health-plan', 'health-plum') WHERE kind = 'decision'")
    db.close()
    const broken = await run(['ledger', 'verify', '--ledger', copy])
    expect(broken).toMatchObject({ code: 1, out: expect.stringMatching(/^BROKEN at row \d+/) })
    const { out } = await run(['ledger', 'verify', '--json', '--ledger', copy])
    expect(JSON.parse(out)).toMatchObject({ ok: false })
  })

  it('ledger export prints every row', async () => {
    const { out } = await run(['ledger', 'export', '--ledger', site.ledgerFile])
    expect(lines<{ exchange: string }>(out).some(row => row.exchange === exchange)).toBe(true)
  })

  it.each([
    ['ledger', 'verify'],
    ['ledger', 'export'],
    ['explain', '019adf10-7c1b-7d3e-9f6a-2f4f0c6c2b11'],
  ])('%s %s names a ledger that is not there or none, without a trace', async (...words) => {
    const text = join(folder, 'text.sqlite')
    writeFileSync(text, 'no ledger at all, just text\n'.repeat(100))
    for (const file of ['/nowhere/ledger.sqlite', text]) {
      const { code, error } = await run([...words, '--ledger', file])
      expect(code).toBe(1)
      expect(error).toContain(file)
      expect(error).not.toMatch(STACK)
    }
  })

  it('token asks the demo issuer, and says what is wrong', async () => {
    const { issuer } = site.issuer
    const good = await run(['token', 'health-plan', '--issuer', issuer])
    expect(good).toMatchObject({ code: 0, out: expect.stringMatching(/^eyJ[\w.-]+\n$/) })
    expect(await run(['token', 'nobody', '--issuer', issuer])).toMatchObject({
      code: 2,
      out: '',
      error: expect.stringMatching(/the demo issuer refused: <client>: .*\btreating-hospital\b/),
    })
    expect(await run(['token', 'health-plan', '--lifetime', 'long', '--issuer', issuer])).toMatchObject({
      code: 2,
      error: expect.stringMatching(/--lifetime: expected a whole number/),
    })
    for (const nobody of ['http://127.0.0.1:1', 'no url'])
      expect(await run(['token', 'health-plan', '--issuer', nobody])).toMatchObject({
        code: 2,
        error: expect.stringContaining('no demo issuer answers'),
      })
    expect(await run(['token', 'health-plan', '--issuer', site.upstream.url])).toMatchObject({
      code: 2,
      out: '',
    })
  })
})
