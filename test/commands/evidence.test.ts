import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/model/fhir.ts'
import { lines, run, STACK } from '../support/terminal.ts'

const DEMO = JSON.parse(
  readFileSync(new URL('../../profiles/deployment/demo.json', import.meta.url), 'utf8'),
) as JsonObject

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evidence-'))
  const { $schema: _, ...demo } = DEMO
  const rest = { upstream: { url: 'http://127.0.0.1:1/fhir' }, issuers: [{ issuer: 'http://127.0.0.1:2' }] }
  for (const accounts of ['shared', 'personal'])
    writeFileSync(
      join(folder, `${accounts}.json`),
      JSON.stringify({ ...demo, ...rest, office: { file: join(folder, `${accounts}.sqlite`), accounts } }),
    )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const config = (accounts = 'shared') => ['--config', join(folder, `${accounts}.json`)]
const threat = {
  kind: 'threat',
  for: { client: 'public-health' },
  patients: ['Patient/elena-marsh'],
  period: { end: new Date(Date.now() + 86_400_000).toISOString() },
  facts: { decidedBy: 'Dr. A', goodFaith: true, seriousAndImminent: true, recipientAbleToPrevent: true },
}

describe('consentry evidence', () => {
  test('lists what is on file with its state, and no longer what has ended', async () => {
    const none = await run(['evidence', 'list', ...config()])
    expect(none).toEqual({ code: 1, out: '', error: 'no evidence\n' })
    const added = await run(
      ['evidence', 'add', '-', '--by', 'ana', '--json', ...config()],
      JSON.stringify(threat),
    )
    expect(added.code).toBe(0)
    const [{ id, state }] = lines<{ id: string; state: string }>(added.out) as [{ id: string; state: string }]
    expect(state).toBe('in-force')
    const listed = await run(['evidence', 'list', ...config()])
    expect(listed.out).toMatch(
      new RegExp(`^${id}  in force +threat  public-health  Patient/elena-marsh  until `),
    )
    const others = await run(['evidence', 'list', '--patient', 'marcus-dell', ...config()])
    expect(others.code).toBe(1)
    const shown = await run(['evidence', 'show', id, ...config()])
    expect(shown.out).toContain('45 CFR 164.512(j)(1)(i)')
    expect(shown.out).toContain('entered   by ana at ')

    const approved = await run(['evidence', 'approve', id, '--by', 'ben', ...config()])
    expect(approved).toMatchObject({ code: 2, out: '' })
    expect(approved.error).toContain('expected one that waits for approval')
    const unexplained = await run(['evidence', 'end', id, '--by', 'ben', ...config()])
    expect(unexplained.error).toContain('--why: expected')
    const ended = await run(['evidence', 'end', id, '--why', 'averted', '--by', 'ben', ...config()])
    expect(ended.out).toContain('ended     by ben at ')
    expect((await run(['evidence', 'list', ...config()])).code).toBe(1)
    expect((await run(['evidence', 'list', '--all', ...config()])).out).toContain('  ended ')
  })

  test('names the place of each fault and prints no stack trace', async () => {
    const faulty = { ...threat, patients: ['elena'], facts: { ...threat.facts, goodFaith: false } }
    const ran = await run(['evidence', 'add', '-', '--by', 'ana', ...config()], JSON.stringify(faulty))
    expect(ran).toMatchObject({ code: 2, out: '' })
    expect(ran.error).toContain('standard input:1: patients[0]: expected Patient/x')
    expect(ran.error).toContain('standard input:1: facts.goodFaith: expected true')
    for (const input of ['{', '{}\n{}']) {
      const bad = await run(['evidence', 'add', '-', '--by', 'ana', ...config()], input)
      expect(bad).toMatchObject({ code: 2, out: '' })
      expect(bad.error).not.toMatch(STACK)
    }
    const lost = await run(['evidence', 'show', 'nothing', ...config()])
    expect(lost).toMatchObject({ code: 2, out: '' })
  })

  test('takes the account for the person unless the site shares one', async () => {
    const named = await run(
      ['evidence', 'add', '-', '--by', 'ana', ...config('personal')],
      JSON.stringify(threat),
    )
    expect(named.error).toContain('--by: expected only where the site shares an account')
    const own = await run(['evidence', 'add', '-', '--json', ...config('personal')], JSON.stringify(threat))
    expect(lines<{ enteredBy: string }>(own.out)[0]!.enteredBy).toBe(
      process.env['SUDO_USER'] ?? userInfo().username,
    )
    process.env['SUDO_USER'] = 'ben'
    const behind = await run(
      ['evidence', 'add', '-', '--json', ...config('personal')],
      JSON.stringify(threat),
    )
    delete process.env['SUDO_USER']
    expect(lines<{ enteredBy: string }>(behind.out)[0]!.enteredBy).toBe('ben')
    const nameless = await run(['evidence', 'add', '-', ...config()], JSON.stringify(threat))
    expect(nameless.error).toContain('--by: expected your name')
  })

  test('prints templates whose facts are those that are asked for', async () => {
    const kinds = await run(['evidence', 'kinds', ...config()])
    expect(kinds.out).toMatch(/^court-order-part2 .*42 CFR 2\.61/m)
    expect(kinds.out).not.toContain('break-glass')
    const template = await run(['evidence', 'kinds', 'threat', ...config()])
    expect(Object.keys((JSON.parse(template.out) as typeof threat).facts)).toEqual(
      expect.arrayContaining(Object.keys(threat.facts)),
    )
    const order = await run(['evidence', 'kinds', 'court-order-part2', ...config()])
    const { facts } = JSON.parse(order.out) as { facts: object }
    expect(Object.keys(facts)).toContain('subpoenaAttached')
    expect(facts).not.toHaveProperty('confidentialCommunications')
    expect(order.error).toContain('confidentialCommunications (may be left out)')
    const unknown = await run(['evidence', 'kinds', 'letter', ...config()])
    expect(unknown).toMatchObject({ code: 2, out: '' })
  })

  test('says where no law row reads what was entered', async () => {
    const report = {
      ...threat,
      kind: 'locate',
      facts: { request: 'Sheriff' },
    }
    const file = join(folder, 'shared.json')
    const site = JSON.parse(readFileSync(file, 'utf8')) as { policy: object }
    const off = join(folder, 'off.json')
    writeFileSync(
      off,
      JSON.stringify({ ...site, policy: { ...site.policy, disabledRows: ['hipaa-512f2-locate'] } }),
    )
    const words = ['evidence', 'add', '-', '--by', 'ana', '--config']
    const unread = await run([...words, off], JSON.stringify(report))
    expect(unread.code).toBe(0)
    expect(unread.error).toContain('opens nothing')
    expect((await run([...words, file], JSON.stringify(report))).error).toBe('')
  })
})
