import { Refusal } from '../model/refusal.ts'

/** Longest token read, characters; more is no token any issuer makes. */
const TOKEN_LIMIT = 16_384
/** RFC 6750 2.1 `b64token`. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/

type Headers = readonly (readonly [name: string, value: string])[]

/** All values of one header; `name` in lower case. */
export function headerValues(headers: Headers, name: string): readonly string[] {
  const values: string[] = []
  for (const [given, value] of headers) {
    if (given.length === name.length && given.toLowerCase() === name) values.push(value)
  }
  return values
}

function invalid(diagnostics: string): Refusal {
  return new Refusal('token-invalid', { diagnostics })
}

/**
 * The one access token of a request (RFC 6750 2.1). No other header says who asks.
 * Throws Refusal `login-required` without an Authorization header, `token-invalid` for two of them, another scheme or a
 * token of impossible form.
 */
export function bearerToken(headers: Headers): string {
  const [value, ...more] = headerValues(headers, 'authorization')
  if (value === undefined) {
    throw new Refusal('login-required', { diagnostics: 'Authorization: expected a Bearer access token' })
  }
  if (more.length > 0) throw invalid('Authorization: expected exactly one header')
  const space = value.indexOf(' ')
  const scheme = space < 0 ? value : value.slice(0, space)
  if (scheme.toLowerCase() !== 'bearer') throw invalid('Authorization: expected the Bearer scheme')
  const token = space < 0 ? '' : value.slice(space + 1).trim()
  if (token.length > TOKEN_LIMIT) throw invalid(`Authorization: expected at most ${TOKEN_LIMIT} characters`)
  if (!B64TOKEN.test(token)) throw invalid('Authorization: expected Bearer and one token')
  return token
}
