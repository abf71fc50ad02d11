import { Buffer } from 'node:buffer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import { decodedText, type TestSite } from '../support/site.ts'
import { ADA, BEN, HOSPITAL, OPIOID, observation, of, openChart, PLAN, patient, SELF, THO } from './chart.ts'

/** Hidden data inside a resource that is, but for it, allowed. */

const NOTE = 'Patient takes methadone for opioid dependence'
const SPEAKS = 'Opioid dependence'

function note(id: string, contentType: string, bytes: Buffer): Resource {
  return of('DocumentReference', id, {
    status: 'current',
    content: [{ attachment: { contentType, data: bytes.toString('base64') } }],
  })
}

const bom = (mark: number[], text: Buffer): Buffer => Buffer.concat([Buffer.from(mark), text])

/** Resource → what must not be said. Each is withheld whole from the hospital and shown whole to the patient. */
const CARRIERS: Readonly<Record<string, Resource>> = {
  'a code in another element': observation('code', { valueCodeableConcept: OPIOID }),
  'a code in an extension': observation('extension', {
    extension: [
      { url: 'https://x.example/e', valueCoding: { system: 'http://snomed.info/sct', code: '75544000' } },
    ],
  }),
  'a bare code in an extension': observation('bare-code', {
    extension: [{ url: 'https://x.example/e', valueCode: 'F11.20' }],
  }),
  'an extension of a primitive': observation('primitive', {
    _status: { extension: [{ url: 'https://x.example/e', valueString: SPEAKS }] },
  }),
  'a modifier extension': observation('modifier', {
    modifierExtension: [{ url: 'https://x.example/e', valueString: SPEAKS }],
  }),
  'an extension of meta': observation('meta-extension', {
    meta: { extension: [{ url: 'https://x.example/e', valueString: SPEAKS }] },
  }),
  'the display of a tag': observation('tag', {
    meta: {
      tag: [{ system: 'https://x.example/programs', code: 'P7', display: 'Opioid treatment program' }],
    },
  }),
  'the code of a tag': observation('tag-code', {
    meta: { tag: [{ system: 'http://snomed.info/sct', code: '75544000' }] },
  }),
  'the display of a reference': observation('display', {
    performer: [{ display: 'Dr. Orr, Opioid Treatment Program' }],
  }),
  'a note': observation('note', { note: [{ text: NOTE }] }),
  'the narrative': observation('narrative', {
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${NOTE}</div>` },
  }),
  'the narrative, letter by letter': observation('entities', {
    text: { status: 'generated', div: '<div>on meth<b>ad</b>one for &#111;pioid depend&#x65;nce</div>' },
  }),
  'a contained resource': observation('contained', {
    contained: [{ resourceType: 'Condition', id: 'c', subject: ADA, code: OPIOID }],
    focus: [{ reference: '#c' }],
  }),
  'a contained resource in a contained place': observation('contained-note', {
    contained: [{ resourceType: 'Organization', id: 'o', name: 'Harbor Opioid Treatment Program' }],
  }),
  'another spelling of the system': observation('oid', {
    valueCodeableConcept: { coding: [{ system: 'urn:oid:2.16.840.1.113883.6.96', code: '75544000' }] },
  }),
  'another edition of the system': observation('edition', {
    valueCodeableConcept: {
      coding: [{ system: 'HTTP://SNOMED.info/sct/731000124108/version/20260301', code: ' 75544000' }],
    },
  }),
  'letters that look alike': observation('look-alike', {
    valueCodeableConcept: { coding: [{ system: 'ICD-10-CM', code: 'Ｆ１１.２０' }] },
  }),
  'a code with invisible characters': observation('invisible', {
    valueCodeableConcept: {
      coding: [{ system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F\u200b11.2\u00ad0' }],
    },
  }),
  'an attachment': note('plain-text', 'text/plain', Buffer.from(NOTE)),
  'an attachment in UTF-16': note('utf-16', 'text/plain', Buffer.from(NOTE, 'utf16le')),
  'an attachment in UTF-16 with a mark': note(
    'utf-16-mark',
    'text/plain; charset=UTF-16',
    bom([0xff, 0xfe], Buffer.from(NOTE, 'utf16le')),
  ),
  'an attachment in UTF-16, big end first': note(
    'utf-16-be',
    'text/html',
    bom([0xfe, 0xff], Buffer.from(`<p>${NOTE}</p>`, 'utf16le').swap16()),
  ),
  'an attachment that says a wrong charset': note('wrong', 'text/plain; charset=utf-16le', Buffer.from(NOTE)),
  'a document that points at a diagnosis': of('DocumentReference', 'about', {
    status: 'current',
    content: [{ attachment: { title: 'Methadone dosing plan', contentType: 'text/plain' } }],
  }),
}

/** Directory resources that hold what is not directory. */
const PLACES: readonly Resource[] = [
  {
    resourceType: 'Organization',
    id: 'with-condition',
    name: 'Ward 3',
    contained: [{ resourceType: 'Condition', id: 'c', subject: ADA, code: OPIOID }],
  },
  {
    resourceType: 'Medication',
    id: 'with-patient',
    code: { text: 'saline' },
    contained: [{ resourceType: 'Patient', id: 'p', name: [{ family: 'ada' }] }],
  },
  { resourceType: 'Medication', id: 'plain-drug', code: { text: 'saline' } },
]

const consent: Resource = {
  resourceType: 'Consent',
  id: 'names-hiv',
  status: 'active',
  scope: { coding: [{ system: `${THO}/consentscope`, code: 'patient-privacy' }] },
  category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
  patient: BEN,
  dateTime: '2026-01-01',
  policyRule: { coding: [{ system: `${THO}/v3-ActCode`, code: 'OPTIN' }] },
  provision: {
    type: 'permit',
    provision: [
      {
        type: 'deny',
        actor: [
          {
            role: { coding: [{ system: `${THO}/v3-ParticipationType`, code: 'IRCP' }] },
            reference: { reference: 'Organization/golden-plan' },
          },
        ],
        securityLabel: [{ system: `${THO}/v3-ActCode`, code: 'HIV' }],
      },
    ],
  },
}

const MENTIONS: Readonly<Record<string, JsonObject>> = {
  plain: { focus: [{ reference: 'Condition/hidden', display: 'see there' }] },
  versioned: { focus: [{ reference: 'Condition/hidden/_history/1' }] },
  absolute: { focus: [{ reference: 'https://elsewhere.example/fhir/Condition/hidden' }] },
  urn: { focus: [{ reference: 'urn:uuid:8d4d2f0c-1111-4222-8333-123456789012' }] },
  conditional: { focus: [{ reference: 'Condition?identifier=hidden' }] },
  extended: {
    extension: [{ url: 'https://x.example/e', valueReference: { reference: 'Condition/hidden' } }],
  },
  meta: {
    meta: { extension: [{ url: 'https://x.example/e', valueReference: { reference: 'Condition/hidden' } }] },
  },
  unknownType: { focus: [{ reference: 'Diagnosis/hidden' }] },
}

describe('hidden data inside an allowed resource', () => {
  let site: TestSite
  const mentions = Object.entries(MENTIONS).map(([name, fields]) => observation(`mention-${name}`, fields))

  beforeAll(async () => {
    site = await openChart([
      ...Object.values(CARRIERS),
      ...PLACES,
      ...mentions,
      consent,
      patient('elsewhere', {
        generalPractitioner: [{ reference: 'Organization/bayview-otp', display: 'GP' }],
      }),
    ])
  })
  afterAll(() => site.close())

  test.each(Object.entries(CARRIERS))('%s keeps the resource from the hospital', async (_what, resource) => {
    const reference = `${resource.resourceType}/${resource.id}`
    const control = await site.get(reference, SELF)
    expect(control.status).toBe(200)
    expect((await site.get(reference, HOSPITAL)).text).toBe(
      (await site.get(`${resource.resourceType}/absent`, HOSPITAL)).text,
    )
  })

  test('and the whole chart as a list shows none of them', async () => {
    const page = await site.get('Observation?patient=ada&_count=100', HOSPITAL)
    expect(page.status).toBe(200)
    expect(decodedText(page)).toContain('Observation/plain"')
    expect(decodedText(page)).not.toMatch(/opioid|methadone|75544000|F11/i)
    expect(decodedText(await site.get('Observation?patient=ada&_count=100', SELF))).toMatch(/methadone/i)
  })

  test.each(Object.keys(MENTIONS))('a %s reference to what is hidden is taken out', async name => {
    const reply = await site.get(`Observation/mention-${name}`, HOSPITAL)
    expect(reply.status).toBe(200)
    expect(reply.text).toContain('Heart rate')
    expect(reply.text).not.toMatch(/hidden|urn:uuid|focus/)
  })

  test('the patient sees the same references', async () => {
    for (const name of ['plain', 'versioned', 'extended', 'meta'])
      expect((await site.get(`Observation/mention-${name}`, SELF)).text, name).toContain('Condition/hidden')
  })

  test('a general practitioner that is a program is not named, the patient is', async () => {
    const reply = await site.get('Patient/elsewhere', HOSPITAL)
    expect(reply.status).toBe(200)
    expect(reply.text).not.toContain('bayview-otp')
    const own = { client: 'patient-app', user: 'Patient/elsewhere', patient: 'elsewhere' }
    expect((await site.get('Patient/elsewhere', own)).text).toContain('bayview-otp')
  })

  test('a place or a drug that contains patient data is no directory', async () => {
    expect((await site.get('Organization/with-condition', HOSPITAL)).status).toBe(404)
    expect((await site.get('Medication/with-patient', HOSPITAL)).status).toBe(404)
    expect((await site.get('Organization/with-condition', SELF)).status).toBe(200)
    expect((await site.get('Medication/plain-drug', HOSPITAL)).status).toBe(200)
  })

  test('a Consent that names a category does not tell it to whom the category is closed', async () => {
    const own = { client: 'patient-app', user: 'Patient/ben', patient: 'ben' }
    expect((await site.get('Consent/names-hiv', own)).text).toContain('"HIV"')
    for (const path of ['Consent/names-hiv', 'Consent?patient=ben'])
      expect((await site.get(path, PLAN)).text, path).not.toContain('HIV')
  })
})
