import type { IssuerConfiguration } from '../model/configuration.ts'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import type { ServedType } from '../model/interaction.ts'

/** What the gateway says of itself. */
export interface Publication {
  readonly baseUrl: string
  readonly issuers: readonly PublishedIssuer[]
  /** Version of this software. */
  readonly version: string
  /** Day this description last changed, `YYYY-MM-DD`. */
  readonly date: string
  readonly servedTypes: readonly ServedType[]
}

export type PublishedIssuer = Pick<
  IssuerConfiguration,
  'issuer' | 'jwksUri' | 'authorizationEndpoint' | 'tokenEndpoint'
>

const INTERACTIONS = ['read', 'vread', 'search-type'] as const
const OAUTH_URIS = 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris'
const SECURITY_SERVICE = 'http://terminology.hl7.org/CodeSystem/restful-security-service'
/** Promised while the upstream's own statement cannot be had: the resource types of US Core. */
const COMMON_TYPES: ReadonlySet<string> = new Set([
  'AllergyIntolerance',
  'CarePlan',
  'CareTeam',
  'Condition',
  'Coverage',
  'Device',
  'DiagnosticReport',
  'DocumentReference',
  'Encounter',
  'Goal',
  'Immunization',
  'Location',
  'Medication',
  'MedicationDispense',
  'MedicationRequest',
  'Observation',
  'Organization',
  'Patient',
  'Practitioner',
  'PractitionerRole',
  'Procedure',
  'Provenance',
  'QuestionnaireResponse',
  'RelatedPerson',
  'ServiceRequest',
  'Specimen',
])

/** What an upstream states of one type, as far as it can narrow ours. */
interface Stated {
  readonly interactions: ReadonlySet<string>
  readonly parameters: ReadonlySet<string>
}

/**
 * The gateway's own CapabilityStatement (https://hl7.org/fhir/R4/capabilitystatement.html): the upstream's narrowed to
 * what is served here. Only codes the gateway knows itself are taken over, so no URL, name or version of the upstream.
 */
export function capabilityStatement(publication: Publication, upstream: JsonObject | undefined): JsonObject {
  const { baseUrl, version, date, issuers } = publication
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date,
    kind: 'instance',
    software: { name: 'Consentry', version },
    implementation: { description: 'FHIR data segmentation gateway', url: baseUrl },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    rest: [
      { mode: 'server', security: security(issuers), ...some('resource', resources(publication, upstream)) },
    ],
  }
}

function resources({ servedTypes }: Publication, upstream: JsonObject | undefined): readonly JsonObject[] {
  const stated = upstream === undefined ? undefined : readStatement(upstream)
  if (stated === undefined) {
    return servedTypes.filter(({ type }) => COMMON_TYPES.has(type)).map(served => describe(served, undefined))
  }
  return servedTypes.flatMap(served => {
    const own = stated.get(served.type)
    const isServed = own !== undefined && INTERACTIONS.some(code => own.interactions.has(code))
    return isServed ? [describe(served, own)] : []
  })
}

function describe({ type, searchParameters, includes }: ServedType, stated: Stated | undefined): JsonObject {
  const interaction = INTERACTIONS.filter(code => stated?.interactions.has(code) ?? true)
  const searchable = interaction.includes('search-type') ? searchParameters : []
  const parameters = searchable.filter(({ name }) => stated?.parameters.has(name) ?? true)
  const names = new Set(parameters.map(({ name }) => name))
  return {
    type,
    interaction: interaction.map(code => ({ code })),
    ...some(
      'searchInclude',
      includes.filter(name => names.has(name)).map(name => `${type}:${name}`),
    ),
    ...some(
      'searchParam',
      parameters.map(({ name, type: kind }) => ({ name, type: kind })),
    ),
  }
}

/** FHIR JSON has no empty arrays. */
function some(name: string, values: readonly JsonValue[]): JsonObject {
  return values.length === 0 ? {} : { [name]: values }
}

function security(issuers: readonly PublishedIssuer[]): JsonObject {
  return {
    ...some('extension', issuers.flatMap(oauthUris)),
    service: [{ coding: [{ system: SECURITY_SERVICE, code: 'SMART-on-FHIR' }] }],
    description: 'OAuth 2.0 bearer tokens with SMART App Launch scopes and a purpose of use',
  }
}

/** https://hl7.org/fhir/smart-app-launch/1.0.0/conformance/: both endpoints, or nothing a client could start from. */
function oauthUris({ authorizationEndpoint, tokenEndpoint }: PublishedIssuer): readonly JsonObject[] {
  if (tokenEndpoint === undefined || authorizationEndpoint === undefined) return []
  const token = { url: 'token', valueUri: tokenEndpoint }
  return [{ url: OAUTH_URIS, extension: [token, { url: 'authorize', valueUri: authorizationEndpoint }] }]
}

/** Undefined for what is no CapabilityStatement of a server; what is odd inside one promises nothing. */
function readStatement(upstream: JsonObject): ReadonlyMap<string, Stated> | undefined {
  const rest = objects(upstream['rest']).find(({ mode }) => mode === 'server')
  if (upstream['resourceType'] !== 'CapabilityStatement' || rest === undefined) return undefined
  return new Map(
    objects(rest['resource']).flatMap(resource => {
      const { type, interaction, searchParam } = resource
      if (typeof type !== 'string') return []
      return [
        [type, { interactions: strings(interaction, 'code'), parameters: strings(searchParam, 'name') }],
      ]
    }),
  )
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  if (!Array.isArray(value)) return []
  return value.filter((one: JsonValue) => typeof one === 'object' && one !== null && !Array.isArray(one))
}

function strings(value: JsonValue | undefined, name: string): ReadonlySet<string> {
  return new Set(
    objects(value).flatMap(one => {
      const text = one[name]
      return typeof text === 'string' ? [text] : []
    }),
  )
}
