import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCursors } from '../../src/flow/cursors.ts'
import type { Rooms } from '../../src/flow/rooms.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { type Answer, idsOf, nextOf, observation, type World, world } from './world.ts'

/** A list of matches: true is visible. */
const list = (shape: readonly boolean[]) =>
  shape.map((visible, index) => observation(`${visible ? 'v' : 'hidden'}${index}`))

/** Every page from the first on; `forget` says before which pages the memory of positions is lost. */
async function pages(
  { rooms, get }: World,
  path: string,
  forget: (page: number) => boolean = () => false,
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let next: string | undefined = path; next !== undefined; ) {
    if (forget(answers.length)) (rooms as { cursors: Rooms['cursors'] }).cursors = createCursors(10, 1000)
    const answer = await get(next)
    answers.push(answer)
    next = nextOf(answer)
    if (answers.length > 50) throw new Error('paging does not end')
  }
  return answers
}

const QUERY = 'Observation?patient=p'

describe('the pages of a search', () => {
  const shape = fc.array(fc.boolean(), { maxLength: 14 })
  const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 })

  test('are those of the visible list, byte for byte, however the upstream cuts it and whatever is forgotten', async () => {
    await fc.assert(
      fc.asyncProperty(
        shape,
        sizes,
        sizes,
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        async (given, cut, otherCut, count, forgotten) => {
          const resources = list(given)
          const visible = resources.filter(({ id }) => id?.startsWith('v'))
          const path = `${QUERY}&_count=${count}`
          const seen = await pages(
            world({ resources, pages: cut }),
            path,
            page => forgotten[page % forgotten.length] ?? false,
          )
          const without = await pages(world({ resources: visible, pages: otherCut }), path)
          expect(seen).toEqual(without)
          const ids = visible.map(({ id }) => `${id}`)
          const expected = Array.from({ length: Math.max(1, Math.ceil(ids.length / count)) }, (_, page) =>
            ids.slice(page * count, (page + 1) * count),
          )
          expect(seen.map(answer => idsOf(answer))).toEqual(expected)
        },
      ),
      { numRuns: 120 },
    )
  })

  test('of every list of up to five matches, page size and cut', async () => {
    for (let length = 0; length <= 5; length++)
      for (let bits = 0; bits < 1 << length; bits++) {
        const given = Array.from({ length }, (_, index) => (bits & (1 << index)) !== 0)
        const visible = list(given).flatMap(({ id }) => (id?.startsWith('v') ? [`${id}`] : []))
        for (const count of [1, 2, 3])
          for (const size of [1, 2, 5]) {
            const seen = await pages(
              world({ resources: list(given), pages: [size] }),
              `${QUERY}&_count=${count}`,
            )
            expect(seen.flatMap(answer => idsOf(answer))).toEqual(visible)
            expect(seen).toHaveLength(Math.max(1, Math.ceil(visible.length / count)))
          }
      }
  })

  test('say the total only where the first page holds all of it', async () => {
    const made = world({ resources: list([true, false, true, true]) })
    const total = ({ text }: Answer) => (JSON.parse(text) as { total?: number }).total
    expect((await pages(made, `${QUERY}&_count=3`)).map(total)).toEqual([3])
    expect((await pages(made, `${QUERY}&_count=2`)).map(total)).toEqual([undefined, undefined])
    expect(await pages(made, 'Observation?patient=q&_count=1')).toHaveLength(3)
  })

  test('a remembered position spares the walk', async () => {
    const made = world({ resources: list(Array(12).fill(true)), pages: [3] })
    const second = nextOf(await made.get(`${QUERY}&_count=6`)) ?? ''
    made.calls.length = 0
    expect(idsOf(await made.get(second))).toEqual(['v6', 'v7', 'v8', 'v9', 'v10', 'v11'])
    expect(made.calls.filter(call => /^(search|next)/.test(call))).toEqual([
      'next Observation||6|2',
      'next Observation||9|3',
    ])
  })

  test('a remembered position that the upstream has forgotten is found again by walking', async () => {
    let isGone = false
    const made = world({ resources: list(Array(6).fill(true)), pages: [2] })
    const next = made.rooms.upstream.next
    const upstream = {
      ...made.rooms.upstream,
      next: async (link: string) => {
        if (isGone) {
          isGone = false
          throw new Refusal('upstream-invalid')
        }
        return next(link)
      },
    }
    const { get } = world({ resources: [], over: { upstream, cursors: made.rooms.cursors } })
    const second = nextOf(await get(`${QUERY}&_count=4`)) ?? ''
    isGone = true
    expect(idsOf(await get(second))).toEqual(['v4', 'v5'])
    isGone = true
    expect(await get(`${QUERY}&_count=5`)).toMatchObject({ text: 'upstream-invalid' })
  })

  test('a search that scans too much is refused, and one that ends in time is not', async () => {
    const scanned = (hidden: number) =>
      world({
        resources: [...list(Array(hidden).fill(false)), observation('v')],
        pages: [5],
        site: { limits: { scannedEntries: 20 } },
      }).get(`${QUERY}&_count=1`)
    expect((await scanned(60)).text).toBe('too-costly')
    expect(idsOf(await scanned(10))).toEqual(['v'])
  })
})
