import { afterAll, describe, expect, it } from 'vitest'
import { createDocumentReader } from '../../src/label/document-reader.ts'
import { createLabeller } from '../../src/label/labeller.ts'
import type { Label } from '../../src/model/label.ts'
import { AT, RULES, raw, site } from './house.ts'

/** One thing said in several ways; the same places hold something innocent in the twin. */
interface Said {
  readonly words: string
  readonly icd10: string
  readonly hcpcs: string
  readonly snomed: string
}

const SECRETS: Readonly<Record<string, Said>> = {
  SUD: { words: 'heroin dependence', icd10: 'F11.20', hcpcs: 'H0020', snomed: '75544000' },
  HIV: { words: 'HIV infection', icd10: 'B20', hcpcs: 'G0432', snomed: '86406008' },
  ABORTION: { words: 'induced abortion', icd10: 'Z33.2', hcpcs: 'S2260', snomed: '57797005' },
  MH: { words: 'bipolar disorder', icd10: 'F31.9', hcpcs: 'H0031', snomed: '13746004' },
  SDV: { words: 'domestic violence', icd10: 'T74.11XA', hcpcs: '', snomed: '706893006' },
}
const INNOCENT: Said = { words: 'essential hypertension', icd10: 'I10', hcpcs: 'A0425', snomed: '59621000' }

type Resource = Readonly<Record<string, unknown>>

const ICD10 = 'http://hl7.org/fhir/sid/icd-10-cm'
const HCPCS = 'http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets'
const SNOMED = 'http://snomed.info/sct'
const EXTENSION = 'https://site.example/fhir/StructureDefinition/remark'
const subject = { reference: 'Patient/p' }

/** A resource that says nothing of itself. */
const plain = (more: Resource): Resource => ({
  resourceType: 'Observation',
  id: 'o',
  status: 'final',
  code: { text: 'Remark' },
  subject,
  ...more,
})
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')
const document = (contentType: string, text: string): Resource => ({
  resourceType: 'DocumentReference',
  id: 'd',
  status: 'current',
  subject,
  content: [{ attachment: { contentType, data: base64(text) } }],
})
const div = (text: string): string =>
  `<div xmlns="http://www.w3.org/1999/xhtml"><table><tr><td>Seen for</td><td><b>${text}</b></td></tr></table></div>`

/** A PDF of one page with one line of text, offsets right. */
function pdf(line: string): string {
  const stream = `BT /F1 12 Tf 72 720 Td (${line}) Tj ET`
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]
  let text = '%PDF-1.4\n'
  const offsets = objects.map((object, index) => {
    const offset = text.length
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const at = text.length
  const size = objects.length + 1
  return `${text}xref\n0 ${size}\n0000000000 65535 f \n${offsets.join('')}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${at}\n%%EOF\n`
}

/** A clinical document of one section with one coded entry. */
const cda = ({ words, icd10 }: Said): string =>
  `<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Summary</title><component><structuredBody><component><section><code code="11450-4" codeSystem="2.16.840.1.113883.6.1"/><title>Problems</title><text><list><item>${words}</item></list></text><entry><observation classCode="OBS" moodCode="EVN"><value code="${icd10}" codeSystem="2.16.840.1.113883.6.90"/></observation></entry></section></component></structuredBody></component></ClinicalDocument>`

/** Where a secret can stand, by name. */
const PLACES: Readonly<Record<string, (said: Said) => Resource>> = {
  'the narrative': ({ words }) => plain({ text: { status: 'generated', div: div(words) } }),
  'a note': ({ words }) => plain({ note: [{ text: `Seen today for ${words}.` }] }),
  'a string value': ({ words }) => plain({ valueString: words }),
  'a component': ({ snomed }) =>
    plain({ component: [{ code: { coding: [{ system: SNOMED, code: snomed }] }, valueBoolean: true }] }),
  'an extension string': ({ words }) => plain({ extension: [{ url: EXTENSION, valueString: words }] }),
  'an extension coding': ({ icd10 }) =>
    plain({ extension: [{ url: EXTENSION, valueCoding: { system: ICD10, code: icd10 } }] }),
  'an extension inside an extension of an element': ({ words }) =>
    plain({
      code: {
        text: 'Remark',
        extension: [{ url: EXTENSION, extension: [{ url: 'reason', valueMarkdown: `_${words}_` }] }],
      },
    }),
  'a primitive sibling': ({ words }) =>
    plain({ _status: { extension: [{ url: EXTENSION, valueString: words }] } }),
  'the sibling of a member of a list': ({ words }) =>
    plain({
      resourceType: 'Patient',
      name: [{ given: ['Ann'], _given: [{ extension: [{ url: EXTENSION, valueString: words }] }] }],
    }),
  'a contained resource': ({ icd10 }) =>
    plain({
      contained: [
        {
          resourceType: 'Condition',
          id: 'c',
          subject,
          code: { coding: [{ system: ICD10, code: icd10 }] },
        },
      ],
      focus: [{ reference: '#c' }],
    }),
  'the display of a reference': ({ words }) =>
    plain({ focus: [{ reference: 'Condition/elsewhere', display: words }] }),
  'a text attachment': ({ words }) => document('text/plain', `Assessment\n\nPatient has ${words}.\n`),
  'an HTML attachment': ({ words }) =>
    document(
      'text/html',
      `<html><body><p>Patient has <i>${words.replace(' ', '&#32;')}</i>.</p></body></html>`,
    ),
  'an RTF attachment': ({ words }) =>
    document(
      'application/rtf',
      `{\\rtf1\\ansi{\\fonttbl\\f0\\fswiss Helvetica;}\\f0\\pard Patient has {\\b ${words}}.\\par}`,
    ),
  'a clinical document': said => document('application/xml', cda(said)),
  'a PDF attachment': ({ words }) => document('application/pdf', pdf(`Patient has ${words}.`)),
  'the title of an attachment': ({ words }) => ({
    ...document('text/plain', 'See above.'),
    content: [
      { attachment: { contentType: 'text/plain', title: `About ${words}`, data: base64('See above.') } },
    ],
  }),
  'a Binary': ({ words }) => ({
    resourceType: 'Binary',
    id: 'b',
    contentType: 'text/plain',
    securityContext: subject,
    data: base64(`Patient has ${words}.`),
  }),
  'the diagnosis of a Claim': ({ icd10 }) => ({
    ...claim(),
    diagnosis: [{ sequence: 1, diagnosisCodeableConcept: { coding: [{ system: ICD10, code: icd10 }] } }],
  }),
  'the text of a Claim line': ({ words }) => ({
    ...claim(),
    item: [{ sequence: 1, productOrService: { text: `Care for ${words}` } }],
  }),
  'the plan name of a Coverage': ({ words }) => ({
    resourceType: 'Coverage',
    id: 'v',
    status: 'active',
    beneficiary: subject,
    payor: [{ reference: 'Organization/o' }],
    class: [{ type: { text: 'plan' }, value: '7', name: `State programme for ${words}` }],
  }),
  'an answer of a questionnaire': ({ words }) => ({
    ...answers(),
    item: [{ linkId: '1', text: 'Why do you come?', answer: [{ valueString: words }] }],
  }),
  'a coded answer of a questionnaire': ({ snomed }) => ({
    ...answers(),
    item: [
      {
        linkId: '1',
        item: [{ linkId: '1.1', answer: [{ valueCoding: { system: SNOMED, code: snomed } }] }],
      },
    ],
  }),
  'an activity of a CarePlan': ({ words }) => ({
    resourceType: 'CarePlan',
    id: 'cp',
    status: 'active',
    intent: 'plan',
    subject,
    activity: [{ detail: { status: 'scheduled', description: `Group for ${words}` } }],
  }),
  'the conclusion of a report': ({ words }) => ({
    resourceType: 'DiagnosticReport',
    id: 'r',
    status: 'final',
    code: { text: 'Report' },
    subject,
    conclusion: `Known ${words}.`,
  }),
  'the type of an identifier': ({ words }) =>
    plain({ identifier: [{ type: { text: `Number in the registry of ${words}` }, value: '17' }] }),
  'the type of an identifier of a person': ({ words }) => ({
    resourceType: 'Patient',
    id: 'p',
    identifier: [{ type: { text: `Number in the registry of ${words}` }, value: '17' }],
  }),
}

/** A line of HCPCS; not every category has codes there. */
const CLAIM_LINE = 'the code of a Claim line'
const claimLine = ({ hcpcs }: Said): Resource => ({
  ...claim(),
  item: [{ sequence: 1, productOrService: { coding: [{ system: HCPCS, code: hcpcs }] } }],
})

function claim(): Resource {
  return { resourceType: 'Claim', id: 'cl', status: 'active', use: 'claim', patient: subject }
}

function answers(): Resource {
  return { resourceType: 'QuestionnaireResponse', id: 'q', status: 'completed', subject }
}

const rooms = createLabeller(RULES, site(), { cacheBytes: 1 << 20, jsonDepth: 64 }, createDocumentReader())
afterAll(() => rooms.close())

/** Labels of the resource and of its parts that are released apart, documents read. */
async function labelsOf(resource: Resource): Promise<{ codes: Set<string>; withheld: boolean }> {
  const facts = await rooms.read(rooms.assess(raw(resource)))
  const { codes, notAssessable } = rooms.label(facts, () => 'absent', { at: AT })
  const ofParts: readonly Label[] = (facts.telling ?? []).flatMap(({ labels }) => labels)
  return {
    codes: new Set([...codes, ...ofParts.map(({ code }) => code)]),
    withheld: notAssessable !== undefined,
  }
}

const CONFIDENTIALITY = new Set(['U', 'L', 'M', 'N', 'R', 'V'])

describe.each(Object.entries(SECRETS))('a word or code of %s', (label, secret) => {
  const places = { ...PLACES, ...(secret.hcpcs === '' ? {} : { [CLAIM_LINE]: claimLine }) }

  it.each(Object.entries(places))('labels what holds it in %s', async (_, planted) => {
    const { codes } = await labelsOf(planted(secret))
    expect([...codes]).toContain(label)
  })
})

describe('something innocent', () => {
  it.each(Object.entries({ ...PLACES, [CLAIM_LINE]: claimLine }))(
    'labels nothing in %s',
    async (_, planted) => {
      const { codes, withheld } = await labelsOf(planted(INNOCENT))
      expect(withheld).toBe(false)
      expect([...codes].filter(code => !CONFIDENTIALITY.has(code))).toEqual([])
    },
  )
})
