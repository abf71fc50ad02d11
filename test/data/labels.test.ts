import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BUILT_IN_LABELS, type LabelReaders, loadLabels } from '../../src/data/labels.ts'

const BUILT_IN = loadLabels()

/** A site folder `site/` with one category, beside the built-in ones. */
function withSite(rules: unknown, beside: Readonly<Record<string, unknown>> = {}): LabelReaders {
  const disk = new Map<string, string>()
  for (const [name, value] of Object.entries(beside))
    disk.set(`site/${name}`, typeof value === 'string' ? value : JSON.stringify(value))
  disk.set('site/own/rules.json', typeof rules === 'string' ? rules : JSON.stringify(rules))
  const built = BUILT_IN.categories.map(({ id }) => id)
  for (const category of BUILT_IN.categories)
    disk.set(`${BUILT_IN_LABELS}${category.id}/rules.json`, JSON.stringify(category))
  return {
    folders: folder => {
      if (folder === 'nowhere') throw new Error('ENOENT')
      return folder === 'site' ? ['own'] : built
    },
    files: folder => Object.keys(beside).filter(name => folder === 'site' && !name.includes('/')),
    read: file => (file.endsWith('schema.json') ? SCHEMA : disk.get(file)),
  }
}

const SCHEMA = readFileSync(`${BUILT_IN_LABELS}schema.json`, 'utf8')

const SITE = { folders: ['site'] }

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
    const loaded = loadLabels(SITE, withSite(own))
    expect(loaded.categories.at(-1)?.id).toBe('own')
    expect(loadLabels(SITE, withSite({ ...own, title: 'Other' })).revision).not.toBe(loaded.revision)
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
      'a code twice, however spelled',
      { ...own, rules: [{ ...own.rules[0], codes: ['A1.0', 'B', 'a10'] }] },
      /\/rules\/0\/codes\/2: each once was expected, "a10" stands twice/,
    ],
    [
      'a phrase twice',
      { ...own, rules: [{ id: 'x', kind: 'words', any: ['one', 'two', 'one'], confidence: 1 }] },
      /\/rules\/0\/any\/2: each once was expected, "one" stands twice/,
    ],
    [
      'a phrase of letters that no text has once it is read',
      { ...own, rules: [{ id: 'x', kind: 'words', any: ['\ufb01lm'], confidence: 1 }] },
      /\/rules\/0\/any\/0: "\ufb01lm" can match no text/,
    ],
    [
      'a phrase of a sign that parts words',
      { ...own, rules: [{ id: 'x', kind: 'cue', any: ['\u00b5g'] }] },
      /\/rules\/0\/any\/0: "\u00b5g" can match no text/,
    ],
    [
      'a phrase that its own exception always takes away',
      {
        ...own,
        rules: [{ id: 'x', kind: 'words', any: ['ok', 'factor v leiden'], except: ['fact*'], confidence: 1 }],
      },
      /\/rules\/0\/any\/1: "factor v leiden" can never match: "fact\*" of except always stands in it/,
    ],
    [
      'a cue that is none',
      {
        ...own,
        rules: [{ ...own.rules[0], context: [{ cue: 'pain', confidence: 0.1, why: 'for pain' }] }],
      },
      /\/rules\/0\/context\/0\/cue: the id of a rule of kind cue was expected, "own\/pain" is none of /,
    ],
    [
      'a visit code that no rule puts',
      {
        ...own,
        visit: { when: 'NONE', codes: ['OWN'], types: ['Observation'], why: 'x', citation: 'x' },
      },
      /rules\.json, \/visit\/when: a code that some rule puts was expected, "NONE" is none/,
    ],
    [
      'codes and a value set at once',
      { ...own, rules: [{ ...own.rules[0], valueSet: 'set.json' }] },
      /\/rules\/0/,
    ],
    [
      'a value set that is not there',
      { ...own, rules: [{ id: 'x', kind: 'code', valueSet: 'set.json', confidence: 1 }] },
      /\/rules\/0\/valueSet: a file set\.json beside it was expected/,
    ],
    [
      'a value set elsewhere',
      { ...own, rules: [{ id: 'x', kind: 'code', valueSet: '../set.json', confidence: 1 }] },
      /\/rules\/0\/valueSet: must match pattern/,
    ],
    [
      'a category that is there already',
      { ...own, id: 'hiv' },
      /rules\.json, \/id: a category of its own, "hiv" is taken/,
    ],
  ])('refuses %s and names file, place and what was expected', (_, rules, message) => {
    expect(() => loadLabels(SITE, withSite(rules))).toThrow(message)
  })

  it('refuses a folder that is not there', () => {
    expect(() => loadLabels({ folders: ['nowhere'] }, withSite(own))).toThrow(
      'nowhere: a readable folder of label categories was expected',
    )
  })
})

describe('the same lists where nothing is wrong', () => {
  it('are taken: an exception beside a phrase, a cue of another category, a visit code of a rule', () => {
    const rules = [
      { id: 'pain', kind: 'cue', any: ['pain'] },
      { id: 'x', kind: 'words', any: ['factor v leiden'], except: ['factor viii'], confidence: 1 },
      { ...own.rules[0], context: [{ cue: 'pain', confidence: 0.1, why: 'for pain' }] },
    ]
    const visit = { when: 'OWN', codes: ['SUD'], types: ['Observation'], why: 'x', citation: 'x' }
    expect(loadLabels(SITE, withSite({ ...own, rules, visit })).categories.at(-1)?.rules).toHaveLength(3)
  })
})

describe('a value set of a category', () => {
  const concept = (...codes: string[]) => codes.map(code => ({ code }))
  const rule = { id: 'set', kind: 'code', valueSet: 'set.json', confidence: 1 }
  const withSet = (set: unknown) => withSite({ ...own, rules: [rule] }, { 'own/set.json': set })

  it('becomes a rule for each code system, without what it excludes, and is part of the revision', () => {
    const set = (...excluded: string[]) => ({
      resourceType: 'ValueSet',
      compose: {
        include: [
          { system: 'urn:a', concept: concept('1', '2') },
          { system: 'urn:b', concept: concept('3') },
        ],
        ...(excluded.length > 0 ? { exclude: [{ system: 'urn:a', concept: concept(...excluded) }] } : {}),
      },
    })
    const loaded = loadLabels(SITE, withSet(set('2')))
    expect(loaded.categories.at(-1)?.rules).toEqual([
      { id: 'set', kind: 'code', confidence: 1, system: 'urn:a', codes: ['1'] },
      { id: 'set', kind: 'code', confidence: 1, system: 'urn:b', codes: ['3'] },
    ])
    expect(loadLabels(SITE, withSet(set())).revision).not.toBe(loaded.revision)
  })

  it('may be an expansion, read to its leaves, without what only groups', () => {
    const contains = [
      { system: 'urn:a', code: 'group', abstract: true, contains: [{ system: 'urn:a', code: '1' }] },
      { display: 'no code', contains: [{ system: 'urn:b', code: '2' }] },
    ]
    const { categories } = loadLabels(SITE, withSet({ resourceType: 'ValueSet', expansion: { contains } }))
    expect(categories.at(-1)?.rules.map(each => ('codes' in each ? each.codes : []))).toEqual([['2'], ['1']])
  })

  it.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /set\.json: JSON was expected/],
    ['another resource', { resourceType: 'CodeSystem' }, /\/resourceType: a FHIR R4 ValueSet was expected/],
    ['nothing', { resourceType: 'ValueSet' }, /\/compose: at least one listed concept was expected/],
    [
      'a filter',
      { resourceType: 'ValueSet', compose: { include: [{ system: 'urn:a', filter: [{}] }] } },
      /\/compose\/include\/0\/concept: a list of concepts \(no filter, no other value set\) was expected/,
    ],
    [
      'a concept without a code',
      { resourceType: 'ValueSet', compose: { include: [{ system: 'urn:a', concept: [{}] }] } },
      /\/compose\/include\/0\/concept\/0\/code: a code was expected/,
    ],
    [
      'concepts without a system',
      { resourceType: 'ValueSet', compose: { include: [{ concept: concept('1') }] } },
      /\/compose\/include\/0\/system: a code system was expected/,
    ],
    [
      'only what it excludes',
      {
        resourceType: 'ValueSet',
        compose: {
          include: [{ system: 'urn:a', concept: concept('1') }],
          exclude: [{ system: 'urn:a', concept: concept('1') }],
        },
      },
      /\/compose\/include: at least one listed concept was expected/,
    ],
  ])('of %s is refused with file and place', (_what, set, message) => {
    expect(() => loadLabels(SITE, withSet(set))).toThrow(message)
  })
})

describe('a ConceptMap of the site', () => {
  const target = (equivalence: string, code = 'F11.20') => ({
    code,
    equivalence,
    display: 'opioid dependence',
  })
  const map = (targets: unknown[], group: object = { source: 'urn:lab', target: 'urn:icd' }) => ({
    resourceType: 'ConceptMap',
    url: 'urn:map',
    group: [{ ...group, element: [{ code: 'X1', target: targets }] }],
  })
  const load = (value: unknown) => loadLabels(SITE, withSite(own, { 'ConceptMap-lab.json': value }))

  it('lying in its folder is read; what is unmatched or disjoint does not count, all else does', () => {
    const loose = [
      'relatedto',
      'equivalent',
      'equal',
      'wider',
      'subsumes',
      'narrower',
      'specializes',
      'inexact',
    ]
    const targets = [...loose, 'unmatched', 'disjoint'].map(each => target(each, each))
    const loaded = load(map(targets))
    expect(loaded.localCodes).toEqual([
      {
        map: 'urn:map',
        system: 'urn:lab',
        code: 'X1',
        targets: loose.map(code => ({ system: 'urn:icd', code, display: 'opioid dependence' })),
      },
    ])
    expect(loaded.revision).not.toBe(loadLabels(SITE, withSite(own)).revision)
    expect(load(map([target('unmatched')])).localCodes).toBeUndefined()
  })

  it('may be named by file, and another file of the folder is none', () => {
    const readers = withSite(own, { 'maps.json': map([target('equal')]) })
    expect(loadLabels(SITE, readers).localCodes).toBeUndefined()
    expect(loadLabels({ conceptMaps: ['site/maps.json'] }, readers).localCodes).toHaveLength(1)
    expect(() => loadLabels({ conceptMaps: ['site/none.json'] }, readers)).toThrow(
      'site/none.json: a readable ConceptMap was expected',
    )
  })

  it.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /ConceptMap-lab\.json: JSON was expected/],
    ['a list', [], /ConceptMap-lab\.json: an object was expected/],
    ['another resource', { resourceType: 'ValueSet' }, /\/resourceType: a FHIR R4 ConceptMap was expected/],
    ['no group', { resourceType: 'ConceptMap' }, /\/group: a list was expected/],
    ['an empty group', { resourceType: 'ConceptMap', group: [] }, /\/group: at least one was expected/],
    [
      'codes of no system',
      map([target('equal')], {}),
      /\/group\/0\/source: the code system of the local codes/,
    ],
    [
      'targets of no system',
      map([target('equal')], { source: 'urn:lab' }),
      /\/group\/0\/target: the code system of the targets was expected/,
    ],
    [
      'a target without a code',
      map([{ equivalence: 'equal' }]),
      /\/element\/0\/target\/0\/code: a code was expected/,
    ],
    [
      'an equivalence of another FHIR release',
      map([target('source-is-narrower-than-target')]),
      /\/target\/0\/equivalence: one of relatedto, .* was expected/,
    ],
    ['a target that is none', map(['F11.20']), /\/target\/0: an object was expected/],
  ])('of %s is refused with file and place', (_what, value, message) => {
    expect(() => load(value)).toThrow(message)
  })
})
