import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { loadLabels } from '../../src/data/labels.ts'
import { loadProfiles } from '../../src/data/profiles.ts'
import { loadPurposes } from '../../src/data/purpose.ts'
import { isConsentKind } from '../../src/decide/consent-kinds.ts'

const root = mkdtempSync(join(tmpdir(), 'profiles-'))
afterAll(() => rmSync(root, { recursive: true }))
const purposes = loadPurposes(fileURLToPath(new URL('../../profiles/purpose', import.meta.url)))
const shipped = loadProfiles([], purposes)

let count = 0
/** A site folder with these files; returns its path. */
function site(files: Readonly<Record<string, unknown>>): string {
  const folder = join(root, String(count++))
  for (const [name, value] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), typeof value === 'string' ? value : JSON.stringify(value))
  }
  return folder
}

const row = (change: object = {}) => ({
  id: 'site-1',
  title: 'No marketing',
  citation: 'house rule 1',
  jurisdiction: 'site',
  enabled: true,
  confidence: 'high',
  when: { purposes: ['HMARKT'] },
  effect: 'deny',
  ground: '171.202(b)',
  ...change,
})
const pack = (...rows: readonly object[]) => ({ 'law/house.json': { title: 'House rules', rows } })

describe('loading profiles', () => {
  it('reads, freezes and hashes what is shipped', () => {
    expect(shipped.revision).toMatch(/^[0-9a-f]{16}$/)
    expect(loadProfiles([], purposes).revision).toBe(shipped.revision)
    expect([
      Object.isFrozen(shipped.lawRows),
      Object.isFrozen(shipped.lawRows[0]?.when),
      Object.isFrozen(shipped.notices['p2-long']),
    ]).toEqual([true, true, true])
  })

  it('adds what a site brings, and any change is another revision', () => {
    const house = loadProfiles([site(pack(row()))], purposes)
    const other = loadProfiles([site(pack(row({ title: 'Never' })))], purposes)
    expect(house.lawRows.length).toBe(shipped.lawRows.length + 1)
    expect(new Set([shipped.revision, house.revision, other.revision]).size).toBe(3)
    expect(loadProfiles([site(pack(row()))], purposes).revision).toBe(house.revision)
    expect(loadProfiles([join(root, 'nowhere')], purposes).revision).toBe(shipped.revision)
    expect(
      loadProfiles([], { ...purposes, purposeParents: { ...purposes.purposeParents, SITE: [] } }).revision,
    ).not.toBe(shipped.revision)
  })

  it.each([
    ['text that is no JSON', { 'law/house.json': '{' }, /house\.json: expected JSON/],
    [
      'a field nobody knows',
      pack(row({ colour: 'red' })),
      /house\.json, "site-1" \/rows\/0: must NOT have additional properties \(colour\)/,
    ],
    [
      'an effect nobody knows',
      pack(row({ effect: 'maybe' })),
      /"site-1" \/rows\/0\/effect: must be equal to one of the allowed values/,
    ],
    ['a condition nobody knows', pack(row({ when: { moon: ['full'] } })), /\/rows\/0\/when.*moon/],
    ['an empty condition', pack(row({ when: { labels: [] } })), /\/rows\/0\/when\/labels/],
    ['a date that is none', pack(row({ effectiveFrom: 'soon' })), /\/rows\/0\/effectiveFrom/],
    [
      'a denial without ground',
      pack({ ...row(), ground: undefined }),
      /\/rows\/0: must have required property 'ground'/,
    ],
    [
      'a kind of consent nobody knows',
      pack(row({ effect: 'require-consent', consent: ['nod'] })),
      /\/rows\/0\/consent\/0/,
    ],
    ['rows that are no list', { 'law/house.json': { title: 'x', rows: {} } }, /\/rows: must be array/],
    ['a row without id', pack(row({ id: undefined })), /\/rows\/0: must have required property 'id'/],
    ['an id twice', pack(row(), row()), /"site-1": expected an id of its own; it is taken/],
    [
      'the id of a shipped row',
      pack(row({ id: 'p2-2.31-consent' })),
      /"p2-2.31-consent": expected an id of its own/,
    ],
    [
      'a lift of a shipped row',
      pack(row({ effect: 'permit', lifts: ['p2-2.31-consent'] })),
      /row "site-1" \/lifts: expected a deny or require-consent row of this file, not "p2-2.31-consent"/,
    ],
    [
      'a notice nobody wrote',
      pack(row({ effect: 'permit', notice: 'none' })),
      /row "site-1": expected a notice of profiles\/notices, not "none"/,
    ],
    [
      'a state notice nobody wrote',
      pack(row({ effect: 'permit', obligations: ['STATE_NOTICE:zz'] })),
      /not "zz"/,
    ],
    [
      'an obligation nobody knows',
      pack(row({ onRefusal: ['SING'] })),
      /expected an obligation of deployment\/obligations\.json, not "SING"/,
    ],
    [
      'days the wrong way round',
      pack(row({ effectiveFrom: '2026-02-01', effectiveTo: '2026-01-01' })),
      /expected effectiveFrom on or before effectiveTo/,
    ],
    [
      'a notice without text',
      { 'notices/n.json': { title: 'x', notices: [{ id: 'n', citation: 'c' }] } },
      /n\.json, "n" \/notices\/0: must have required property 'text'/,
    ],
    [
      'an obligation without citation',
      { 'deployment/obligations.json': { title: 'x', obligations: [{ id: 'A' }] } },
      /obligations\.json/,
    ],
    [
      'a policy without text',
      { 'deployment/default-policies.json': { title: 'x', policies: [{ id: 'A' }] } },
      /default-policies\.json/,
    ],
    ['a file that is no object', { 'law/house.json': '7' }, /house\.json: must be object/],
  ] as const)('refuses %s and says where', (_, files, message) => {
    expect(() => loadProfiles([site(files)], purposes)).toThrow(message)
  })

  it('takes new notices, obligations and policies of a site, and rows that name them', () => {
    const folder = site({
      ...pack(
        row({
          effect: 'permit',
          notice: 'house',
          obligations: ['STATE_NOTICE:house', 'RING_BELL'],
          effectiveFrom: '2026-01-01',
        }),
      ),
      'notices/house.json': { title: 'x', notices: [{ id: 'house', citation: 'c', text: 't' }] },
      'deployment/obligations.json': {
        title: 'x',
        obligations: [{ id: 'RING_BELL', kind: 'record', citation: 'c', text: 't' }],
      },
      'deployment/default-policies.json': {
        title: 'x',
        policies: [{ id: 'house', citation: 'c', text: 't', opens: [{}] }],
      },
    })
    const profiles = loadProfiles([folder], purposes)
    expect([
      profiles.notices['house']?.text,
      profiles.obligations?.['RING_BELL']?.kind,
      profiles.defaultPolicies?.['house']?.opens,
    ]).toEqual(['t', 'record', [{}]])
  })
})

describe('what is shipped', () => {
  it('names only kinds of consent that are known', () => {
    const names = shipped.lawRows.flatMap(({ consent = [] }) => consent)
    expect(names.filter(name => !isConsentKind(name))).toEqual([])
  })

  it('names only labels that HL7 or the house knows, so that no row waits for a label nobody puts', () => {
    const put = loadLabels().categories.flatMap(({ labels }) => labels.map(({ code }) => code))
    const known = new Set([...Object.keys(purposes.labelParents), ...purposes.policyLabels, ...put])
    const named = shipped.lawRows
      .flatMap(({ when }) => when.labels ?? [])
      .map(label => label.replace(/^!/, ''))
    expect([...new Set(named)].filter(label => !known.has(label))).toEqual([])
  })

  it('names only purposes that are known', () => {
    const named = shipped.lawRows
      .flatMap(({ when }) => [...(when.purposes ?? []), ...(when.notPurposes ?? [])])
      .map(purpose => purpose.replace(/^!/, ''))
    expect([...new Set(named)].filter(purpose => !Object.hasOwn(purposes.purposeParents, purpose))).toEqual(
      [],
    )
  })

  it('switches on no row of low confidence', () => {
    expect(shipped.lawRows.filter(({ enabled, confidence }) => enabled && confidence === 'low')).toEqual([])
  })

  it('holds the Part 2 statements letter by letter', () => {
    const digest = (id: string) =>
      createHash('sha256')
        .update(shipped.notices[id]?.text ?? '')
        .digest('hex')
    expect(digest('p2-long')).toBe('d82205a18044f9f45776343d91e26d8ddb44bf13e136af169ec73d755facd9a8')
    expect(digest('p2-short')).toBe('79fee3d6dff7e052183c61b66bfed589f0f45dcf330bb277e07b396bd12e9774')
    expect(shipped.notices['p2-long']?.short).toBe('p2-short')
  })

  const shared = fileURLToPath(new URL('../../../shared/data/notices.json', import.meta.url))
  if (!existsSync(shared)) console.log('notices: ../shared/data/notices.json is not here, skipped')
  it.skipIf(!existsSync(shared))('holds every statement as it was compiled', () => {
    const { notices } = JSON.parse(readFileSync(shared, 'utf8')) as {
      notices: readonly { id: string; text: string }[]
    }
    expect(notices.length).toBeGreaterThan(0)
    for (const { id, text } of notices) expect(shipped.notices[id]?.text, id).toBe(text)
  })

  it('has law packs for the states, each checked by the same schema', () => {
    const folder = fileURLToPath(new URL('../../profiles/law/', import.meta.url))
    expect(readdirSync(folder).filter(name => /^us-[a-z]{2}\.json$/.test(name)).length).toBeGreaterThan(40)
  })
})
