import { createHmac, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TokenRequest } from '../../src/demo/issuer.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { openOfficeStore } from '../../src/office/store.ts'
import { readExchange } from '../../src/record/verify.ts'
import { checkAuditEvent } from '../record/balp.ts'
import { decisionOf } from '../support/scenario.ts'
import { openTestSite, type TestSite } from '../support/site.ts'
import { run } from '../support/terminal.ts'

/** A receiver of alerts that can be taken down and put up again on the same port. */
class Receiver {
  readonly secret: Buffer = randomBytes(32)
  readonly taken: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = []
  #server: Server | undefined
  #port = 0

  get url(): string {
    return `http://127.0.0.1:${this.#port}/alerts`
  }

  async up(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        this.taken.push({ headers: request.headers, body: Buffer.concat(chunks).toString('utf8') })
        response.writeHead(204).end()
      })
    })
    await new Promise<void>(resolve => server.listen(this.#port, '127.0.0.1', resolve))
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async down(): Promise<void> {
    const server = this.#server
    server?.closeAllConnections()
    await new Promise<void>(resolve => (server === undefined ? resolve() : server.close(() => resolve())))
  }

  ids(): readonly string[] {
    return this.taken.map(({ headers }) => String(headers['webhook-id']))
  }
}

const THO = 'http://terminology.hl7.org/CodeSystem'
const OTP = 'https://fhir.bayview-otp.example/r4'

function patient(id: string): JsonObject {
  return { resourceType: 'Patient', id, birthDate: '1970-05-05', name: [{ family: 'Secretname' }] }
}

/** From the opioid treatment program: Part 2. */
function opioid(id: string, of: string): JsonObject {
  return {
    resourceType: 'Condition',
    id,
    meta: { source: OTP },
    subject: { reference: `Patient/${of}` },
    code: { coding: [{ system: 'http://snomed.info/sct', code: '75544000', display: 'Opioid dependence' }] },
  }
}

const RESOURCES = [
  patient('ada'),
  patient('ben'),
  patient('carl'),
  opioid('ada-opioid', 'ada'),
  opioid('ben-opioid', 'ben'),
  {
    resourceType: 'DocumentReference',
    id: 'ada-note',
    status: 'current',
    subject: { reference: 'Patient/ada' },
    type: {
      coding: [{ system: 'https://bayview.example/fhir/CodeSystem/note-kind', code: 'PSY-SEPARATE' }],
    },
    content: [{ attachment: { contentType: 'text/plain', data: Buffer.from('session').toString('base64') } }],
  },
  {
    resourceType: 'Observation',
    id: 'carl-pressure',
    status: 'final',
    subject: { reference: 'Patient/carl' },
    code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }] },
  },
  {
    resourceType: 'Consent',
    id: 'carl-refuses',
    status: 'active',
    scope: { coding: [{ system: `${THO}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: 'Patient/carl' },
    dateTime: '2026-03-01',
    policyRule: { coding: [{ system: `${THO}/v3-ActCode`, code: 'OPTOUT' }] },
    provision: { type: 'deny' },
  },
] as unknown as readonly Resource[]

const USER = 'PractitionerRole/tomas-okonjo-role'
const DOCTOR: TokenRequest = { client: 'emergency-department', user: USER, purpose: 'ETREAT' }

const declaration = (more: JsonObject = {}): JsonObject => ({
  patient: 'Patient/ada',
  reason: 'needs the dose of methadone before intubation',
  natureOfEmergency: 'unconscious, suspected overdose',
  consentUnobtainable: true,
  consentUnobtainableReason: 'patient unconscious',
  medicalPersonnel: { name: 'Tomas Okonjo', facility: 'Sierra Basin Emergency Center' },
  ...more,
})

const demo = JSON.parse(
  readFileSync(new URL('../../profiles/deployment/demo.json', import.meta.url), 'utf8'),
) as { clients: JsonObject[] }

const ED = demo.clients.find(({ clientId }) => clientId === 'emergency-department') as JsonObject
const clients = [
  ...demo.clients,
  { ...ED, clientId: 'other-emergency', name: 'Another emergency department' },
  { ...ED, clientId: 'ordinary-emergency', name: 'One that may not', breakGlass: false },
  {
    ...demo.clients.find(({ clientId }) => clientId === 'treating-hospital'),
    clientId: 'hospital-system',
    name: 'A hospital whose system is registered as provider',
    purposes: ['TREAT', 'ETREAT'],
    breakGlass: true,
  },
]

const START = Date.parse('2026-09-15T22:10:30.400Z')
let clock = START
const folder = mkdtempSync(join(tmpdir(), 'consentry-glass-'))
const receiver = new Receiver()
const warnings: string[] = []
let site: TestSite

beforeAll(async () => {
  await receiver.up()
  await receiver.down()
  writeFileSync(join(folder, 'secret'), `whsec_${receiver.secret.toString('base64')}\n`)
  site = await openTestSite({
    resources: RESOURCES,
    overrides: {
      clients,
      ledger: { repository: 'none' },
      emergency: {
        grantMinutes: 30,
        discloser: 'Ruth Okafor',
        alerts: { url: receiver.url, secretFile: join(folder, 'secret') },
      },
    },
    seams: { now: () => new Date(clock), warn: text => warnings.push(text) },
  })
})
afterAll(async () => {
  await site.close()
  await receiver.down()
  rmSync(folder, { recursive: true, force: true })
})

interface Answer {
  readonly status: number
  readonly id: string
  readonly text: string
  readonly grant: string
  readonly until: string
}

async function declare(as: TokenRequest, body: JsonObject = declaration(), at = site): Promise<Answer> {
  const token = await at.issuer.issueToken({ scope: 'emergency-access', ...as })
  const text = JSON.stringify(body)
  const reply = await at.house.declareEmergency({
    method: 'POST',
    target: '/emergency-access',
    headers: [
      ['Host', 'gateway.test'],
      ['Authorization', `Bearer ${token}`],
      ['Content-Type', 'application/json'],
      ['Content-Length', String(Buffer.byteLength(text))],
    ],
    body: Buffer.from(text),
    remoteAddress: '127.0.0.1',
  })
  const said = Buffer.from(reply.body).toString('utf8')
  const { grant = '', until = '' } = JSON.parse(said) as { grant?: string; until?: string }
  return { status: reply.status, id: reply.headers['X-Request-Id'] ?? '', text: said, grant, until }
}

const status = async (path: string, as: TokenRequest = DOCTOR, at = site): Promise<number> =>
  (await at.get(path, as)).status

/** How many emergencies the office knows of. */
function declared(): number {
  const store = openOfficeStore(site.officeFile)
  try {
    return store.since(0).filter(({ kind }) => kind === 'evidence-entered').length
  } finally {
    store.close()
  }
}

/** The configuration as the commands read it. */
function configFile(): string {
  const file = join(folder, 'site.json')
  const issuers = [{ issuer: site.issuer.issuer, jwksUri: site.issuer.jwksUri }]
  writeFileSync(
    file,
    JSON.stringify({
      ...demo,
      $schema: undefined,
      clients,
      issuers,
      upstream: { url: site.upstream.url },
      office: { file: site.officeFile, accounts: 'shared' },
      ledger: { file: site.ledgerFile },
    }),
  )
  return file
}

describe('from declaration to closed review', () => {
  let made: Answer

  test('before anything is declared, what the emergency would open looks as if it did not exist', async () => {
    expect(await status('Condition/ada-opioid')).toBe(404)
    expect(await status('Observation/carl-pressure')).toBe(404)
    expect(await status('Condition/ada-opioid', { ...DOCTOR, purpose: 'BTG' })).toBe(404)
  })

  test('a declaration is answered with its grant and the second of its end, and stands in the record with the four facts', async () => {
    made = await declare(DOCTOR)
    expect([made.status, made.until]).toEqual([201, '2026-09-15T22:40:30Z'])
    const rows = readExchange(site.ledgerFile, made.id)
    expect(rows.map(({ kind, patient: of }) => [kind, of])).toEqual([
      ['AuditEvent', 'Patient/ada'],
      ['decision', 'Patient/ada'],
    ])
    const event = JSON.parse(rows[0]?.body ?? '{}') as {
      subtype: { code: string }[]
      entity: { name?: string; detail?: { type: string; valueString: string }[] }[]
    }
    expect(event.subtype[0]?.code).toBe('110127')
    expect(checkAuditEvent(event)).toEqual([])
    const facts = event.entity.find(({ name }) => name === 'emergency-grant')?.detail ?? []
    expect(Object.fromEntries(facts.map(({ type, valueString }) => [type, valueString]))).toMatchObject({
      'medicalPersonnel.name': 'Tomas Okonjo',
      'medicalPersonnel.facility': 'Sierra Basin Emergency Center',
      discloser: 'Ruth Okafor',
      attestedAt: '2026-09-15T22:10:30Z',
      natureOfEmergency: 'unconscious, suspected overdose',
    })
  })

  test('the record opens in the same second, and its release names the grant in the decision and in the AuditEvent', async () => {
    const reply = await site.get('Condition/ada-opioid', DOCTOR)
    expect(reply.status).toBe(200)
    const rows = readExchange(site.ledgerFile, reply.headers['X-Request-Id'] ?? '')
    const audit = rows.find(({ kind }) => kind === 'AuditEvent')?.body ?? ''
    expect(audit).toContain(made.grant)
    expect(checkAuditEvent(JSON.parse(audit))).toEqual([])
    const { obligations } = decisionOf(rows) as { obligations?: string[] }
    expect(obligations).toEqual(expect.arrayContaining(['BTG_ALERT', 'BTG_REVIEW', 'P2_EMERGENCY_DOC']))
    expect(rows.find(({ kind }) => kind === 'decision')?.body).toContain(`"evidence":"${made.grant}"`)
    expect(reply.text).not.toContain('42 CFR part 2 prohibits')
  })

  test('it opens for that patient, user, client and purpose alone, and psychotherapy notes stay closed', async () => {
    expect(await status('Condition/ben-opioid')).toBe(404)
    expect(await status('Condition/ada-opioid', { ...DOCTOR, user: 'PractitionerRole/another' })).toBe(404)
    expect(await status('Condition/ada-opioid', { ...DOCTOR, client: 'other-emergency' })).toBe(404)
    expect(await status('Condition/ada-opioid', { ...DOCTOR, purpose: 'TREAT' })).toBe(404)
    expect(await status('Condition/ada-opioid', { ...DOCTOR, purpose: ['TREAT', 'ETREAT'] })).toBe(404)
    expect(await status('DocumentReference/ada-note')).toBe(404)
    expect(await status('Condition/ada-opioid')).toBe(200)
  })

  test('a system that is registered as provider gets the Part 2 record too once its practitioner has declared', async () => {
    const hospital: TokenRequest = { client: 'hospital-system', user: USER, purpose: 'ETREAT' }
    expect(await status('Condition/ben-opioid', hospital)).toBe(404)
    expect((await declare(hospital, declaration({ patient: 'ben' }))).status).toBe(201)
    expect(await status('Condition/ben-opioid', hospital)).toBe(200)
    expect(await status('Condition/ben-opioid')).toBe(404)
  })

  test("against a patient's refusal the record goes with the request not to use it further", async () => {
    expect((await declare(DOCTOR, declaration({ patient: 'Patient/carl' }))).status).toBe(201)
    const reply = await site.get('Observation?patient=carl', DOCTOR)
    expect(reply.text).toContain('Observation/carl-pressure')
    expect(reply.text).toContain('You are requested not to further use or disclose it')
    expect((await site.get('Condition/ada-opioid', DOCTOR)).text).not.toContain('You are requested')
  })

  test('while the receiver is down nothing is lost, a restart included, and what arrives is signed', async () => {
    expect(receiver.taken).toEqual([])
    expect(warnings.some(text => text.includes('alerts cannot be delivered'))).toBe(true)
    await receiver.up()
    site = await site.restart()
    await expect.poll(() => receiver.taken.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(3)
    const alert = receiver.taken.find(({ headers }) => headers['webhook-id'] === `${made.grant}.declared`)
    const {
      'webhook-id': id,
      'webhook-timestamp': time,
      'webhook-signature': signature,
    } = alert?.headers ?? {}
    const expected = createHmac('sha256', receiver.secret)
      .update(`${id}.${time}.${alert?.body}`)
      .digest('base64')
    expect(signature).toBe(`v1,${expected}`)
    expect(JSON.parse(alert?.body ?? '{}')).toMatchObject({
      type: 'emergency-declared',
      data: { grant: made.grant, patient: 'Patient/ada', user: USER, client: 'emergency-department' },
    })
    expect(alert?.body).not.toMatch(/overdose|methadone|unconscious|Secretname/)
    expect(new Set(receiver.ids()).size).toBe(receiver.ids().length)
  })

  test('a grant outlives the restart and ends to the second', async () => {
    clock = Date.parse('2026-09-15T22:40:29.999Z')
    expect(await status('Condition/ada-opioid')).toBe(200)
    clock = Date.parse('2026-09-15T22:40:30.000Z')
    expect(await status('Condition/ada-opioid')).toBe(404)
  })

  test('the office sees what was released under the grant, and alerts tell what was odd of it', async () => {
    clock = Date.parse('2026-09-15T22:45:00Z')
    expect(await declare(DOCTOR, declaration({ patient: 'Patient/nobody-of-this-name' }))).toMatchObject({
      status: 201,
    })
    expect(await declare(DOCTOR, declaration({ patient: 'Patient/ben' }))).toMatchObject({ status: 201 })
    const kinds = () =>
      receiver.taken.map(({ body }) => JSON.parse(body) as { type: string; data: { patient: string } })
    await expect
      .poll(() => kinds().map(({ type, data }) => `${type} ${data.patient}`), { timeout: 5000 })
      .toEqual(expect.arrayContaining(['repeated-declarations Patient/ben', 'many-patients Patient/ben']))
    const show = await run(['reviews', 'show', made.grant, '--config', configFile()])
    expect(show.code, show.error).toBe(0)
    expect(show.out).toMatch(/released {3}1 in exchange .*\n +Condition\/ada-opioid/)
    expect(show.out).toContain('nature     unconscious, suspected overdose')
    expect(show.out).toMatch(/alert {6}emergency-declared of .*: arrived/)
    expect(show.out).not.toContain('ben-opioid')
  })

  test('the office ends a grant before its time, and the next request finds it closed', async () => {
    const again = await declare(DOCTOR)
    expect(await status('Condition/ada-opioid')).toBe(200)
    const by = ['--by', 'Ruth Okafor', '--why', 'the patient can be asked', '--config', configFile()]
    expect(await run(['evidence', 'end', again.grant, ...by])).toMatchObject({ code: 0 })
    expect(await status('Condition/ada-opioid')).toBe(404)
  })

  test('the review is closed by another than the user, once', async () => {
    const config = ['--config', configFile()]
    const close = (by: string, outcome = 'appropriate') =>
      run(['reviews', 'close', made.grant, ...config, '--by', by, '--outcome', outcome])
    expect(await close('tomas okonjo')).toMatchObject({
      code: 2,
      error: expect.stringContaining('expected somebody else'),
    })
    expect(await close(USER)).toMatchObject({ code: 2 })
    expect(await close('Ruth Okafor', 'fine')).toMatchObject({
      code: 2,
      error: expect.stringContaining('appropriate, inappropriate, reported'),
    })
    expect(await close('Ruth Okafor')).toMatchObject({ code: 0, out: 'closed: appropriate\n' })
    expect(await close('Ruth Okafor', 'reported')).toMatchObject({ code: 2 })
    const list = await run(['reviews', 'list', ...config])
    expect(list.out).not.toContain(made.grant)
    const all = await run(['reviews', 'list', '--all', ...config])
    expect(all.out).toMatch(new RegExp(`${made.grant} {2}appropriate`))
  })
})

describe('who may not declare, and what is no declaration', () => {
  test.each<[string, TokenRequest, JsonObject, number, string]>([
    ['no emergency scope', { ...DOCTOR, scope: 'user/*.rs' }, declaration(), 403, 'scope'],
    [
      'a client not registered for it',
      { ...DOCTOR, client: 'ordinary-emergency' },
      declaration(),
      403,
      'client',
    ],
    ['no practitioner', { ...DOCTOR, user: 'RelatedPerson/x' }, declaration(), 403, 'fhirUser'],
    ['purpose treatment alone', { ...DOCTOR, purpose: 'TREAT' }, declaration(), 403, 'purpose'],
    ['a token for another patient', { ...DOCTOR, patient: 'ben' }, declaration(), 403, 'patient'],
    ['no nature', DOCTOR, declaration({ natureOfEmergency: ' - ' }), 400, 'natureOfEmergency'],
    [
      'a patient who can consent',
      DOCTOR,
      declaration({ consentUnobtainable: false }),
      400,
      'consentUnobtainable',
    ],
    ['two patients', DOCTOR, declaration({ patient: ['Patient/ada', 'Patient/ben'] }), 400, 'patient'],
    ['an unknown member', DOCTOR, declaration({ minutes: 600 }), 400, 'expected only'],
  ])('%s is refused, recorded, and opens nothing', async (_, as, body, code, names) => {
    const before = declared()
    const refused = await declare(as, body)
    expect(refused.status, refused.text).toBe(code)
    expect(refused.text).toContain(names)
    expect(readExchange(site.ledgerFile, refused.id).map(({ kind }) => kind)).toEqual([
      'AuditEvent',
      'decision',
    ])
    expect(declared()).toBe(before)
  })

  test('the answer does not tell whether the patient exists', async () => {
    const shape = ({ status, text }: Answer) => [status, Object.keys(JSON.parse(text) as object)]
    const requests = site.upstream.requests()
    const known = await declare(DOCTOR, declaration({ patient: 'Patient/ada' }))
    const unknown = await declare(DOCTOR, declaration({ patient: 'Patient/nobody' }))
    expect(shape(unknown)).toEqual(shape(known))
    expect(site.upstream.requests()).toBe(requests)
  })
})
