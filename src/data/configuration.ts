import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ErrorObject, Ajv2020 as Validator } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import type { Configuration } from '../model/configuration.ts'
import type { SiteRegistry } from '../model/decision.ts'
import type { JsonObject, JsonValue } from '../model/fhir.ts'
import { type ConfigurationFile, type ConfigurationProblem, crossCheck } from './configuration-checks.ts'
import { placeOfFault, repeatedMember } from './json-text.ts'

/** The configuration cannot be used. The message has one line a problem: file, JSON path, what was expected. */
export class ConfigurationError extends Error {
  readonly problems: readonly ConfigurationProblem[]

  constructor(fileName: string, problems: readonly ConfigurationProblem[]) {
    super(
      problems.map(({ path, expected }) => [fileName, path, expected].filter(Boolean).join(': ')).join('\n'),
    )
    this.name = 'ConfigurationError'
    this.problems = problems
  }
}

const SCHEMA = new URL('../../profiles/deployment/configuration.schema.json', import.meta.url)
const SECRET_NAMES = /^(secret|password|token|apiKey|clientSecret|privateKey|key|value)$/i
const REGISTRY_FIELDS = [
  'part2Programs',
  'sudOnlyFacilities',
  'notFederallyAssisted',
  'sources',
  'agreements',
]

/**
 * Reads one configuration file: syntax, schema, defaults, cross checks. `overrides` are laid over the file first
 * (objects merge, everything else replaces), for command-line options and for the demo, whose URLs are known only
 * once its servers run. Nothing else is read: files of secrets are named, not opened.
 * Throws ConfigurationError that names file, JSON path and what was expected, for all problems at once.
 */
export function loadConfiguration(text: string, fileName: string, overrides: JsonObject = {}): Configuration {
  const merged = merge(parse(text, fileName), overrides)
  const validate = validator()
  if (!validate(merged)) throw new ConfigurationError(fileName, describe(validate.errors ?? []))
  const file = merged as unknown as ConfigurationFile
  const configuration = complete(file)
  const problems = crossCheck(file, configuration)
  if (problems.length > 0) throw new ConfigurationError(fileName, problems)
  return configuration
}

let compiled: ReturnType<Validator['compile']> | undefined

function validator(): ReturnType<Validator['compile']> {
  if (compiled !== undefined) return compiled
  const ajv = new Validator({
    allErrors: true,
    useDefaults: true,
    discriminator: true,
    allowUnionTypes: true,
    strictRequired: false,
  })
  addFormats.default(ajv)
  ajv.addKeyword('unit')
  compiled = ajv.compile(JSON.parse(readFileSync(SCHEMA, 'utf8')) as JsonObject)
  return compiled
}

function parse(text: string, fileName: string): JsonObject {
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch (error) {
    throw new ConfigurationError(fileName, [{ path: placeOfFault(text, error), expected: 'expected JSON' }])
  }
  if (!isObject(value))
    throw new ConfigurationError(fileName, [{ path: '', expected: 'expected a JSON object' }])
  const repeated = repeatedMember(text)
  if (repeated !== undefined)
    throw new ConfigurationError(fileName, [{ path: repeated, expected: 'expected once' }])
  return value
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function merge(base: JsonObject, over: JsonObject): JsonObject {
  const merged: Record<string, JsonValue | undefined> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key]
    merged[key] = isObject(before) && isObject(value) ? merge(before, value) : value
  }
  return merged
}

function describe(errors: readonly ErrorObject[]): ConfigurationProblem[] {
  const problems = new Map<string, ConfigurationProblem>()
  for (const error of errors) {
    const problem = describeOne(error)
    if (problem !== undefined) problems.set(`${problem.path} ${problem.expected}`, problem)
  }
  return [...problems.values()]
}

function describeOne(error: ErrorObject): ConfigurationProblem | undefined {
  const params = error.params as Record<string, unknown>
  const path = pathOf(error.instancePath)
  const at = (expected: string, property?: unknown): ConfigurationProblem => ({
    path: property === undefined ? path : [path, String(property)].filter(Boolean).join('.'),
    expected,
  })
  switch (error.keyword) {
    case 'required':
      return at('expected a value, found none', params['missingProperty'])
    case 'additionalProperties': {
      const name = params['additionalProperty']
      const secret = SECRET_NAMES.test(String(name))
      return at(secret ? 'expected the name of a file that holds the secret' : 'unknown property', name)
    }
    case 'enum':
      return at(`expected one of ${(params['allowedValues'] as unknown[]).join(', ')}`)
    case 'const':
      return at(`expected ${JSON.stringify(params['allowedValue'])}`)
    case 'discriminator':
      return at('expected one of none, static-header, client-credentials, mtls', params['tag'])
    case 'pattern':
      return at(patternText(String(params['pattern'])))
    case 'type':
      return at(`expected ${String(params['type'])}`)
    case 'oneOf':
    case 'anyOf':
    case 'if':
      return undefined
    default:
      return at(`expected: ${error.message ?? error.keyword}`)
  }
}

/** What a pattern of the schema means, in words. */
function patternText(pattern: string): string {
  if (pattern.startsWith('^https?://')) return 'expected an http or https URL without trailing slash'
  if (pattern.startsWith('^(?:[A-Z][A-Za-z]+/')) return 'expected a reference Type/id or system|value'
  if (pattern.startsWith('^[A-Z][A-Za-z]+/')) return 'expected a reference Type/id'
  if (pattern === '^[A-Z]{2}$') return 'expected a two-letter state'
  if (pattern === '^[0-9]{10}$') return 'expected ten digits'
  if (pattern === '^[A-Z][A-Z0-9]*$') return 'expected a v3-ActReason code'
  return `expected text that matches ${pattern}`
}

/** `/clients/2/role` → `clients[2].role`. */
const pathOf = (pointer: string): string =>
  pointer
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(
      (path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`),
      '',
    )

function complete(file: ConfigurationFile): Configuration {
  const baseUrl = file.server.baseUrl ?? `http://localhost:${file.server.port}/fhir`
  const onlyIssuer = file.issuers.length === 1 ? file.issuers[0]?.issuer : undefined
  return {
    server: { ...file.server, baseUrl },
    upstream: file.upstream,
    consentServers: file.consentServers,
    ...(file.notifications === undefined ? {} : { notifications: file.notifications }),
    issuers: file.issuers,
    audience: [...new Set([baseUrl, ...file.audience])],
    clients: file.clients.map(client => ({
      ...client,
      issuer: client.issuer ?? onlyIssuer ?? '',
      name: client.name ?? client.clientId,
    })),
    custodian: file.custodian,
    registry: registryOf(file.registry),
    policy: file.policy,
    ledger: file.ledger,
    office: { file: join(dirname(file.ledger.file), 'office.sqlite'), ...file.office },
    emergency: file.emergency,
    ...(file.deidentification === undefined ? {} : { deidentification: file.deidentification }),
    limits: file.limits,
  }
}

function registryOf(given: JsonObject): SiteRegistry {
  const known = given as unknown as Omit<SiteRegistry, 'other'>
  const sources = Array.isArray(known.sources)
    ? Object.fromEntries(
        (known.sources as { uri: string; organization: string }[]).map(({ uri, organization }) => [
          uri,
          organization,
        ]),
      )
    : known.sources
  const other = Object.fromEntries(Object.entries(given).filter(([key]) => !REGISTRY_FIELDS.includes(key)))
  const { part2Programs, sudOnlyFacilities, notFederallyAssisted, agreements } = known
  return { part2Programs, sudOnlyFacilities, notFederallyAssisted, agreements, sources, other }
}
