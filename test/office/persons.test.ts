import { describe, expect, it } from 'vitest'
import { isSamePerson } from '../../src/office/persons.ts'

describe('one person', () => {
  it.each([
    ['Ana Lee', 'ana lee'],
    ['Ana Lee', 'ana.lee'],
    ['Ana Lee', 'AnaLee'],
    ['Ana Lee', ' Ana\u00a0 Lee '],
    ['Ana Lee', 'Ana\u200b Lee'],
    ['Ana Lee', 'Lee, Ana'],
    ['José Núñez', 'Jose Nunez'],
    ['Ａｎａ', 'ana'],
    ['李娜', '李娜.'],
    ['--', '..'],
  ])('%j is %j', (one, other) => {
    expect(isSamePerson(one, other)).toBe(true)
    expect(isSamePerson(other, one)).toBe(true)
  })

  it.each([
    ['ana', 'ben'],
    ['Ana Lee', 'Ana Leeson'],
    ['李娜', '李雷'],
    ['ana', ''],
  ])('%j is not %j', (one, other) => {
    expect(isSamePerson(one, other)).toBe(false)
  })
})
