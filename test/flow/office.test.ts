import { expect, test } from 'vitest'
import type { DecisionContext } from '../../src/model/decision.ts'
import type { OfficeView } from '../../src/model/office.ts'
import { NOW, observation, requester, world } from './world.ts'

/** A view that says of itself which one it is. */
const viewOf = (claimsOf: DecisionContext['claimsOf']): OfficeView => ({
  evidence: new Map(),
  claimsOf: (who, purposes, at) => {
    expect([who.client, purposes, at]).toEqual([requester.client, expect.any(Array), NOW])
    return claimsOf
  },
})

test('where the office cannot be looked at, what exists and what does not are answered alike, and nothing is fetched', async () => {
  const failing = world({
    resources: [observation('a')],
    over: {
      office: {
        look: () => {
          throw new Error('disk')
        },
      },
    },
  })
  const answers = [await failing.get('Observation/a'), await failing.get('Observation/none')]
  expect(answers.map(({ status }) => status)).toEqual([503, 503])
  expect(answers[0]).toEqual(answers[1])
  expect(failing.calls).toEqual([])
  const sound = world({ resources: [observation('a')], over: { office: { look: () => viewOf(undefined) } } })
  expect((await sound.get('Observation/a')).status).toBe(200)
})

test('what is on file reaches decide, is looked at once an exchange, and changes within the second', async () => {
  const seen: DecisionContext['claimsOf'][] = []
  const first = () => []
  const second = () => []
  const views = [viewOf(undefined), viewOf(first), viewOf(first), viewOf(second)]
  let looks = 0
  const { decider } = world({ resources: [] }).rooms
  const made = world({
    resources: [observation('a')],
    over: {
      office: { look: () => views[looks++] as OfficeView },
      decider: {
        decide: (context, resources, ask) => {
          seen.push(context.claimsOf)
          return decider.decide(context, resources, ask)
        },
      },
    },
  })
  for (const _ of views) expect((await made.get('Observation/a')).status).toBe(200)
  expect(looks).toBe(views.length)
  expect([...new Set(seen)]).toEqual([undefined, first, second])
})
