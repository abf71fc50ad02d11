import { expect, test } from 'vitest'
import { noticesOf, undischargeable } from '../../src/segment/obligations.ts'
import { profiles } from '../decide/fixtures.ts'
import { decision } from './kit.ts'

const { obligations = {}, notices } = profiles
const known = new Set(Object.keys(notices))
const owing = decision({ obligations: ['AUDIT', 'NO_FURTHER_USE_REQUEST'] })

test('the request for no further use is met by its notice', () => {
  expect(undischargeable(owing, known, { obligations })).toBeUndefined()
  expect(noticesOf(owing, { obligations })).toEqual(['hipaa-no-further-use'])
  expect(notices['hipaa-no-further-use']?.text).toContain('requested not to further use or disclose')
})

test('without its notice the request cannot be made, and nothing leaves', () => {
  const without = new Set([...known].filter(id => id !== 'hipaa-no-further-use'))
  expect(undischargeable(owing, without, { obligations })).toBe('NO_FURTHER_USE_REQUEST')
})
