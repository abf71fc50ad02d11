import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readPseudonymKey } from '../../src/data/deidentification.ts'
import { openEngine } from '../../src/engine.ts'
import type { Projection } from '../../src/model/projection.ts'
import { createDeidentification } from '../../src/segment/deidentify.ts'
import { projectionTable } from '../../src/segment/projections.ts'
import { requester, world } from '../flow/world.ts'
import { BASES, KEY, NOW, RULES } from './deidentify-kit.ts'
import { CONSENT_REF, decided, directive, GATEWAY, input, PAGE, readBundle, SUD, segmenter } from './kit.ts'

const projections = projectionTable(
  createDeidentification({ rules: RULES, key: KEY, bases: BASES, now: () => NOW }),
)
const { obligations } = openEngine().segmenting
const condition = {
  resourceType: 'Condition',
  id: 'secret-id',
  subject: { reference: 'Patient/p' },
  code: { coding: [{ system: 'http://snomed.info/sct', code: '44054006' }], text: 'opioid use disorder' },
}
const PART2 = { notices: ['p2-long'], caveats: ['NORDSCLCD'], consents: [CONSENT_REF] }
const given = (id: string, duty: string) =>
  decided(
    condition,
    { ...PART2, obligations: ['AUDIT', 'P2_NOTICE', 'P2_CONSENT_COPY', duty], projections: [id] },
    [SUD],
  )
const released = (id: string, duty: string, recipient?: string) =>
  segmenter({ projections, obligations }).segment({
    ...input([given(id, duty)], { directives: [directive()], page: PAGE }),
    ...(recipient === undefined ? {} : { recipient }),
  })

describe('a release after safe harbor', () => {
  it('holds no id, not in the address of its entry either, and no company', () => {
    const release = released('safe-harbor', 'DEIDENTIFY', 'study')
    const text = Buffer.from(release.body).toString()
    expect(text).not.toMatch(/secret-id|Patient\/p"|Consent|SUD|NORDSCLCD|42 CFR|opioid/)
    const { entry } = readBundle(release.body)
    expect(entry?.length).toBe(1)
    const [first] = entry as unknown as { fullUrl: string; resource: { id: string } }[]
    expect(first?.fullUrl).toBe(`${GATEWAY}/Condition/${first?.resource.id}`)
    expect(release.obligations).toEqual(['AUDIT', 'DEIDENTIFY'])
    expect(release.notices).toEqual([])
  })

  it('is another one for another recipient, and none for nobody', () => {
    const body = (recipient?: string) =>
      Buffer.from(released('safe-harbor', 'DEIDENTIFY', recipient).body).toString()
    expect(body('study')).toBe(body('study'))
    expect(body('study')).not.toBe(body('other'))
    expect(() => body()).toThrow('de-identified for nobody')
  })

  it('does not happen without a key, or where the type is a document', () => {
    const bare = segmenter({ obligations })
    expect(bare.undischargeable(given('safe-harbor', 'DEIDENTIFY').decision)).toBe('projection safe-harbor')
    const made = segmenter({ projections, obligations })
    expect(made.undischargeable(given('safe-harbor', 'DEIDENTIFY').decision, 'Condition')).toBeUndefined()
    expect(made.undischargeable(given('safe-harbor', 'DEIDENTIFY').decision, 'Binary')).toBe(
      'projection safe-harbor of Binary',
    )
  })
})

describe('a projection that fails on one record', () => {
  let tries = 0
  const failing: Projection = {
    id: 'view:strict',
    key: '1',
    removes: () => false,
    apply: ({ id }) => {
      tries += 1
      if (id === 'odd') throw new Error('unknown shape')
      return { tags: [], security: [] }
    },
  }
  const made = segmenter({ projections: new Map([[failing.id, failing]]), obligations })
  const one = (id: string, names: readonly string[]) =>
    decided({ ...condition, id }, { obligations: ['AUDIT'], projections: names })

  it('is found before anything is put together, once a record', () => {
    const odd = one('odd', ['view:strict'])
    expect(made.projectable?.(odd, 'plan')).toBe(false)
    expect(made.projectable?.(odd, 'plan')).toBe(false)
    expect(tries).toBe(1)
    expect(made.projectable?.(one('even', ['view:strict']), 'plan')).toBe(true)
  })

  it('says nothing of records it does not meet, and one that nobody knows fails on all', () => {
    expect(made.projectable?.(one('odd', []), 'plan')).toBe(true)
    expect(made.projectable?.(one('even', ['view:unknown']), 'plan')).toBe(false)
  })
})

describe('a limited data set', () => {
  it('is protected health information still: labels and statements go with it', () => {
    const text = Buffer.from(released('limited-data-set', 'LDS_STRIP_16', 'study').body).toString()
    expect(text).toContain('NORDSCLCD')
    expect(text).not.toContain('secret-id')
  })
})

describe('over HTTP', () => {
  const resources = [
    {
      resourceType: 'Observation',
      id: 'o1',
      status: 'final',
      subject: { reference: 'Patient/p1' },
      code: { text: 'x' },
    },
  ]
  const decide = () => ({ obligations: ['AUDIT', 'DEIDENTIFY'], projections: ['safe-harbor'] })
  const made = segmenter({ projections, obligations })
  const { identity } = world({ resources: [] }).rooms
  const asking: typeof identity = {
    ...identity,
    identify: async received => ({
      ...(await identity.identify(received)),
      requester: { ...requester, claims: { deidentify: { standard: 'safe-harbor' } } },
    }),
  }

  it('a search gives pseudonyms', async () => {
    const { get } = world({ resources, decide, over: { segmenter: made, identity: asking } })
    const { status, text } = await get('Observation')
    expect(status).toBe(200)
    expect(text).toContain('PSEUDED')
    expect(text).not.toMatch(/"o1"|Observation\/o1|Patient\/p1"/)
  })

  it('a read by id is refused before the upstream is asked', async () => {
    const { get, calls, refused } = world({ resources, decide, over: { segmenter: made, identity: asking } })
    expect((await get('Observation/o1')).text).toBe('not-supported')
    expect(refused[0]?.refusal.diagnostics).toContain('by search alone')
    expect(calls).toEqual([])
  })

  it('a read is as absent where only the decision makes it pseudonymous', async () => {
    const { get } = world({ resources, decide, over: { segmenter: made } })
    expect((await get('Observation/o1')).text).toBe('not-found')
    expect((await world({ resources }).get('Observation/o1')).status).toBe(200)
  })
})

describe('a key file', () => {
  const file = (text: string) => {
    const path = join(mkdtempSync(join(tmpdir(), 'key-')), 'key')
    writeFileSync(path, text)
    return path
  }

  it('holds 32 bytes or more in hexadecimal or base64, and names itself by them', () => {
    const hex = readPseudonymKey(file(`${'ab'.repeat(32)}\n`))
    expect(hex.secret.length).toBe(32)
    expect(readPseudonymKey(file(Buffer.alloc(32, 0xab).toString('base64'))).id).toBe(hex.id)
    expect(readPseudonymKey(file('cd'.repeat(32))).id).not.toBe(hex.id)
  })

  it.each(['', 'short', 'ab'.repeat(31), 'not base64 !'.repeat(9)])(
    'that says %j is refused without being quoted',
    text => {
      expect(() => readPseudonymKey(file(text))).toThrow('expected at least 32 bytes')
    },
  )

  it('that is not there is named', () => {
    expect(() => readPseudonymKey('/nowhere/key')).toThrow('key file /nowhere/key: cannot be read (ENOENT)')
  })
})
