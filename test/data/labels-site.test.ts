import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadLabels } from '../../src/data/labels.ts'
import { createLabeller } from '../../src/label/labeller.ts'
import type { LabelledResource } from '../../src/model/label.ts'
import { AT, raw, site } from '../label/house.ts'

/** A category nobody has: that it is recognised shows that the folder alone does it. */
const FALCONRY = {
  id: 'falconry',
  title: 'Injuries of falconers',
  labels: [
    { system: 'https://hospital.example/sensitivity', code: 'FALCON' },
    { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'EMP' },
  ],
  confidentiality: 'V',
  rules: [
    { id: 'set', kind: 'code', valueSet: 'injuries.json', confidence: 1 },
    { id: 'words', kind: 'words', any: ['talon wound'], confidence: 0.9 },
    { id: 'glove', kind: 'words', any: ['glove'], confidence: 0.4 },
  ],
}
const INJURIES = {
  resourceType: 'ValueSet',
  status: 'active',
  compose: { include: [{ system: 'https://hospital.example/codes', concept: [{ code: 'FW-7' }] }] },
}
const LOCAL = {
  resourceType: 'ConceptMap',
  status: 'active',
  name: 'LabCodes',
  group: [
    {
      source: 'urn:oid:1.2.36.999',
      target: 'http://hl7.org/fhir/sid/icd-10-cm',
      element: [
        { code: 'OPI.1', target: [{ code: 'F11.20', equivalence: 'wider' }] },
        { code: 'FLU', target: [{ code: 'J10.1', equivalence: 'equal' }] },
        { code: 'NOT', target: [{ code: 'F11.20', equivalence: 'disjoint' }] },
      ],
    },
    {
      source: 'urn:oid:1.2.36.999',
      target: 'urn:unknown',
      element: [
        { code: 'SAID', target: [{ code: '1', display: 'alcohol dependence', equivalence: 'equal' }] },
      ],
    },
    {
      source: 'urn:oid:1.2.36.999',
      target: 'https://hospital.example/codes',
      element: [{ code: 'OPI.1', target: [{ code: 'FW-7', equivalence: 'inexact' }] }],
    },
  ],
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'consentry-labels-'))
  mkdirSync(join(folder, 'falconry'))
  writeFileSync(join(folder, 'falconry', 'rules.json'), JSON.stringify(FALCONRY))
  writeFileSync(join(folder, 'falconry', 'injuries.json'), JSON.stringify(INJURIES))
  writeFileSync(join(folder, 'ConceptMap-lab.json'), JSON.stringify(LOCAL))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function labelled(code: object, minimumConfidence = 0.5): LabelledResource {
  const labeller = createLabeller(
    loadLabels({ folders: [folder] }),
    { ...site(), minimumConfidence },
    { cacheBytes: 1 << 20, jsonDepth: 64 },
  )
  const facts = labeller.assess(
    raw({ resourceType: 'Condition', id: 'c', subject: { reference: 'Patient/p' }, code }),
  )
  return labeller.label(facts, () => 'absent', { at: AT })
}
const coded = (system: string, code: string) => ({ coding: [{ system, code }] })
const codes = (one: LabelledResource): string[] => [...one.codes].sort()

test('a folder dropped in place is a category: by its value set and by its words', () => {
  expect(codes(labelled(coded('https://hospital.example/codes', 'fw-7')))).toEqual(['EMP', 'FALCON'])
  expect(labelled({ text: 'Talon wound of the left hand' }).confidentiality).toBe('V')
  expect(codes(labelled({ text: 'wound of the left hand' }))).toEqual([])
})

test('a local code gets every label that its targets get, by code or display, and the map is named', () => {
  const opioid = labelled(coded('1.2.36.999', 'opi.1'))
  expect(codes(opioid)).toEqual(['BH', 'EMP', 'FALCON', 'OPIOIDUD', 'SUD'])
  expect(opioid.labels.find(({ code }) => code === 'SUD')).toMatchObject({
    via: 'LabCodes: http://hl7.org/fhir/sid/icd-10-cm|F11.20',
    path: 'code.coding[0]',
  })
  expect(codes(labelled(coded('urn:oid:1.2.36.999', 'SAID')))).toEqual(['BH', 'ETHUD', 'SUD'])
})

test('a local code whose targets say nothing, or do not mean it, gets nothing, nor does one of another system', () => {
  expect(codes(labelled(coded('urn:oid:1.2.36.999', 'FLU')))).toEqual([])
  expect(codes(labelled(coded('urn:oid:1.2.36.999', 'NOT')))).toEqual([])
  expect(codes(labelled(coded('urn:other', 'OPI.1')))).toEqual([])
})

test("the least confidence that counts is the site's to set", () => {
  expect(codes(labelled({ text: 'glove' }))).toEqual([])
  expect(labelled({ text: 'glove' }).candidates?.map(({ code }) => code)).toEqual(['EMP', 'FALCON'])
  expect(codes(labelled({ text: 'glove' }, 0.3))).toEqual(['EMP', 'FALCON'])
})
