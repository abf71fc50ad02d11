import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BUILT_IN_LABELS, type LabelReaders, loadLabels } from '../../src/data/labels.ts'

const BUILT_IN = loadLabels()

/** A site folder `site/` with one category, beside the built-in ones. */
function withSite(rules: unknown): LabelReaders {
  const disk = new Map<string, string>()
  disk.set('site/own/rules.json', typeof rules === 'string' ? rules : JSON.stringify(rules))
  const built = BUILT_IN.categories.map(({ id }) => id)
  for (const category of BUILT_IN.categories)
    disk.set(`${BUILT_IN_LABELS}${category.id}/rules.json`, JSON.stringify(category))
  return {
    folders: folder => {
      if (folder === 'nowhere') throw new Error('ENOENT')
      return folder === 'site' ? ['own'] : built
    },
    read: file => (file.endsWith('schema.json') ? SCHEMA : disk.get(file)),
  }
}

const SCHEMA = readFileSync(`${BUILT_IN_LABELS}schema.json`, 'utf8')

const own = {
  id: 'own',
  title: 'Own',
  labels: [{ system: 'urn:own', code: 'OWN' }],
  confidentiality: 'R',
  rules: [{ id: 'code', kind: 'code', system: 'urn:codes', codes: ['A1'], confidence: 1 }],
}

describe('the loader of label rules', () => {
  it('reads the built-in categories with a revision of 16 hex digits, the same each time', () => {
    expect(BUILT_IN.revision).toMatch(/^[0-9a-f]{16}$/)
    expect(loadLabels().revision).toBe(BUILT_IN.revision)
    expect(BUILT_IN.categories.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['substance-use', 'hiv', 'part2']),
    )
    expect(Object.isFrozen(BUILT_IN.categories[0]?.rules)).toBe(true)
  })

  it('takes the categories of a site and changes the revision with their content', () => {
    const loaded = loadLabels(['site'], withSite(own))
    expect(loaded.categories.at(-1)?.id).toBe('own')
    expect(loadLabels(['site'], withSite({ ...own, title: 'Other' })).revision).not.toBe(loaded.revision)
  })

  it.each([
    ['a file that is no JSON', '{', /site\/own\/rules\.json: JSON was expected/],
    ['an unknown key', { ...own, extra: 1 }, /rules\.json: must NOT have additional properties .*extra/],
    [
      'an unknown kind of rule',
      { ...own, rules: [{ id: 'x', kind: 'magic', confidence: 1 }] },
      /rules\.json, \/rules\/0/,
    ],
    [
      'a phrase in capitals',
      { ...own, rules: [{ id: 'x', kind: 'words', any: ['HIV'], confidence: 1 }] },
      /\/rules\/0\/any\/0: must match pattern/,
    ],
    [
      'a confidence above one',
      { ...own, rules: [{ ...own.rules[0], confidence: 2 }] },
      /\/rules\/0\/confidence: must be <= 1/,
    ],
    [
      'a rule id twice',
      { ...own, rules: [own.rules[0], own.rules[0]] },
      /\/rules\/1\/id: a rule id of its own, "code" is taken/,
    ],
    [
      'a category that is there already',
      { ...own, id: 'hiv' },
      /rules\.json, \/id: a category of its own, "hiv" is taken/,
    ],
  ])('refuses %s and names file, place and what was expected', (_, rules, message) => {
    expect(() => loadLabels(['site'], withSite(rules))).toThrow(message)
  })

  it('refuses a folder that is not there', () => {
    expect(() => loadLabels(['nowhere'], withSite(own))).toThrow(
      'nowhere: a readable folder of label categories was expected',
    )
  })
})
