import type { HttpRequest } from '../model/exchange.ts'

/** The only headers that are recorded; credentials are not among them. */
const SAFE_HEADERS = new Set([
  'accept',
  'accept-language',
  'content-type',
  'host',
  'prefer',
  'traceparent',
  'user-agent',
  'x-request-id',
])
const HEADER_MAX = 256
const TARGET_MAX = 8192
const BODY_MAX = 65_536
const HIDDEN = '[hidden]'

/** Names under which credentials travel (RFC 6749, RFC 6750, RFC 7521), and the beginning of every JSON Web Token. */
const SECRET_NAME = /token|secret|passw|assertion|authorization|credential|api[-_]?key/i
const SUSPICIOUS = /token|secret|passw|assertion|authorization|credential|api[-_]?key|eyJ|bearer|%/i
const SECRET_VALUE = /eyJ|bearer/i

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function maskParameter(parameter: string): string {
  const at = parameter.indexOf('=')
  const name = at < 0 ? parameter : parameter.slice(0, at)
  const plain = decoded(name)
  if (SECRET_VALUE.test(plain)) return HIDDEN
  if (at < 0) return parameter
  const hide = SECRET_NAME.test(plain) || SECRET_VALUE.test(decoded(parameter.slice(at + 1)))
  return hide ? `${name}=${HIDDEN}` : parameter
}

/** `a=1&access_token=x` → `a=1&access_token=[hidden]`. */
function maskForm(form: string): string {
  return SUSPICIOUS.test(form) ? form.split('&').map(maskParameter).join('&') : form
}

function maskPath(path: string): string {
  if (!SUSPICIOUS.test(path)) return path
  return path
    .split('/')
    .map(segment => (SECRET_VALUE.test(decoded(segment)) ? HIDDEN : segment))
    .join('/')
}

/** The request target with nothing secret in it, bounded. */
export function maskTarget(target: string): string {
  const bounded = target.length > TARGET_MAX ? target.slice(0, TARGET_MAX) : target
  const at = bounded.indexOf('?')
  if (at < 0) return maskPath(bounded)
  return `${maskPath(bounded.slice(0, at))}?${maskForm(bounded.slice(at + 1))}`
}

function bodyText(request: HttpRequest): string {
  if (request.method !== 'POST' || request.body.length === 0) return ''
  return `\n${maskForm(Buffer.from(request.body.subarray(0, BODY_MAX)).toString('utf8'))}`
}

/**
 * The raw request for AuditEvent.entity.query, base64: request line, safe headers, form body. BALP asks for the raw
 * request; secrets are not part of the question.
 */
export function requestQuery(request: HttpRequest): string {
  let text = `${request.method} ${maskTarget(request.target)} HTTP/1.1\n`
  for (const [name, value] of request.headers) {
    if (!SAFE_HEADERS.has(name.toLowerCase()) || SECRET_VALUE.test(value)) continue
    text += `${name}: ${value.slice(0, HEADER_MAX)}\n`
  }
  return Buffer.from(text + bodyText(request)).toString('base64')
}
