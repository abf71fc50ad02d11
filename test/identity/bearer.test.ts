import { describe, expect, it } from 'vitest'
import { bearerToken } from '../../src/identity/bearer.ts'
import { Refusal } from '../../src/model/refusal.ts'

type Headers = readonly (readonly [string, string])[]

function codeOf(headers: Headers): string {
  try {
    return bearerToken(headers)
  } catch (error) {
    return error instanceof Refusal ? error.code : 'thrown'
  }
}

describe('the bearer token', () => {
  const good: readonly [string, Headers][] = [
    ['one header', [['Authorization', 'Bearer abc.def']]],
    ['a scheme in any case', [['AUTHORIZATION', 'bEaReR abc.def']]],
    [
      'headers that pretend to name somebody',
      [
        ['X-Forwarded-User', 'root'],
        ['X-Remote-User', 'root'],
        ['authorization', 'Bearer abc.def'],
      ],
    ],
  ]
  it.each(good)('is read from %s', (_, headers) => expect(bearerToken(headers)).toBe('abc.def'))

  const none: readonly [string, Headers][] = [
    ['no header at all', []],
    ['X-Forwarded-User alone', [['X-Forwarded-User', 'dr-house']]],
    ['X-Authorization alone', [['X-Authorization', 'Bearer abc']]],
    ['Proxy-Authorization alone', [['Proxy-Authorization', 'Bearer abc']]],
  ]
  it.each(none)('is asked for with %s', (_, headers) => expect(codeOf(headers)).toBe('login-required'))

  const bad: readonly [string, Headers][] = [
    [
      'two headers',
      [
        ['Authorization', 'Bearer abc'],
        ['authorization', 'Bearer abc'],
      ],
    ],
    ['Basic', [['Authorization', 'Basic dTpw']]],
    ['DPoP', [['Authorization', 'DPoP abc']]],
    ['an empty value', [['Authorization', '']]],
    ['the scheme alone', [['Authorization', 'Bearer']]],
    ['two tokens', [['Authorization', 'Bearer abc, Bearer def']]],
    ['a control character', [['Authorization', 'Bearer a\u0000b']]],
    ['quotes', [['Authorization', 'Bearer "abc"']]],
    ['too long a token', [['Authorization', `Bearer ${'a'.repeat(20_000)}`]]],
  ]
  it.each(bad)('is refused with %s', (_, headers) => expect(codeOf(headers)).toBe('token-invalid'))
})
