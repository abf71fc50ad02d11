import { describe, expect, test } from 'vitest'
import { openBench } from '../../src/flow/consult-bench.ts'
import { resolvePatient } from '../../src/flow/consult-patient.ts'
import { createStandIns, type Kind } from '../../src/flow/consult-standins.ts'
import type { RawPage } from '../../src/model/exchange.ts'
import type { Resource } from '../../src/model/fhir.ts'
import type { PatientName } from '../../src/model/interaction.ts'
import { label } from '../support/consult.ts'
import { type Given, NOW, raw, request, requester, world } from './world.ts'

const received = { id: 'x', receivedAt: NOW, request: request('/'), correlation: {} }
const purposeOfUse = { effective: ['TREAT'], asserted: [], registered: [] } as const
const NOBODY = { reference: 'Patient/1', onFile: [] }

async function judged(kind: Kind, given: Partial<Given> = {}) {
  const { rooms } = world({ resources: [], ...given })
  const standIns = createStandIns(rooms.labeller)
  const bench = await openBench(rooms, received, { requesters: [requester], purposeOfUse }, standIns, NOBODY)
  return bench.judge(kind)
}

describe('one kind of record', () => {
  test('goes where the decider lets it go', async () => {
    expect(await judged({ labels: [] })).toMatchObject({ permitted: true, name: 'any type, unlabelled' })
    const denied = await judged(
      { labels: [label('HIV')] },
      {
        decide: ({ codes }) => (codes.has('HIV') ? { effect: 'deny' } : undefined),
      },
    )
    expect(denied).toMatchObject({ permitted: false, name: 'any type, HIV' })
  })

  test('stays where a duty of its release cannot be met', async () => {
    const { segmenter } = world({ resources: [] }).rooms
    const over = { segmenter: { ...segmenter, undischargeable: () => 'DEIDENTIFY' } }
    const { permitted, decided } = await judged({ labels: [] }, { over })
    expect(permitted).toBe(false)
    expect(decided.decision.because[0]?.rule).toBe('undischargeable:DEIDENTIFY')
  })

  test('must go for everybody who is asked for', async () => {
    const decide: NonNullable<Given['decide']> = () => undefined
    const { rooms } = world({ resources: [], decide })
    const some = { ...requester, actors: [] }
    const standIns = createStandIns(rooms.labeller)
    const bench = await openBench(
      {
        ...rooms,
        decider: {
          decide: (context, resources, ask) =>
            rooms.decider.decide(context, resources, ask).map(one => ({
              ...one,
              decision: { ...one.decision, effect: context.requester === some ? 'deny' : 'permit' },
            })),
        },
      },
      received,
      { requesters: [requester, some], purposeOfUse },
      standIns,
      NOBODY,
    )
    expect(bench.judge({ labels: [] }).permitted).toBe(false)
  })
})

describe('the patient of a consult', () => {
  const patient = (id: string, ...identifier: object[]): Resource =>
    ({ resourceType: 'Patient', id, identifier }) as unknown as Resource
  const by = (system: string | undefined, value: string): PatientName => ({
    identifier: system === undefined ? { value } : { system, value },
  })

  /** An upstream that answers every search with these resources, whatever is asked. */
  function resolve(found: readonly Resource[], names: readonly PatientName[], pages = 1) {
    const asked: string[] = []
    const page = (left: number): RawPage => ({
      hash: `${left}`,
      entries: found.map(one => ({ mode: 'match', resource: raw(one) })),
      ...(left > 1 ? { next: `${left - 1}` } : {}),
    })
    const { rooms } = world({
      resources: found,
      upstream: {
        search: async (_, query) => {
          asked.push(query)
          return page(pages)
        },
        next: async link => page(Number(link)),
      },
    })
    return resolvePatient(rooms, names).then(({ resolution, facts }) => ({
      resolution,
      reference: facts?.reference,
      asked,
    }))
  }

  test('carries the identifier that was asked for, even where the server ignores it', async () => {
    const found = [
      patient('1', { system: 'urn:a', value: '7' }),
      patient('2', { system: 'urn:b', value: '7' }),
    ]
    expect(await resolve(found, [by('urn:a', '7')])).toMatchObject({
      resolution: 'found',
      reference: 'Patient/1',
    })
    expect(await resolve(found, [by('urn:c', '7')])).toMatchObject({ resolution: 'absent' })
    expect(await resolve(found, [by(undefined, '7')])).toMatchObject({ resolution: 'ambiguous' })
    expect(await resolve([patient('1')], [by('urn:a', '7')])).toMatchObject({ resolution: 'absent' })
  })

  test('is asked for with everything escaped that means something in a search', async () => {
    const { asked } = await resolve([], [by('urn:a|b', 'x,y$&_count=1')])
    expect(asked).toEqual([`identifier=${encodeURIComponent('urn:a\\|b|x\\,y\\$&_count=1')}&_count=10`])
  })

  test('may be named in several ways, of which one is enough', async () => {
    const one = patient('1', { system: 'urn:a', value: '7' })
    const names = [by('urn:other', '9'), by('urn:a', '7'), { reference: 'Patient/1' } as const]
    expect(await resolve([one], names)).toMatchObject({ resolution: 'found', reference: 'Patient/1' })
  })

  test('is nobody where an answer has no end', async () => {
    const one = patient('1', { system: 'urn:a', value: '7' })
    expect(await resolve([one], [by('urn:a', '7')], 3)).toMatchObject({ resolution: 'found' })
    expect(await resolve([one], [by('urn:a', '7')], 4)).toMatchObject({ resolution: 'ambiguous' })
  })
})
