import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEMO_PATIENTS } from '../../src/demo/resources.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { lines, run, STACK } from '../support/terminal.ts'

interface Told {
  readonly patient: string
  readonly consents: readonly {
    readonly reference: string
    readonly version?: string
    readonly server: string
    readonly state: string
    readonly why: string
    readonly base?: string
    readonly provisions: readonly { readonly path: string; readonly words: string }[]
    readonly unreadable?: string
    readonly form?: { readonly kind: string; readonly lacks: readonly string[] }
  }[]
  readonly conflicts: readonly {
    readonly permits: { readonly reference: string }
    readonly refuses: { readonly reference: string }
    readonly who: string
    readonly purpose: string
    readonly what: string
  }[]
}

const HL7 = 'http://terminology.hl7.org/CodeSystem'
const code = (system: string, value: string) => ({ system: `${HL7}/${system}`, code: value })
const party = (role: string, reference: string) => ({
  role: { coding: [code('v3-ParticipationType', role)] },
  reference: { reference },
})

const consent = (id: string, more: object = {}): Resource =>
  ({
    resourceType: 'Consent',
    id,
    meta: { versionId: '3' },
    status: 'active',
    scope: { coding: [code('consentscope', 'patient-privacy')] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0', display: 'Consent Document' }] }],
    patient: { reference: 'Patient/p' },
    dateTime: '2026-01-02',
    policy: [{ uri: 'https://example.org/policy' }],
    ...more,
  }) as Resource

const permit = (more: object = {}) => ({
  type: 'permit',
  actor: [party('IRCP', 'Organization/plan')],
  purpose: [code('v3-ActReason', 'HPAYMT')],
  ...more,
})

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'consentry-consents-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const tell = async (...consents: readonly Resource[]): Promise<Told> => {
  const {
    code: exit,
    out,
    error,
  } = await run(
    ['consents', 'p', '--file', '-', '--json'],
    consents.map(one => JSON.stringify(one)).join('\n'),
  )
  expect([exit, error]).toEqual([0, ''])
  return JSON.parse(out) as Told
}

describe('the state of each Consent is told, and why', () => {
  it.each([
    ['enforceable', consent('c', { provision: permit() }), 'every part of it understood'],
    ['inactive', consent('c', { status: 'inactive', provision: permit() }), 'status is inactive'],
    ['inactive', consent('c', { status: 'proposed', provision: permit() }), 'status is proposed'],
    ['expired', consent('c', { provision: permit({ period: { end: '2026-02-01' } }) }), 'has ended'],
    ['not-yet', consent('c', { provision: permit({ period: { start: '2099-02-01' } }) }), 'has not begun'],
    ['unreadable', consent('c', { provision: { actor: [] } }), 'provision.type: expected a type'],
    [
      'not-privacy',
      consent('c', { scope: { coding: [code('consentscope', 'treatment')] } }),
      'scope is not patient-privacy',
    ],
  ] as const)('%s: %#', async (state, resource, why) => {
    const [one] = (await tell(resource)).consents
    expect([one?.state, one?.reference, one?.version]).toEqual([state, 'Consent/c', '3'])
    expect(one?.why).toContain(why)
  })

  it('superseded, by a later one of the same identifier; one without does not step back', async () => {
    const identifier = [{ system: 'https://example.org/forms', value: '7' }]
    const later = consent('later', { identifier, dateTime: '2026-05-01', provision: permit() })
    const told = await tell(
      consent('earlier', { identifier, provision: permit() }),
      later,
      consent('other', { provision: permit() }),
    )
    expect(told.consents.map(({ reference, state }) => [reference, state])).toEqual([
      ['Consent/earlier', 'superseded'],
      ['Consent/later', 'enforceable'],
      ['Consent/other', 'enforceable'],
    ])
    expect(told.consents[0]?.why).toContain('Consent/later')
  })

  it('Consents that plainly name another patient are none of this one', async () => {
    const foreign = consent('foreign', { patient: { reference: 'Patient/q' }, provision: permit() })
    const unsure = consent('unsure', { patient: { identifier: { value: '1' } }, provision: permit() })
    const told = await tell(foreign, unsure, consent('own', { provision: permit() }))
    expect(told.consents.map(({ reference }) => reference)).toEqual(['Consent/unsure', 'Consent/own'])
  })
})

describe('provisions are told in words, with what they inherit', () => {
  it('every element that limits them', async () => {
    const provision = permit({
      period: { start: '2026-01-01' },
      actor: [party('CST', 'Organization/clinic'), party('IRCP', 'Organization/plan')],
      securityLabel: [code('v3-ActCode', 'HIV')],
      class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Observation' }],
      code: [{ coding: [{ system: 'http://loinc.org', code: '4548-4' }] }],
      data: [{ meaning: 'dependents', reference: { reference: 'Encounter/e' } }],
      provision: [{ type: 'deny', actor: [party('IRCP', 'Practitioner/x')] }],
    })
    const [one] = (await tell(consent('c', { provision }))).consents
    expect(one?.base).toBe('permit')
    expect(one?.provisions.map(({ path, words }) => [path, words])).toEqual([
      [
        'provision',
        'permits access to records labelled HIV, of class Observation, coded 4548-4, that are or refer to Encounter/e ' +
          'by Organization/clinic to Organization/plan for HPAYMT from 2026-01-01T08:00Z',
      ],
      [
        'provision.provision[0]',
        'refuses access to records labelled HIV, of class Observation, coded 4548-4, that are or refer to Encounter/e ' +
          'to Practitioner/x for HPAYMT from 2026-01-01T08:00Z',
      ],
    ])
  })

  it('a permit that limits nothing is told as what it is', async () => {
    const [one] = (await tell(consent('c', { provision: { type: 'permit' } }))).consents
    expect(one?.provisions[0]?.words).toBe('permits access to every record to anybody for any purpose')
  })

  it('an opt-out by policyRule is a base of its own', async () => {
    const policyRule = { coding: [code('v3-ActCode', 'OPTOUT')] }
    const [one] = (await tell(consent('c', { policyRule, provision: permit() }))).consents
    expect(one?.base).toBe('deny')
    expect(one?.provisions.map(({ path }) => path)).toEqual(['policyRule', 'provision'])
  })
})

describe('what the form lacks is told by its paragraph', () => {
  const demo = (id: string): Resource =>
    (DEMO_PATIENTS.find(one => one.id === id)?.write() ?? [])
      .map(text => JSON.parse(text) as Resource)
      .find(({ resourceType }) => resourceType === 'Consent') as Resource

  const formOf = async (resource: Resource) => {
    const own = { ...resource, patient: { reference: 'Patient/p' } }
    return (await tell(own)).consents[0]?.form
  }

  it('a whole Part 2 consent lacks nothing, one item less and it lacks that', async () => {
    const whole = demo('elena-marsh')
    expect(await formOf(whole)).toMatchObject({ kind: 'part2-tpo', lacks: [] })
    for (const linkId of ['2.31(a)(6)', '2.31(a)(7)', '2.31(a)(10)(ii)']) {
      const contained = (whole['contained'] as unknown as { item: { linkId: string }[] }[]).map(form => ({
        ...form,
        item: form.item.filter(item => item.linkId !== linkId),
      }))
      const { lacks } = (await formOf({ ...whole, contained } as unknown as Resource)) ?? { lacks: [] }
      expect(lacks.map(text => text.split(' ')[0])).toEqual([linkId])
    }
  })

  it('a form out of force is checked like one in force', async () => {
    expect(await formOf(demo('marcus-dell'))).toMatchObject({ kind: 'part2-tpo', lacks: [] })
  })

  it('an authorization for notes is one for nothing else', async () => {
    const notes = demo('noor-halvorsen')
    expect(await formOf(notes)).toMatchObject({ kind: 'psychotherapy', lacks: [] })
    const provision = { ...(notes['provision'] as object), securityLabel: [code('v3-ActCode', 'MH')] }
    const widened = await formOf({ ...notes, provision } as unknown as Resource)
    expect(widened?.lacks).toBeUndefined()
    const combined = { ...provision, securityLabel: ['PSYTHPN', 'MH'].map(one => code('v3-ActCode', one)) }
    expect(await formOf({ ...notes, provision: combined } as unknown as Resource)).toMatchObject({
      kind: 'psychotherapy',
      lacks: ['164.508(b)(3)(ii)'],
    })
  })

  it('a Consent of no form law is checked against none', async () => {
    expect(await formOf(consent('c', { provision: permit() }))).toBeUndefined()
  })
})

describe('conflicts between Consents', () => {
  const yes = consent('yes', { provision: permit() })

  it('one refuses what another permits: to whom, for what, which record', async () => {
    const no = consent('no', {
      provision: { ...permit(), type: 'deny', securityLabel: [code('v3-ActCode', 'HIV')] },
    })
    const { conflicts } = await tell(yes, no)
    expect(conflicts).toMatchObject([
      {
        permits: { reference: 'Consent/yes' },
        refuses: { reference: 'Consent/no' },
        who: 'Organization/plan',
        purpose: 'HPAYMT',
        what: 'a record: labelled HIV',
      },
    ])
    const text = await run(
      ['consents', 'p', '--file', '-'],
      [yes, no].map(one => JSON.stringify(one)).join('\n'),
    )
    expect(text.out).toContain('Consent/no (provision) refuses what Consent/yes (provision) permits')
  })

  it.each([
    ['another recipient', { actor: [party('IRCP', 'Organization/other')] }, {}],
    ['another purpose', { purpose: [code('v3-ActReason', 'HRESCH')] }, {}],
    [
      'another record',
      { data: [{ meaning: 'instance', reference: { reference: 'Encounter/e' } }] },
      {
        data: [{ meaning: 'instance', reference: { reference: 'Encounter/f' } }],
      },
    ],
    ['a time that is over', { period: { end: '2026-02-01' } }, {}],
  ] as const)('%s is no conflict', async (_title, refused, permitted) => {
    const no = consent('no', { provision: { ...permit(), type: 'deny', ...refused } })
    const told = await tell(consent('yes', { provision: permit(permitted) }), no)
    expect(told.conflicts).toEqual([])
  })

  it('a wider purpose and a wider label are found by what they cover', async () => {
    const tpo = consent('tpo', { provision: permit({ purpose: [code('v3-ActReason', 'TREAT')] }) })
    const no = consent('no', {
      provision: {
        type: 'deny',
        purpose: [code('v3-ActReason', 'ETREAT')],
        securityLabel: [code('v3-ActCode', 'SUD')],
      },
    })
    expect((await tell(tpo, no)).conflicts).toMatchObject([{ purpose: 'ETREAT' }])
  })
})

describe('consents on the command line', { timeout: 60_000 }, () => {
  it('asks the demo, is recorded, and tells nothing else of the chart', async () => {
    const ledger = join(folder, 'look.sqlite')
    const { code: exit, out } = await run(['consents', 'Patient/elena-marsh', '--ledger', ledger])
    expect(exit).toBe(0)
    expect(out).toMatch(/Patient\/elena-marsh: 1 Consent on file/)
    expect(out).toMatch(/Consent\/\S+ version 1 at http:\/\/127\.0\.0\.1:\d+\/fhir/)
    expect(out).toContain('complete as part2-tpo (42 CFR 2.31(a)')
    expect(out).not.toMatch(/Elena|methadone|Condition\/|Encounter\//)
    const rows = lines<{ kind: string; body: string }>(
      (await run(['ledger', 'export', '--ledger', ledger])).out,
    )
    expect(rows.map(({ kind }) => kind)).toEqual(['AuditEvent', 'decision'])
    expect(JSON.parse(rows[1]?.body ?? '')).toMatchObject({
      request: { method: 'consents', target: 'Patient/elena-marsh' },
      consents: [{ version: '1' }],
      release: { bytes: Buffer.byteLength(out) },
    })
  })

  it('says that none is on file, with 1', async () => {
    const empty = join(folder, 'empty.json')
    writeFileSync(empty, JSON.stringify({ resourceType: 'Bundle', type: 'collection' }))
    const { code: exit, out } = await run(['consents', 'p', '--file', empty])
    expect([exit, out]).toEqual([1, 'Patient/p: no Consent on file\n'])
  })

  it.each([
    [['consents', 'a b'], /patient: expected Patient\/x or an id/],
    [['consents', 'p', '--file', '/nowhere/x.json'], /\/nowhere\/x\.json: cannot be read \(ENOENT\)/],
    [['consents', 'p', '--config', '/nowhere/c.json'], /\/nowhere\/c\.json: cannot be read \(ENOENT\)/],
  ])('says what is wrong with %j', async (words, message) => {
    const { code: exit, out, error } = await run(words)
    expect([exit, out]).toEqual([2, ''])
    expect(error).toMatch(message)
    expect(error).not.toMatch(STACK)
  })

  it('says at which line a file is no JSON', async () => {
    const { code: exit, error } = await run(
      ['consents', 'p', '--file', '-'],
      `${JSON.stringify(consent('c'))}\n{"resourceType":\n`,
    )
    expect(exit).toBe(2)
    expect(error).toMatch(/standard input:2: expected JSON/)
  })
})
