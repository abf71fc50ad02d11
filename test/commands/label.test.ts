import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/cli.ts'
import type { Explanation } from '../../src/commands/label-explain.ts'
import { CLASSIFIER, DS4P } from '../../src/model/ds4p.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import { lines, run } from '../support/terminal.ts'

interface Coding {
  readonly system: string
  readonly code: string
  readonly extension?: readonly unknown[]
}
interface Labelled {
  readonly resourceType: string
  readonly id?: string
  readonly meta: { readonly security: readonly Coding[] }
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'consentry-label-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A file of this test's folder. */
function file(name: string, content: string | object): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const subject = { reference: 'Patient/p' }
const condition = (id: string, code: object) => ({ resourceType: 'Condition', id, subject, code })
const opioid = condition('o', { text: 'opioid use disorder' })
const cough = condition('c', { text: 'cough' })
const codes = ({ meta }: Labelled) => meta.security.map(({ code }) => code)

async function labelled(words: readonly string[], input = ''): Promise<readonly Labelled[]> {
  const ran = await run(['label', ...words], input)
  expect([ran.code, ran.error]).toEqual([0, ''])
  return lines<Labelled>(ran.out)
}

async function explained(words: readonly string[], input = ''): Promise<readonly Explanation[]> {
  return lines<Explanation>((await run(['label', '--explain', ...words], input)).out)
}

/** A configuration file without Part 2 programs, with these settings of policy. */
function configuration(name: string, policy: object, more: object = {}): string {
  return file(name, {
    upstream: { url: 'https://fhir.example/r4' },
    issuers: [{ issuer: 'https://idp.example' }],
    custodian: { organization: 'Organization/h', state: 'NE', hipaa: 'covered-entity', part2: 'none' },
    ...more,
    policy,
  })
}

describe('the input', () => {
  it('may be files and standard input together, and the references lead from one to another', async () => {
    const conditions = file('conditions.ndjson', `${JSON.stringify(opioid)}\n${JSON.stringify(cough)}\n`)
    const request = (id: string, reason: string) => ({
      resourceType: 'ServiceRequest',
      id,
      status: 'active',
      intent: 'order',
      subject,
      code: { text: 'visit' },
      reasonReference: [{ reference: `Condition/${reason}` }],
    })
    const requests = [request('a', 'o'), request('b', 'c')].map(one => JSON.stringify(one)).join('\n')
    const given = await labelled([conditions, '-'], requests)
    expect(given.map(one => [one.id, codes(one).includes('SUD')])).toEqual([
      ['o', true],
      ['c', false],
      ['a', true],
      ['b', false],
    ])
  })

  it('may be a Bundle as it is sent: entries refer to each other by their fullUrl', async () => {
    const urn = 'urn:uuid:0f5a2b7e-7d3c-4a51-9c55-2f1f0a0a0a01'
    const bundle = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        { fullUrl: urn, resource: { ...opioid, id: undefined } },
        {
          fullUrl: 'https://other.example/Procedure/x',
          resource: {
            resourceType: 'Procedure',
            id: 'x',
            status: 'completed',
            subject,
            code: { text: 'counselling' },
            reasonReference: [{ reference: urn }],
          },
        },
      ],
    }
    const config = configuration('bundle.json', {})
    const given = await labelled(['--config', config], JSON.stringify(bundle, null, 2))
    expect(given.map(({ id }) => id)).toEqual([urn.slice('urn:uuid:'.length), 'x'])
    expect(JSON.stringify(given[1])).toContain(`Condition/${given[0]?.id}`)
    expect(codes(given[1] as Labelled)).toContain('SUD')
  })

  it('may be a document: C-CDA, text, RTF or HTML, told by name, first bytes or option', async () => {
    const says = 'Assessment: opioid use disorder, severe.'
    const inputs: [string[], string, string][] = [
      [[file('note.txt', says)], '', 'text/plain'],
      [['--content-type', 'text/plain'], says, 'text/plain'],
      [[], `<html><body><p>${says}</p></body></html>`, 'text/html'],
      [
        [],
        `<ClinicalDocument xmlns="urn:hl7-org:v3"><text>${says}</text></ClinicalDocument>`,
        'application/hl7-cda+xml',
      ],
      [[file('note', `{\\rtf1\\ansi ${says}}`)], '', 'application/rtf'],
    ]
    for (const [words, input, contentType] of inputs) {
      const [binary, ...others] = await labelled(words, input)
      expect(others).toEqual([])
      expect(binary).toMatchObject({ resourceType: 'Binary', contentType })
      expect(codes(binary as Labelled)).toContain('SUD')
    }
  })

  it('that is a document nobody can read is called so, never normal content', async () => {
    const [binary] = await labelled(['--content-type', 'image/png'], 'opioid use disorder')
    expect(codes(binary as Labelled)).toContain('UNASSESSED')
    const [plain] = await labelled(['--content-type', 'text/plain'], 'a cough')
    expect(codes(plain as Labelled)).not.toContain('UNASSESSED')
  })

  it('keeps every digit', async () => {
    const text =
      '{"resourceType":"Observation","id":"d","status":"final","code":{"text":"opioid use disorder"},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":1.50}}'
    expect((await run(['label'], text)).out).toContain('"valueQuantity":{"value":1.50}')
  })

  it('the age of a patient in it counts', async () => {
    const patient = (birthDate: string) => JSON.stringify({ resourceType: 'Patient', id: 'p', birthDate })
    const of = async (birthDate: string) =>
      (await labelled([], [patient(birthDate), JSON.stringify(opioid)].join('\n'))).flatMap(codes)
    expect(await of(`${new Date().getFullYear() - 10}-01-01`)).toContain('ADOL')
    expect(await of('1950-01-01')).not.toContain('ADOL')
  })
})

describe('what cannot be used', () => {
  it('is named with file and line, the rest is done, and the code is 2', async () => {
    const bad = file(
      'bad.ndjson',
      [
        JSON.stringify(opioid),
        '{"resourceType":"Condition","id":"x","id":"y"}',
        '{"resourceType": SECRET}',
        '[]',
        '',
        JSON.stringify(cough),
      ].join('\n'),
    )
    const { code, out, error } = await run(['label', '/nowhere.json', bad])
    expect(code).toBe(2)
    expect(lines<Labelled>(out).map(({ id }) => id)).toEqual(['o', 'c'])
    expect(error.split('\n').filter(line => line !== '')).toEqual([
      'consentry: /nowhere.json: cannot be read (ENOENT)',
      expect.stringMatching(/bad\.ndjson:2: expected each member of an object once \(byte \d+\)/),
      expect.stringMatching(/bad\.ndjson:3: expected JSON, stopped at column 18/),
      expect.stringMatching(/bad\.ndjson:4: expected a resource or a Bundle/),
    ])
    expect(error).not.toContain('SECRET')
  })

  it('may be the first line, and a document over many lines tells its line', async () => {
    const broken = ['{"resourceType": ', JSON.stringify(opioid)].join('\n')
    const first = await run(['label'], broken)
    expect([first.code, first.error]).toEqual([2, expect.stringContaining('standard input:1: expected JSON')])
    expect(lines<Labelled>(first.out).map(({ id }) => id)).toEqual(['o'])
    const whole = await run(['label'], '{\n"resourceType": oops\n}')
    expect([whole.code, whole.error]).toEqual([
      2,
      expect.stringContaining('standard input: expected JSON, stopped at line 2, column 17'),
    ])
  })

  it('that is no UTF-8 or too deep is refused, in its line only', async () => {
    const deep = `{"resourceType":"Basic","id":"b","extension":${'['.repeat(200)}${']'.repeat(200)}}`
    const bytes = Buffer.concat([
      Buffer.from(`${deep}\n`),
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d, 0x0a]),
      Buffer.from(JSON.stringify(cough)),
    ])
    const { code, out, error } = await run(['label'], bytes)
    expect([code, lines<Labelled>(out).length]).toEqual([2, 1])
    expect(error).toMatch(/standard input:1: expected at most 110 levels of nesting[\s\S]*:2: expected UTF-8/)
  })

  it('of the options is said with 2', async () => {
    expect(await run(['label', '--text'], JSON.stringify(cough))).toMatchObject({
      code: 2,
      out: '',
      error: expect.stringContaining('--text: expected with --explain'),
    })
  })
})

describe('labels put earlier', () => {
  const upstream = { system: SYSTEM.actCode, code: 'HIV' }
  const component = (words: string) => ({ code: { text: words } })
  const chart = [
    { ...opioid, meta: { security: [upstream, { system: SYSTEM.confidentiality, code: 'N' }] } },
    cough,
    {
      resourceType: 'Observation',
      id: 'part',
      status: 'final',
      code: { text: 'panel' },
      subject,
      component: [component('glucose'), component('opioid use disorder')],
    },
  ]
  const text = chart.map(one => JSON.stringify(one)).join('\n')

  it('are found again with the same bytes, those on elements too', async () => {
    const once = (await run(['label'], text)).out
    expect(once).toContain('PROCESSINLINELABEL')
    expect((await run(['label', '--relabel'], once)).out).toBe(once)
  })

  it("are withdrawn where nothing puts them any more, and nobody else's", async () => {
    const site = join(folder, 'site')
    mkdirSync(join(site, 'falconry'), { recursive: true })
    const falcon = { system: 'https://hospital.example/sensitivity', code: 'FALCON' }
    const category = (words: string[]) => ({
      id: 'falconry',
      title: 'Injuries of falconers',
      labels: [falcon],
      confidentiality: 'V',
      rules: [{ id: 'words', kind: 'words', any: words, confidence: 1 }],
    })
    const config = configuration('site.json', { labelFolders: [site] })
    const rules = join(site, 'falconry', 'rules.json')
    const mine = condition('m', { text: 'talon wound' })
    const theirs = { ...condition('t', { text: 'talon wound' }), meta: { security: [falcon] } }
    writeFileSync(rules, JSON.stringify(category(['talon wound'])))
    const before = (
      await run(['label', '--config', config], [mine, theirs].map(one => JSON.stringify(one)).join('\n'))
    ).out
    expect(lines<Labelled>(before).map(codes)).toEqual([
      ['V', 'FALCON'],
      ['V', 'FALCON'],
    ])
    writeFileSync(rules, JSON.stringify(category(['beak wound'])))
    const again = (...words: string[]) => run(['label', '--config', config, ...words], before)
    expect(lines<Labelled>((await again()).out).map(codes)).toEqual([
      ['V', 'FALCON'],
      ['V', 'FALCON'],
    ])
    const after = lines<Labelled>((await again('--relabel')).out)
    expect(after.map(codes)).toEqual([['N'], ['V', 'FALCON']])
    expect(after[1]?.meta.security[1]).toEqual(falcon)
  })

  it('bear a signature, and a code that no rule puts stays whoever signed it', async () => {
    const signed = (code: string, system: string = SYSTEM.actCode) => ({
      extension: [{ url: DS4P.classifier, valueReference: CLASSIFIER }],
      system,
      code,
    })
    const security = [signed('VIP', 'urn:elsewhere'), signed('SUD'), signed('R', SYSTEM.confidentiality)]
    const [given] = await labelled(['--relabel'], JSON.stringify({ ...cough, meta: { security } }))
    expect(codes(given as Labelled)).toEqual(['N', 'VIP'])
    const [own] = await labelled([], JSON.stringify(opioid))
    for (const { extension } of own?.meta.security ?? [])
      expect(extension).toContainEqual({ url: DS4P.classifier, valueReference: CLASSIFIER })
  })
})

describe('an explanation', () => {
  it('names rule, places, confidence and revision', async () => {
    const [one] = await explained([], JSON.stringify(opioid))
    expect(one).toMatchObject({ reference: 'Condition/o', place: 'standard input:1', confidentiality: 'R' })
    expect(one?.revision).toMatch(/^[0-9a-f]{16}$/)
    const sud = one?.labels.find(({ code }) => code === 'SUD')
    expect(sud).toMatchObject({
      origin: 'word',
      at: ['code.text'],
      rule: expect.stringMatching(/^substance-use\//),
    })
    expect(sud?.confidence).toBeGreaterThan(0.5)
  })

  it('tells candidates, what would make them labels, and the cue where one did', async () => {
    const site = join(folder, 'cues')
    mkdirSync(join(site, 'birds'), { recursive: true })
    writeFileSync(
      join(site, 'birds', 'rules.json'),
      JSON.stringify({
        id: 'birds',
        title: 'Birds',
        labels: [{ system: 'urn:birds', code: 'BIRD' }],
        confidentiality: 'R',
        statements: { refuted: { effect: 'drop', why: 'no bird was there' } },
        rules: [
          { id: 'sky', kind: 'cue', any: ['sky'] },
          {
            id: 'crane',
            kind: 'words',
            any: ['crane'],
            context: [{ cue: 'sky', confidence: 0.9, why: 'a crane in the sky is a bird' }],
            confidence: 0.3,
          },
        ],
      }),
    )
    const config = configuration('cues.json', { labelFolders: [site] })
    const conditions = [condition('a', { text: 'crane' }), condition('b', { text: 'crane in the sky' })]
    const input = conditions.map(one => JSON.stringify(one)).join('\n')
    const [plain, raised] = await explained(['--config', config], input)
    expect(plain?.candidates).toEqual([
      expect.objectContaining({
        code: 'BIRD',
        why: ['not applied: 0.3 is below 0.5; would be applied beside birds/sky'],
      }),
    ])
    expect(raised?.candidates).toBeUndefined()
    expect(raised?.labels.find(({ code }) => code === 'BIRD')).toMatchObject({
      confidence: 0.9,
      why: ['cue birds/sky makes it 0.9: a crane in the sky is a bird'],
    })
    const lax = configuration('lax.json', { labelFolders: [site], minimumConfidence: 0.2 })
    const [now] = await explained(['--config', lax], input)
    expect(now?.labels.map(({ code }) => code)).toContain('BIRD')
  })

  it('tells the record a label came from and why the edge carries it', async () => {
    const procedure = {
      resourceType: 'Procedure',
      id: 'x',
      status: 'completed',
      subject,
      code: { text: 'counselling' },
      reasonReference: [{ reference: 'https://fhir.example/r4/Condition/o' }],
    }
    const config = configuration('bases.json', {})
    const input = [opioid, procedure].map(one => JSON.stringify(one)).join('\n')
    const [, one] = await explained(['--config', config], input)
    expect(one?.labels.find(({ code }) => code === 'SUD')).toMatchObject({
      origin: 'lineage',
      from: 'Condition/o',
      why: [expect.stringMatching(/^reasonReference: /)],
    })
  })

  it('comes in lines for people', async () => {
    const { out } = await run(
      ['label', '--explain', '--text'],
      [opioid, cough].map(one => JSON.stringify(one)).join('\n'),
    )
    const given = out.trimEnd().split('\n')
    expect(given[0]).toMatch(/^Condition\/o: R/)
    expect(given).toContainEqual(
      expect.stringMatching(/^Condition\/o: SUD [\d.]+ by substance-use\/\S+ \(word\) at code\.text/),
    )
    expect(given.at(-1)).toBe('Condition/c: N')
  })

  it('says why a resource could not be labelled', async () => {
    const { out } = await run(['label', '--explain', '--text'], '{"resourceType":"Horoscope","id":"h"}')
    expect(out).toBe('Horoscope/h: V, not assessable: not a resource type of R4\n')
  })
})

describe('progress', () => {
  it('is shown to a person only, and is wiped at the end', async () => {
    const many = Array.from({ length: 400 }, (_, n) => JSON.stringify({ ...cough, id: `c${n}` })).join('\n')
    const shown = async (isTerminal: boolean): Promise<string> => {
      let error = ''
      async function* slowly() {
        for (const line of many.split('\n')) {
          if (line.includes('"c200"')) await new Promise(resolve => setTimeout(resolve, 700))
          yield `${line}\n`
        }
      }
      const terminal = {
        input: slowly(),
        out: () => undefined,
        error: (text: string) => {
          error += text
        },
      }
      expect(await runCommandLine(['label'], { ...terminal, isTerminal })).toBe(0)
      return error
    }
    expect(await shown(false)).toBe('')
    expect(await shown(true)).toMatch(/\r\d+ resources read[\s\S]*\r +\r$/)
  })
})
