import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/model/fhir.ts'
import { Chart, site } from '../label/house.ts'

/** Records that point at what is on another chart, or take back that they do. */

const ADA = { reference: 'Patient/ada' }
const BEN = { reference: 'Patient/ben' }
const TITLE = 'HIV clinic patients'

const condition = { resourceType: 'Condition', id: 'c', subject: ADA, code: { text: 'Knee sprain' } }
const item = { reference: 'Condition/c' }

const list = (change: JsonObject = {}): JsonObject => ({
  resourceType: 'List',
  id: 'l',
  status: 'current',
  mode: 'changes',
  subject: ADA,
  title: TITLE,
  entry: [{ item }],
  ...change,
})

const composition = (change: JsonObject = {}): JsonObject => ({
  resourceType: 'Composition',
  id: 'd',
  status: 'final',
  subject: ADA,
  title: 'Summary',
  section: [{ title: TITLE, entry: [item] }],
  ...change,
})

const without = (record: JsonObject, member: string): JsonObject =>
  Object.fromEntries(Object.entries(record).filter(([key]) => key !== member))

function codesOf(...others: JsonObject[]): string[] {
  return [...new Chart([condition, ...others]).label('Condition/c').codes]
}

describe('a record that points at another', () => {
  test.each([
    ['a list of the patient', list()],
    ['a list whose other entry is deleted', list({ entry: [{ item: BEN, deleted: true }, { item }] })],
    ['a list that says of the entry that it is not deleted', list({ entry: [{ item, deleted: false }] })],
    ['a document of the patient', composition()],
  ])('tells what it is where it is %s', (_what, record) => {
    expect(codesOf(record)).toEqual(['HIV'])
  })

  test.each([
    ['a list of somebody else', list({ subject: BEN })],
    ['a list of nobody', without(list(), 'subject')],
    ['a list that was entered in error', list({ status: 'entered-in-error' })],
    ['a list that says the entry is deleted', list({ entry: [{ item, deleted: true }] })],
    ['a document of somebody else', composition({ subject: BEN })],
    ['a document of nobody', without(composition(), 'subject')],
    ['a document that was entered in error', composition({ status: 'entered-in-error' })],
  ])('tells nothing where it is %s', (_what, record) => {
    expect(codesOf(record)).toEqual([])
  })

  test('tells nothing through a panel of the patient, of somebody else', () => {
    const panel = (subject: JsonObject): JsonObject[] => [
      { resourceType: 'Observation', id: 'o', status: 'final', subject: ADA, code: { text: 'Result' } },
      {
        resourceType: 'DiagnosticReport',
        id: 'r',
        status: 'final',
        subject: ADA,
        code: { text: 'Panel' },
        result: [{ reference: 'Observation/o' }],
      },
      list({ subject, entry: [{ item: { reference: 'DiagnosticReport/r' } }] }),
    ]
    const codes = (subject: JsonObject) => [...new Chart(panel(subject)).label('Observation/o').codes]
    expect(codes(ADA)).toEqual(['HIV'])
    expect(codes(BEN)).toEqual([])
  })

  test('tells nothing through a file that two patients point at', () => {
    const data = Buffer.from('nothing to see').toString('base64')
    const binary = { resourceType: 'Binary', id: 'b', contentType: 'text/plain', data }
    const pointing = (id: string, subject: JsonObject, description: string): JsonObject => ({
      resourceType: 'DocumentReference',
      id,
      status: 'current',
      subject,
      description,
      content: [{ attachment: { contentType: 'text/plain', url: 'Binary/b' } }],
    })
    const codes = (subject: JsonObject) => {
      const chart = new Chart([binary, pointing('ada', ADA, 'Letter'), pointing('other', subject, TITLE)])
      return [...chart.label('DocumentReference/ada').codes]
    }
    expect(codes(ADA)).toEqual(['HIV'])
    expect(codes(BEN)).toEqual([])
  })

  test('leaves in doubt where it cannot be read, unless it is of somebody else', () => {
    const elsewhere = { reference: 'https://other.example/fhir/Patient/x' }
    const unread = (subject: JsonObject): JsonObject =>
      composition({ subject: elsewhere, attester: [{ mode: 'personal', party: subject }] })
    const chart = (subject: JsonObject) => new Chart([condition, unread(subject)])
    expect(chart(BEN).facts('Composition/d').notAssessable).toBeDefined()
    expect(chart(ADA).label('Condition/c').notAssessable).toBeDefined()
    expect(chart(BEN).label('Condition/c').notAssessable).toBeUndefined()
  })

  test('is the document wherever that is kept, also where it was entered in error', () => {
    const data = Buffer.from('nothing to see').toString('base64')
    const binary = { resourceType: 'Binary', id: 'b', contentType: 'text/plain', data }
    const reference = (status: string): JsonObject => ({
      resourceType: 'DocumentReference',
      id: 'd',
      status,
      subject: ADA,
      description: 'Opioid dependence',
      content: [{ attachment: { contentType: 'text/plain', url: 'Binary/b' } }],
    })
    for (const status of ['current', 'entered-in-error'])
      expect(new Chart([binary, reference(status)]).label('Binary/b').codes.has('SUD'), status).toBe(true)
  })
})

describe('who a Provenance names', () => {
  const program = 'Organization/otp'
  const provenance = {
    resourceType: 'Provenance',
    id: 'p',
    target: [item],
    agent: [{ who: { reference: program } }],
  }
  const isPart2 = (...others: JsonObject[]): boolean =>
    new Chart([condition, ...others], site({ part2Programs: [program], part2: 'lawful-holder' })).label(
      'Condition/c',
    ).part2

  test('made the record, though it names no patient', () => {
    expect(isPart2(provenance)).toBe(true)
    expect(isPart2()).toBe(false)
  })

  test('and a document of somebody else does not', () => {
    const by = { author: [{ reference: program }], custodian: { reference: program } }
    expect(isPart2(composition(by))).toBe(true)
    expect(isPart2(composition({ ...by, subject: BEN }))).toBe(false)
  })
})
