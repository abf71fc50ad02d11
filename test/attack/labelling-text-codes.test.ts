import { performance } from 'node:perf_hooks'
import { describe, expect, test } from 'vitest'
import { codesIn } from '../../src/label/text-codes.ts'
import { attached } from '../label/document-kit.ts'
import { AT, labeller, raw } from '../label/house.ts'

/** A diagnosis written as a code in a text is a diagnosis; what merely looks like one is none. */

const { assess, label } = labeller()

function labelsOf(resource: unknown) {
  return label(
    assess(raw(resource)),
    () => 'absent',
    { at: AT },
    () => [],
  ).labels
}

const codesOf = (resource: unknown): string[] => labelsOf(resource).map(({ code }) => code)
const note = (text: string): unknown => attached('text/plain', text)

describe('a code in a text', () => {
  test.each([
    'Assessment: F11.20',
    'Assessment:F11.20.',
    'Dx (F11.20), I10',
    'DG1|1||F11.20^^I10||20260101|A\r',
    'DG1|1|I10|F11.20|x',
    'F11.20/F10.20 in remission',
    'ICD-10-CM=F11.20; E11.9',
    'F11.20 - seen today\nE11.9 - seen today',
    'Overdose: T40.1X1A',
    'F11.20 moderate, unspecified',
    'Seen on the ward\nF11.20\nmg',
  ])('is read: %s', text => {
    expect(codesOf(note(text))).toContain('OPIOIDUD')
  })

  test('is less sure than one with its system, and takes no category but its own', () => {
    const labels = labelsOf(note('Assessment: F11.20'))
    expect(labels.find(({ code }) => code === 'SUD')).toMatchObject({ origin: 'code', confidence: 0.8 })
    expect(codesOf(note('Assessment: E11.9, M54.50'))).toEqual(['N'])
  })

  test('is read in a note, a narrative and HTML', () => {
    const subject = { reference: 'Patient/p' }
    const of = (more: object) => ({
      resourceType: 'Condition',
      id: 'c',
      subject,
      code: { text: 'x' },
      ...more,
    })
    const div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Dx</p><p>F11.20</p></div>'
    expect(codesOf(of({ note: [{ text: 'see F11.20' }] }))).toContain('SUD')
    expect(codesOf(of({ text: { status: 'additional', div } }))).toContain('SUD')
    expect(codesOf(attached('text/html', '<p>Dx</p><td>F11.20</td>'))).toContain('SUD')
  })

  test.each([
    'Moved to room F11.20',
    'Rm. F11.20 bed 2',
    'Room no. F11.20',
    'Software version F11.20',
    'Lot #F11.20 of the pump',
    'https://x.example/F11.20/a',
    'file-F11.20.txt and F11.20.txt',
    'F11.20mg, F11.20 mg',
    'f11.20',
    'XF11.20 and F11.20567',
    'T40.2 HR 120',
    'T40.2X HR 120',
    'Temp F98.6',
    'Vitamin B12.5 mcg and CD20.1',
    'T: 36.6, A50.1 mm wide',
    'Grade F11 and 11.20',
  ])('is not read where it is something else: %s', text => {
    expect(codesOf(note(text))).toEqual(['N'])
  })

  test('says nothing in the display of another system', () => {
    const coding = [{ system: 'http://loinc.org', code: '8867-4', display: 'F11.20' }]
    const subject = { reference: 'Patient/p' }
    const observation = { resourceType: 'Observation', id: 'o', status: 'final', subject, code: { coding } }
    expect(codesOf(observation)).toEqual(['N'])
  })

  test('is found in any text in a time that grows with it', () => {
    const texts = [
      'F11.20 '.repeat(300_000),
      'F11.'.repeat(500_000),
      `${' '.repeat(1_000_000)}F11.20`,
      Array.from({ length: 200_000 }, (_, n) => `E${10 + (n % 90)}.${n % 9_999}`).join(' '),
    ]
    for (const text of texts) {
      const start = performance.now()
      codesIn(text)
      expect(performance.now() - start).toBeLessThan(3_000)
    }
  })
})
