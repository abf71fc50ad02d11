import { describe, expect, test } from 'vitest'
import { exchange, FORM, parser, refusalOf, search, understand } from './exchange.ts'

describe('the request target', () => {
  test.each([
    ['/fhir/Patient/a-1.B', { code: 'read', resourceType: 'Patient', id: 'a-1.B' }],
    ['/fhir/Patient/1?_format=json&_pretty=true', { code: 'read', resourceType: 'Patient', id: '1' }],
    ['/fhir/Patient/1?_summary=false', { code: 'read', resourceType: 'Patient', id: '1' }],
    ['/fhir/Patient/1/_history/3', { code: 'vread', resourceType: 'Patient', id: '1', versionId: '3' }],
    ['/fhir/Binary/1', { code: 'read', resourceType: 'Binary', id: '1' }],
  ])('%s is understood', (target, interaction) => {
    expect(understand(target)).toEqual(interaction)
  })

  test.each([
    ['/fhir/Patient', ''],
    ['/fhir/Patient?', ''],
    ['/fhir/Patient?_id=1', '_id=1'],
    ['/fhir/Patient?%5Fid=1', '_id=1'],
    ['/fhir/Patient?family=van+der%20Berg', 'family=van%20der%20Berg'],
    ['/fhir/Patient?family=J%C3%B8rgensen', 'family=J%C3%B8rgensen'],
  ])('%s is a search', (target, canonical) => {
    expect(search(target)).toMatchObject({ code: 'search-type', resourceType: 'Patient', canonical })
  })

  test.each([
    ['http://gw.example/fhir/Patient/1', 'absolute form'],
    ['gw.example:443', 'authority form'],
    ['*', 'asterisk form'],
    ['', 'nothing'],
    ['/', 'an empty segment'],
    ['/fhir/Patient/1/*', 'an asterisk'],
    ['//fhir/Patient/1', 'a double slash first'],
    ['/fhir//Patient/1', 'a double slash'],
    ['/fhir/Patient//1', 'an empty id segment'],
    ['/fhir/Patient/', 'a trailing slash'],
    ['/fhir/Patient/1/', 'a trailing slash after the id'],
    ['/fhir/Patient/1;v=2', 'a matrix parameter'],
    ['/fhir\\Patient\\1', 'backslashes'],
    ['/fhir/./Patient/1', 'a dot segment'],
    ['/fhir/Observation/../Patient/1', 'a parent segment'],
    ['/fhir/Patient/..', 'a parent segment last'],
    ['/fhir/Observation/%2e%2e/Patient/1', 'an encoded parent segment'],
    ['/fhir/Patient%2F1', 'an encoded slash'],
    ['/fhir/Patient%252F1', 'a twice encoded slash'],
    ['/fhir/%50atient/1', 'an encoded letter'],
    ['/fhir/Patient/1%00', 'an encoded NUL'],
    ['/fhir/Patient/1\u0000', 'a NUL'],
    ['/fhir/Patient/1\r\nX: y', 'a line break'],
    ['/fhir/Patient/1 ', 'a blank'],
    ['/fhir/Patient/é', 'a non-ASCII letter'],
    ['/fhir/Patient/1#x', 'a fragment'],
    ['/fhir/Patient?_id=1#x', 'a fragment after the query'],
    ['/fhir/Patient?_id=1;_id=2', 'a semicolon as separator'],
    ['/fhir/Patient?family=a\\', 'a raw backslash'],
    ['/fhir/Patient?family=é', 'a raw non-ASCII letter in the query'],
    ['/fhir/Patient?family=a b', 'a raw blank in the query'],
    [`/fhir/Patient?family=${'a'.repeat(9_000)}`, 'too many bytes'],
    [`/fhir/Patient/${'a'.repeat(65)}`, 'an overlong id'],
    ['/fhir/Patient/a_b', 'an underscore in an id'],
    ['/fhir/Patient/1/_history/a_b', 'an underscore in a version'],
  ])('%s is refused: %s', target => {
    expect(refusalOf(() => understand(target))).toBe('bad-request')
  })

  test.each([
    '/fhirx/Patient/1',
    '/FHIR/Patient/1',
    '/fhir',
    '/fhir?_type=Patient',
    '/fhir/_history',
    '/fhir/_search',
    '/fhir/$export',
    '/fhir/$graphql',
    '/fhir/Patient/$everything',
    '/fhir/Patient/1/$everything',
    '/fhir/Patient/_history',
    '/fhir/Patient/_search',
    '/fhir/Patient/1/_history',
    '/fhir/Patient/1/_history/2/3',
    '/fhir/Patient/1/Observation',
    '/fhir/AuditEvent',
    '/fhir/AuditEvent/1',
    '/fhir/metadata',
    '/fhir/metadata?mode=terminology',
  ])('%s is not supported', target => {
    expect(refusalOf(() => understand(target))).toBe('not-supported')
  })

  test.each([
    '/fhir/Foo',
    '/fhir/Foo/1',
    '/fhir/patient/1',
    '/fhir/Resource/1',
    '/fhir/DomainResource',
    '/fhir/__proto__/1',
  ])('%s names no R4 type', target => {
    expect(refusalOf(() => understand(target))).toBe('unknown-type')
  })

  test.each(['PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'get', 'QUERY'])(
    'method %s is not supported anywhere',
    method => {
      for (const target of ['/fhir/Patient/1', '/fhir/Patient', '/fhir', '/fhir/metadata', '//'])
        expect(refusalOf(() => understand(target, { method }))).toBe('not-supported')
    },
  )

  test.each([
    '/fhir',
    '/fhir/Patient',
    '/fhir/Patient/1',
    '/fhir/Patient/1/_search',
    '/fhir/_search',
    '/fhir/Patient/$match',
  ])('POST %s is not supported', target => {
    expect(refusalOf(() => understand(target, { method: 'POST', headers: [FORM] }))).toBe('not-supported')
  })

  test.each([
    ['?_elements=id', 'not-supported'],
    ['?_summary=true', 'not-supported'],
    ['?_id=1', 'unknown-parameter'],
    ['?_pretty=true&_pretty=true', 'duplicate-parameter'],
    ['?_format=xml', 'not-acceptable'],
    ['?_method=DELETE', 'not-supported'],
    ['?x', 'bad-parameter'],
  ])('a read with %s is refused', (query, code) => {
    expect(refusalOf(() => understand(`/fhir/Patient/1${query}`))).toBe(code)
  })

  test('a body on GET is refused', () => {
    expect(refusalOf(() => understand('/fhir/Patient', { body: '_id=1' }))).toBe('bad-request')
  })
})

describe('the public documents', () => {
  test.each([
    ['/fhir/metadata', 'metadata'],
    ['/fhir/metadata?_format=json', 'metadata'],
    ['/fhir/metadata?_format=application/fhir+json&_pretty=true', 'metadata'],
    ['/fhir/metadata?mode=full', 'metadata'],
    ['/fhir/.well-known/smart-configuration', 'smart-configuration'],
  ])('%s needs no token', (target, document) => {
    expect(parser.publicDocument(exchange(target))).toEqual({ code: 'capabilities', document })
  })

  test.each([
    '/fhir/metadata/',
    '/fhir/metadata/../Patient/1',
    '/fhir/%6detadata',
    '/fhir/metadata;x',
    '/fhir/metadata%3F',
    '/fhir/metadata#x',
    '/fhir/metadata?_method=PUT',
    '/fhir/metadata?_format=json;x',
    '/fhir/metadata?&&',
    '/fhir/Metadata',
    '/metadata',
    '/fhir/.well-known/smart-configuration/x',
    '/fhir/.well-known',
    'http://gw.example/fhir/metadata',
    '/fhir/constructor',
    '/fhirconstructor',
    '/fhir/Patient/1',
  ])('%s is none', target => {
    expect(parser.publicDocument(exchange(target))).toBeUndefined()
  })

  test('only a plain GET gets one', () => {
    const headers = [['X-HTTP-Method-Override', 'DELETE']] as const
    expect(parser.publicDocument(exchange('/fhir/metadata', { method: 'POST' }))).toBeUndefined()
    expect(parser.publicDocument(exchange('/fhir/metadata', { method: 'HEAD' }))).toBeUndefined()
    expect(parser.publicDocument(exchange('/fhir/metadata', { body: 'x' }))).toBeUndefined()
    expect(parser.publicDocument(exchange('/fhir/metadata', { headers }))).toBeUndefined()
  })
})
