/**
 * A checker of AuditEvents against the IHE BALP profiles, table-driven. It knows what general validators miss: required
 * elements inside a slice, closed slices, value sets of subtypes, roles the right way round, one patient, no secret.
 */

type Json = Record<string, unknown>

interface AgentSlice {
  readonly name: string
  /** `system|code` of `agent.type`; any of them. */
  readonly types: readonly string[]
  readonly min: number
  readonly max: number
  /** Dotted paths that must be there. */
  readonly needs?: readonly string[]
  readonly forbids?: readonly string[]
  readonly requestor?: boolean
  readonly onePolicy?: boolean
  /** `who` must equal `source.observer`. */
  readonly isObserver?: boolean
}

interface EntitySlice {
  readonly name: string
  readonly type: string
  readonly min: number
  readonly max: number
  /** Values of `entity.role`; `optional` lets it be absent. */
  readonly roles?: readonly string[]
  readonly roleOptional?: boolean
  readonly needs?: readonly string[]
  readonly forbids?: readonly string[]
  readonly whatType?: string
}

interface Profile {
  readonly type?: string
  /** At least (REST: exactly) one subtype of these. */
  readonly subtypes?: readonly string[]
  /** No other subtype may stand beside. */
  readonly subtypesOnly?: boolean
  readonly action?: string
  readonly outcome?: string
  readonly forbids?: readonly string[]
  readonly agentsMin?: number
  readonly agents: readonly AgentSlice[]
  readonly entitiesMin?: number
  readonly entities?: readonly EntitySlice[]
  readonly entitiesClosed?: boolean
  /** Names of the client and server slices, whose network says who is who. */
  readonly ends?: readonly [client: string, server: string]
}

const DCM = 'http://dicom.nema.org/resources/ontology/DCM|'
const REST = 'http://hl7.org/fhir/restful-interaction|'
const ROLE = 'http://terminology.hl7.org/CodeSystem/object-role|'
const ENTITY = 'http://terminology.hl7.org/CodeSystem/audit-entity-type|'
const PARTICIPATION = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType|'
const BALP = 'https://profiles.ihe.net/ITI/BALP/CodeSystem/'
const OAUTH = `${BALP}UserAgentTypes|UserOauthAgent`
const SAML = `${BALP}UserAgentTypes|UserSamlAgent`
const PROV = 'http://terminology.hl7.org/CodeSystem/v3-RoleClass|PROV'
const CONSENT = 'http://hl7.org/fhir/resource-types|Consent'
const EVERYTHING_ELSE = ['role', 'altId', 'name', 'location', 'policy', 'media', 'network', 'purposeOfUse']

const PATIENT: EntitySlice = {
  name: 'patient',
  type: `${ENTITY}1`,
  min: 1,
  max: 1,
  roles: [`${ROLE}1`],
  needs: ['what'],
  whatType: 'Patient',
}
const TRANSACTION: EntitySlice = {
  name: 'transaction',
  type: `${BALP}BasicAuditEntityType|XrequestId`,
  min: 0,
  max: 1,
  needs: ['what.identifier.value'],
}
const QUERY: EntitySlice = {
  name: 'query',
  type: `${ENTITY}2`,
  min: 1,
  max: 1,
  roles: [`${ROLE}24`],
  needs: ['query'],
  forbids: ['what', 'lifecycle', 'detail'],
}
function data(roleOptional: boolean): EntitySlice {
  return {
    name: 'data',
    type: `${ENTITY}2`,
    min: 1,
    max: 1,
    needs: ['what'],
    roles: [`${ROLE}4`, `${ROLE}3`, `${ROLE}20`],
    roleOptional,
  }
}

function rest(
  codes: readonly string[],
  action: string,
  client: string,
  server: string,
  users: readonly string[],
  entity: EntitySlice,
): Profile {
  const end = { min: 1, max: 1, needs: ['who', 'network'], forbids: ['media'] }
  return {
    type: 'http://terminology.hl7.org/CodeSystem/audit-event-type|rest',
    subtypes: codes.map(code => REST + code),
    action,
    outcome: '0',
    agentsMin: 2,
    agents: [
      { name: 'client', types: [client], ...end },
      { name: 'server', types: [server], ...end },
      {
        name: 'user',
        types: users.map(code => PARTICIPATION + code),
        min: 0,
        max: 1,
        needs: ['who'],
        forbids: ['media', 'network'],
        requestor: true,
      },
    ],
    entities: [entity, TRANSACTION],
    ends: ['client', 'server'],
  }
}

const SOURCES = ['AUT', 'INF', 'CST']
const CUSTODIAN = 'http://terminology.hl7.org/CodeSystem/provenance-participant-type|custodian'
const Read = rest(['read', 'vread'], 'R', `${DCM}110152`, `${DCM}110153`, ['IRCP'], data(true))
const Query = rest(
  ['search', 'search-type', 'search-system'],
  'E',
  `${DCM}110153`,
  `${DCM}110152`,
  ['IRCP'],
  QUERY,
)
const Create = rest(['create'], 'C', `${DCM}110153`, `${DCM}110152`, SOURCES, data(false))
const Update = rest(['update', 'patch'], 'U', `${DCM}110153`, `${DCM}110152`, SOURCES, data(false))
const Delete = rest(['delete'], 'D', `${DCM}110150`, CUSTODIAN, SOURCES, data(false))

function forPatient(profile: Profile): Profile {
  return { ...profile, entitiesMin: 2, entities: [...(profile.entities ?? []), PATIENT] }
}

function disclosure(type: string, action: string, observer: 'source' | 'recipient'): Profile {
  const end = { min: 1, max: 1, needs: ['who', 'network'] }
  const one = { min: 0, max: 1, needs: ['who'] }
  return {
    type: DCM + type,
    subtypes: ['http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle|disclose'],
    action,
    forbids: ['modifierExtension'],
    agentsMin: 2,
    agents: [
      { name: 'source', types: [`${DCM}110153`], ...end, isObserver: observer === 'source' },
      { name: 'recipient', types: [`${DCM}110152`], ...end, isObserver: observer === 'recipient' },
      { name: 'custodian', types: ['http://snomed.info/sct|159541003'], ...one },
      { name: 'authorizer', types: ['http://snomed.info/sct|429577009'], ...one },
    ],
    entitiesMin: 2,
    entities: [PATIENT],
  }
}

const SAML_MINIMAL: AgentSlice = {
  name: 'user',
  types: [SAML],
  min: 1,
  max: Number.POSITIVE_INFINITY,
  needs: ['who.identifier.value'],
  forbids: ['altId', 'media', 'network'],
  requestor: true,
  onePolicy: true,
}

const PROFILES: Readonly<Record<string, Profile>> = {
  Read,
  Query,
  Create,
  Update,
  Delete,
  PatientRead: forPatient(Read),
  PatientQuery: forPatient(Query),
  PatientCreate: forPatient(Create),
  PatientUpdate: forPatient(Update),
  PatientDelete: forPatient(Delete),
  AuthZconsent: {
    type: `${DCM}110113`,
    subtypes: [`${BALP}AuthZsubType|AuthZ-Consent`, `${BALP}AuthZsubType|AuthZ-Role`],
    subtypesOnly: true,
    action: 'E',
    forbids: ['modifierExtension'],
    agentsMin: 4,
    agents: [
      {
        name: 'client',
        types: [`${DCM}110150`],
        min: 1,
        max: 1,
        needs: ['who', 'network'],
        forbids: ['role', 'altId', 'name', 'location', 'media', 'purposeOfUse'],
      },
      {
        name: 'user',
        types: [`${PARTICIPATION}IRCP`],
        min: 1,
        max: 1,
        needs: ['who'],
        forbids: ['altId', 'location', 'media', 'network'],
        requestor: true,
      },
      {
        name: 'userorg',
        types: [PROV],
        min: 1,
        max: 1,
        needs: ['who'],
        forbids: EVERYTHING_ELSE.filter(element => element !== 'purposeOfUse'),
        requestor: false,
      },
      {
        name: 'authorizer',
        types: ['http://terminology.hl7.org/CodeSystem/extra-security-role-type|authserver'],
        min: 1,
        max: 1,
        needs: ['who'],
        forbids: EVERYTHING_ELSE,
        requestor: false,
        isObserver: true,
      },
    ],
    entitiesMin: 2,
    entitiesClosed: true,
    entities: [
      PATIENT,
      {
        name: 'consent',
        type: CONSENT,
        min: 1,
        max: Number.POSITIVE_INFINITY,
        needs: ['what'],
        whatType: 'Consent',
      },
      { name: 'token', type: OAUTH, min: 0, max: 1, needs: ['what.identifier.value'] },
    ],
  },
  'PrivacyDisclosure.Source': disclosure('110106', 'R', 'source'),
  'PrivacyDisclosure.Recipient': disclosure('110107', 'C', 'recipient'),
  'OAUTHaccessTokenUse.Minimal': {
    agents: [
      {
        name: 'oUser',
        types: [OAUTH],
        min: 1,
        max: Number.POSITIVE_INFINITY,
        forbids: ['media', 'network'],
        requestor: true,
        onePolicy: true,
      },
    ],
  },
  'OAUTHaccessTokenUse.Opaque': {
    agents: [
      {
        name: 'oUser',
        types: [OAUTH],
        min: 1,
        max: Number.POSITIVE_INFINITY,
        requestor: true,
        onePolicy: true,
      },
    ],
  },
  'OAUTHaccessTokenUse.Comprehensive': {
    agents: [
      {
        name: 'oClient',
        types: [`${DCM}110150`],
        min: 1,
        max: 1,
        needs: ['who.identifier.value'],
        forbids: ['media'],
      },
      {
        name: 'oUser',
        types: [`${PARTICIPATION}IRCP`],
        min: 0,
        max: 1,
        needs: ['who.identifier'],
        forbids: ['media', 'network'],
        requestor: true,
        onePolicy: true,
      },
    ],
  },
  'SAMLaccessTokenUse.Minimal': { agents: [SAML_MINIMAL] },
  'SAMLaccessTokenUse.Comprehensive': {
    agents: [
      SAML_MINIMAL,
      {
        name: 'userorg',
        types: [PROV],
        min: 0,
        max: Number.POSITIVE_INFINITY,
        needs: ['who.identifier.value', 'who.display'],
        forbids: EVERYTHING_ELSE,
        requestor: false,
      },
      {
        name: 'homeCommunityId',
        types: ['urn:ihe:iti:xca:2010|homeCommunityId'],
        min: 0,
        max: Number.POSITIVE_INFINITY,
        needs: ['who.identifier'],
        forbids: EVERYTHING_ELSE,
        requestor: false,
      },
    ],
    entities: [{ name: 'consent', type: CONSENT, min: 0, max: Number.POSITIVE_INFINITY }],
  },
}

const PREFIX = 'https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.'

const ELEMENTS: Readonly<Record<string, readonly string[]>> = {
  root: [
    ...['resourceType', 'id', 'meta', 'text', 'extension', 'type', 'subtype', 'action', 'period', 'recorded'],
    ...['outcome', 'outcomeDesc', 'purposeOfEvent', 'agent', 'source', 'entity', 'modifierExtension'],
    ...['implicitRules', 'language', 'contained'],
  ],
  agent: [
    ...[
      'id',
      'extension',
      'modifierExtension',
      'type',
      'role',
      'who',
      'altId',
      'name',
      'requestor',
      'location',
    ],
    ...['policy', 'media', 'network', 'purposeOfUse'],
  ],
  source: ['id', 'extension', 'modifierExtension', 'site', 'observer', 'type'],
  entity: [
    ...['id', 'extension', 'modifierExtension', 'what', 'type', 'role', 'lifecycle', 'securityLabel', 'name'],
    ...['description', 'query', 'detail'],
  ],
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : []
}

function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((from, key) => (from as Json | undefined)?.[key], value)
}

function codeOf(coding: unknown): string {
  const { system, code } = (coding ?? {}) as Json
  return `${String(system)}|${String(code)}`
}

function agentTypes(agent: Json): string[] {
  return list(at(agent, 'type.coding')).map(codeOf)
}

function unknownElements(value: Json, kind: string): string[] {
  return Object.keys(value)
    .filter(key => !ELEMENTS[kind]?.includes(key))
    .map(key => `${kind}.${key}: no such element`)
}

/** Empty strings, arrays and objects are not FHIR JSON. */
function emptiness(value: unknown, path: string): string[] {
  if (value === '' || value === null) return [`${path}: empty`]
  if (typeof value !== 'object') return []
  const children = Object.entries(value as Json)
  if (children.length === 0) return [`${path}: empty`]
  return children.flatMap(([key, child]) => emptiness(child, `${path}.${key}`))
}

const SECRET =
  /eyJ[A-Za-z0-9_-]{8}|\bBearer\s+\S|^\s*authorization\s*:|(?:access_token|client_secret|password)=(?!\[hidden\])/im

function secrets(value: unknown, path: string): string[] {
  if (typeof value === 'string') {
    const decoded = path.endsWith('.query') ? Buffer.from(value, 'base64').toString('utf8') : value
    return SECRET.test(decoded) ? [`${path}: looks like a secret`] : []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) => secrets(child, `${path}.${key}`))
}

function isReference(value: unknown): boolean {
  const reference = value as Json | undefined
  return ['reference', 'identifier', 'display', 'extension'].some(key => reference?.[key] !== undefined)
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** FHIR R4 AuditEvent itself, as far as it decides. */
function base(event: Json): string[] {
  const problems = [...unknownElements(event, 'root'), ...emptiness(event, 'AuditEvent')]
  const expect = (ok: boolean, problem: string) => {
    if (!ok) problems.push(problem)
  }
  expect(event['resourceType'] === 'AuditEvent', 'resourceType: expected AuditEvent')
  expect(at(event, 'type.code') !== undefined, 'type: missing')
  expect(INSTANT.test(String(event['recorded'])), 'recorded: no instant')
  expect(
    event['action'] === undefined || /^[CRUDE]$/.test(String(event['action'])),
    'action: not of C R U D E',
  )
  const outcome = event['outcome']
  expect(
    outcome === undefined || ['0', '4', '8', '12'].includes(outcome as string),
    'outcome: not of 0 4 8 12',
  )
  expect(isReference(at(event, 'source.observer')), 'source.observer: missing')
  problems.push(...unknownElements((event['source'] ?? {}) as Json, 'source'))
  expect(list(event['agent']).length > 0, 'agent: missing')
  for (const agent of list(event['agent'])) {
    problems.push(...unknownElements(agent, 'agent'))
    expect(typeof agent['requestor'] === 'boolean', 'agent.requestor: missing')
    const network = at(agent, 'network.type')
    expect(network === undefined || /^[1-5]$/.test(String(network)), 'agent.network.type: not of 1 to 5')
    expect(agent['who'] === undefined || isReference(agent['who']), 'agent.who: no reference')
  }
  for (const entity of list(event['entity'])) {
    problems.push(...unknownElements(entity, 'entity'))
    expect(entity['name'] === undefined || entity['query'] === undefined, 'entity: name and query (sev-1)')
    expect(entity['what'] === undefined || isReference(entity['what']), 'entity.what: no reference')
    const query = entity['query']
    expect(query === undefined || /^[A-Za-z0-9+/]+={0,2}$/.test(String(query)), 'entity.query: no base64')
  }
  return problems
}

function checkAgents(event: Json, slice: AgentSlice): string[] {
  const found = list(event['agent']).filter(agent =>
    agentTypes(agent).some(type => slice.types.includes(type)),
  )
  const problems: string[] = []
  if (found.length < slice.min || found.length > slice.max)
    problems.push(`agent[${slice.name}]: ${found.length} times`)
  for (const agent of found) {
    for (const path of slice.needs ?? []) {
      if (at(agent, path) === undefined) problems.push(`agent[${slice.name}].${path}: missing`)
    }
    for (const path of slice.forbids ?? []) {
      if (at(agent, path) !== undefined) problems.push(`agent[${slice.name}].${path}: must not be there`)
    }
    if (slice.requestor !== undefined && agent['requestor'] !== slice.requestor) {
      problems.push(`agent[${slice.name}].requestor: expected ${slice.requestor}`)
    }
    if (slice.onePolicy && list(agent['policy']).length !== 1)
      problems.push(`agent[${slice.name}].policy: expected one`)
    if (slice.isObserver && JSON.stringify(agent['who']) !== JSON.stringify(at(event, 'source.observer'))) {
      problems.push(`agent[${slice.name}].who: expected source.observer`)
    }
  }
  return problems
}

function checkEntities(event: Json, slice: EntitySlice): string[] {
  const found = list(event['entity']).filter(entity => codeOf(entity['type']) === slice.type)
  const problems: string[] = []
  if (found.length < slice.min || found.length > slice.max) {
    problems.push(`entity[${slice.name}]: ${found.length} times`)
  }
  for (const entity of found) {
    for (const path of slice.needs ?? []) {
      if (at(entity, path) === undefined) problems.push(`entity[${slice.name}].${path}: missing`)
    }
    for (const path of slice.forbids ?? []) {
      if (at(entity, path) !== undefined) problems.push(`entity[${slice.name}].${path}: must not be there`)
    }
    const roleOk =
      entity['role'] === undefined ? slice.roleOptional : slice.roles?.includes(codeOf(entity['role']))
    if (slice.roles && !roleOk) problems.push(`entity[${slice.name}].role: ${codeOf(entity['role'])}`)
    const reference = at(entity, 'what.reference')
    if (slice.whatType && typeof reference === 'string' && !reference.includes(`${slice.whatType}/`)) {
      problems.push(`entity[${slice.name}].what: expected a ${slice.whatType}`)
    }
  }
  return problems
}

/** Swapped roles satisfy every slice; the network tells them apart: the FHIR base URL (type 5) is the server's. */
function checkEnds(event: Json, profile: Profile): string[] {
  if (!profile.ends) return []
  const networkOf = (name: string) => {
    const slice = profile.agents.find(one => one.name === name)
    const agent = list(event['agent']).find(one => agentTypes(one).some(type => slice?.types.includes(type)))
    return at(agent, 'network.type')
  }
  const [client, server] = profile.ends
  return networkOf(client) === '5' && networkOf(server) !== '5'
    ? ['agent: client and server are swapped']
    : []
}

function checkProfile(event: Json, profile: Profile): string[] {
  const problems: string[] = []
  const subtypes = list(event['subtype']).map(codeOf)
  const own = subtypes.filter(subtype => profile.subtypes?.includes(subtype))
  if (profile.type && codeOf(event['type']) !== profile.type) problems.push(`type: expected ${profile.type}`)
  if (profile.subtypes && own.length < 1) problems.push('subtype: none of the profile')
  if (profile.subtypes && !profile.subtypesOnly && own.length > 1)
    problems.push('subtype: more than one of the profile')
  if (profile.subtypesOnly && own.length !== subtypes.length) problems.push('subtype: outside the value set')
  if (profile.action && event['action'] !== profile.action)
    problems.push(`action: expected ${profile.action}`)
  if (profile.type && event['outcome'] === undefined) problems.push('outcome: missing')
  if (profile.outcome && event['outcome'] !== profile.outcome)
    problems.push(`outcome: expected ${profile.outcome}`)
  for (const path of profile.forbids ?? []) {
    if (event[path] !== undefined) problems.push(`${path}: must not be there`)
  }
  if (list(event['agent']).length < (profile.agentsMin ?? 0)) problems.push('agent: too few')
  if (list(event['entity']).length < (profile.entitiesMin ?? 0)) problems.push('entity: too few')
  const known = profile.entities?.map(slice => slice.type) ?? []
  if (
    profile.entitiesClosed &&
    !list(event['entity']).every(entity => known.includes(codeOf(entity['type'])))
  ) {
    problems.push('entity: the slices are closed')
  }
  return [
    ...problems,
    ...profile.agents.flatMap(slice => checkAgents(event, slice)),
    ...(profile.entities ?? []).flatMap(slice => checkEntities(event, slice)),
    ...checkEnds(event, profile),
  ]
}

/** Names of the BALP profiles an event claims, e.g. `PatientRead`. */
export function claimedProfiles(event: unknown): string[] {
  return (list(at(event, 'meta.profile')) as unknown as string[]).map(url =>
    url.startsWith(PREFIX) ? url.slice(PREFIX.length) : url,
  )
}

/** Everything wrong with an AuditEvent: R4, each profile it claims, secrets, more than one patient. Empty = good. */
export function checkAuditEvent(event: unknown): string[] {
  const audit = event as Json
  const patients = list(audit['entity']).filter(entity => codeOf(entity['type']) === `${ENTITY}1`)
  return [
    ...base(audit),
    ...(patients.length > 1 ? ['entity: more than one patient'] : []),
    ...secrets(audit, 'AuditEvent'),
    ...claimedProfiles(audit).flatMap(name => {
      const profile = PROFILES[name]
      return profile
        ? checkProfile(audit, profile).map(problem => `${name}: ${problem}`)
        : [`${name}: unknown profile`]
    }),
  ]
}
