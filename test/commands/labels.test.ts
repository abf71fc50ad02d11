import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Recognised } from '../../src/commands/labels-page.ts'
import { loadLabels } from '../../src/data/labels.ts'
import { run } from '../support/terminal.ts'

const page = new URL('../../labels/RECOGNISED.md', import.meta.url)

it('labels/RECOGNISED.md is what the command prints now (node src/cli.ts labels > labels/RECOGNISED.md)', async () => {
  expect(readFileSync(page, 'utf8') === (await run(['labels'])).out).toBe(true)
})

it('tells of every category its labels, codes, sources and what is not recognised', async () => {
  const { out } = await run(['labels', '--format', 'json'])
  const { categories, revision } = JSON.parse(out) as Recognised
  const rules = loadLabels()
  expect(revision).toBe(rules.revision)
  expect(categories.map(({ id }) => id)).toEqual(rules.categories.map(({ id }) => id))
  const hiv = categories.find(({ id }) => id === 'hiv')
  expect(hiv?.labels[0]).toMatch(/^HIV\b/)
  const icd10 = hiv?.codes.find(({ system }) => system === 'http://hl7.org/fhir/sid/icd-10-cm')
  expect(icd10?.prefixes).toContain('B20-B24')
  expect(hiv?.words.phrases).toBeGreaterThan(20)
  for (const field of [hiv?.sources, hiv?.notRecognised, hiv?.statements])
    expect(field?.length).toBeGreaterThan(2)
})

it('prints one category, and refuses one that is none or a format it does not know with 2', async () => {
  const { out } = await run(['labels', '--category', 'hiv'])
  expect(out.match(/^## .*$/gm)).toEqual([expect.stringContaining('(`hiv`)')])
  expect(await run(['labels', '--category', 'astrology'])).toMatchObject({
    code: 2,
    out: '',
    error: expect.stringMatching(/--category: expected one of the categories: .*\bhiv, /),
  })
  expect(await run(['labels', '--format', 'xml'])).toMatchObject({
    code: 2,
    error: expect.stringContaining('--format: expected one of markdown, json'),
  })
})

it('tells of the categories and codes of a site too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'consentry-site-labels-'))
  try {
    mkdirSync(join(folder, 'falconry'))
    writeFileSync(
      join(folder, 'falconry', 'rules.json'),
      JSON.stringify({
        id: 'falconry',
        title: 'Injuries of falconers',
        labels: [{ system: 'urn:own', code: 'FALCON' }],
        confidentiality: 'V',
        rules: [{ id: 'words', kind: 'words', any: ['talon wound'], confidence: 1 }],
      }),
    )
    const map = (source: string) => ({
      resourceType: 'ConceptMap',
      name: 'Lab',
      group: [
        {
          source,
          target: 'http://loinc.org',
          element: [{ code: 'X', target: [{ code: '1-8', equivalence: 'equal' }] }],
        },
      ],
    })
    writeFileSync(join(folder, 'ConceptMap-lab.json'), JSON.stringify(map('urn:lab')))
    const config = join(folder, 'config.json')
    writeFileSync(
      config,
      JSON.stringify({
        upstream: { url: 'https://fhir.example/r4' },
        issuers: [{ issuer: 'https://idp.example' }],
        custodian: { organization: 'Organization/h', state: 'NE', hipaa: 'covered-entity', part2: 'none' },
        policy: { labelFolders: [folder] },
      }),
    )
    const { out } = await run(['labels', '--config', config])
    expect(out).toMatch(/## Injuries of falconers \(`falconry`\)[\s\S]*FALCON[\s\S]*talon wound/)
    expect(out).toMatch(/## Codes of the site\n\n- Lab: 1 codes/)
    writeFileSync(join(folder, 'ConceptMap-lab.json'), JSON.stringify(map('')))
    const bad = await run(['check', '--config', config])
    expect(bad.code).toBe(1)
    expect(bad.error).toMatch(
      /ConceptMap-lab\.json, \/group\/0\/source: the code system of the local codes was expected/,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
