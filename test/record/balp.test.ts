import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRecorder } from '../../src/record/events.ts'
import { checkAuditEvent, claimedProfiles } from './balp.ts'
import {
  decided,
  directive,
  facts,
  PERMIT_BY_CONSENT,
  patientParameter,
  read,
  recorderOptions,
  search,
  segmented,
  systemClient,
  TPO,
} from './exchanges.ts'

// biome-ignore lint/suspicious/noExplicitAny: mutants break shapes on purpose.
type Event = any

const EXAMPLES = join(import.meta.dirname, '../../../shared/data/balp/examples')
const present = existsSync(EXAMPLES)
if (!present) console.log('skipped: the examples of IHE BALP are not beside the repository')

const examples: Event[] = present
  ? readdirSync(EXAMPLES).map(file => JSON.parse(readFileSync(join(EXAMPLES, file), 'utf8')))
  : []

function ownEvents(): Event[] {
  const observation = decided(facts('Observation', 'o1', ['Patient/p1']), PERMIT_BY_CONSENT)
  const directives = [directive(TPO, 'Patient/p1')]
  const exchanges = [
    segmented({ interaction: read('Observation', 'o1'), released: [observation], directives }),
    segmented({
      interaction: search('Observation', [patientParameter]),
      released: [observation],
      directives,
    }),
    segmented({ interaction: search('Observation') }),
    segmented({ interaction: read('Observation', 'o1'), released: [observation], requester: systemClient }),
  ]
  return exchanges
    .flatMap(exchange => createRecorder(recorderOptions()).disclosure(exchange).events)
    .filter(event => event.kind === 'AuditEvent')
    .map(event => JSON.parse(event.body))
}

type Mutant = readonly [name: string, event: Event]

function changed(event: Event, change: (copy: Event) => void): Event {
  const copy = structuredClone(event)
  change(copy)
  return copy
}

function codes(event: Event, i: number): string[] {
  return event.agent[i].type?.coding?.map((coding: Event) => coding.code) ?? []
}

/** Breakages of any AuditEvent, whatever it claims. */
function commonMutants(event: Event): Mutant[] {
  const mutants: Mutant[] = [
    ['no type', changed(event, e => delete e.type)],
    ['no recorded', changed(event, e => delete e.recorded)],
    ['recorded is a date', changed(event, e => (e.recorded = '2026-01-01'))],
    ['unknown action', changed(event, e => (e.action = 'X'))],
    ['unknown outcome', changed(event, e => (e.outcome = '1'))],
    ['outcome as number', changed(event, e => (e.outcome = 0))],
    ['no observer', changed(event, e => delete e.source.observer)],
    ['no agent', changed(event, e => delete e.agent)],
    ['no requestor', changed(event, e => delete e.agent[0].requestor)],
    ['bearer token in outcomeDesc', changed(event, e => (e.outcomeDesc = 'Bearer abcdefghijkl'))],
    ['web token as name', changed(event, e => (e.agent[0].name = 'eyJhbGciOiJSUzI1NiJ9.e30.x'))],
    ['misspelt element', changed(event, e => (e.outcomeDescription = 'x'))],
    ['unknown profile', changed(event, e => e.meta.profile.push(`${e.meta.profile[0]}s`))],
    ['empty array', changed(event, e => (e.purposeOfEvent = []))],
    ['network of no type', changed(event, e => (e.agent[0].network = { address: 'x', type: '9' }))],
  ]
  const patient = event.entity?.find((entity: Event) => entity.type?.code === '1')
  if (patient) {
    const second = { ...patient, what: { reference: 'Patient/other' } }
    mutants.push(['a second patient', changed(event, e => e.entity.push(second))])
  }
  return mutants
}

function profileMutants(event: Event): Mutant[] {
  const mutants: Mutant[] = []
  const add = (name: string, change: (copy: Event) => void) => mutants.push([name, changed(event, change)])
  const claims = claimedProfiles(event)
  const structured = claims.some(name => /^(Patient|Auth|Privacy|Read|Query|Create|Update|Delete)/.test(name))
  if (structured) {
    add('other type', e => (e.type.code = '110100'))
    add('no subtype', e => delete e.subtype)
    add('other subtype', e => (e.subtype[0].code = 'operation'))
    add('subtype of other system', e => (e.subtype[0].system = 'http://example.org'))
    add('no outcome', e => delete e.outcome)
    for (const action of ['C', 'R', 'U', 'D', 'E'].filter(code => code !== event.action)) {
      add(`action ${action}`, e => (e.action = action))
    }
    event.entity.forEach((entity: Event, i: number) => {
      if (entity.type.code === 'XrequestId') {
        add('X-Request-Id without value', e => delete e.entity[i].what)
        return
      }
      if (['1', '2', 'Consent'].includes(entity.type.code) && claims.every(name => !/^Privacy/.test(name))) {
        add(`entity ${entity.type.code} gone`, e => e.entity.splice(i, 1))
        add(`entity ${entity.type.code} without type`, e => delete e.entity[i].type)
      }
      if (entity.type.code === '1') {
        add('patient without what', e => delete e.entity[i].what)
        add('patient without role', e => delete e.entity[i].role)
        add('patient in another role', e => (e.entity[i].role.code = '4'))
        add('patient that is none', e => (e.entity[i].what = { reference: 'Group/1' }))
      }
      if (entity.query) {
        add('query gone', e => delete e.entity[i].query)
        add('query and name', e => (e.entity[i].name = 'x'))
        add('query with what', e => (e.entity[i].what = { reference: 'Patient/1' }))
        add('query in another role', e => (e.entity[i].role.code = '4'))
        const secret = Buffer.from('GET /x HTTP/1.1\nAuthorization: Bearer abc').toString('base64')
        add('authorization inside the query', e => (e.entity[i].query = secret))
      }
    })
  }
  if (claims.some(name => /^(Patient)?(Read|Query|Create|Update|Delete)$/.test(name))) restMutants(event, add)
  if (claims.includes('AuthZconsent')) {
    add('a data entity in closed slices', e =>
      e.entity.push({ ...e.entity[0], type: { code: '2', system: 'x' } }),
    )
    add('another subtype', e =>
      e.subtype.push({ system: 'http://hl7.org/fhir/restful-interaction', code: 'read' }),
    )
    add('authorizer is not the observer', e => (e.source.observer = { reference: 'Device/other' }))
    event.agent.forEach((_: Event, i: number) => {
      add(`agent ${codes(event, i)} gone`, e => e.agent.splice(i, 1))
      add(`agent ${codes(event, i)} without who`, e => delete e.agent[i].who)
      add(`agent ${codes(event, i)} with media`, e => (e.agent[i].media = { code: '110010' }))
      add(`agent ${codes(event, i)} twice`, e => e.agent.push(e.agent[i]))
    })
  }
  tokenMutants(event, add)
  return mutants
}

function restMutants(event: Event, add: (name: string, change: (copy: Event) => void) => void): void {
  add('failed outcome', e => (e.outcome = '4'))
  add('client and server swapped', e => {
    const ends = e.agent.filter((a: Event) => a.network)
    const [one, other] = ends.map((a: Event) => a.type)
    ends[0].type = other
    ends[1].type = one
  })
  event.agent.forEach((agent: Event, i: number) => {
    const name = codes(event, i).join()
    if (agent.network) {
      add(`${name} gone`, e => e.agent.splice(i, 1))
      add(`${name} without who`, e => delete e.agent[i].who)
      add(`${name} without network`, e => delete e.agent[i].network)
      add(`${name} with media`, e => (e.agent[i].media = { code: '110010' }))
      add(`${name} twice`, e => e.agent.push(e.agent[i]))
    } else {
      add(`${name} is no requestor`, e => (e.agent[i].requestor = false))
      add(`${name} without who`, e => delete e.agent[i].who)
      add(`${name} with network`, e => (e.agent[i].network = { address: 'x', type: '1' }))
    }
  })
}

function tokenMutants(event: Event, add: (name: string, change: (copy: Event) => void) => void): void {
  if (!claimedProfiles(event).some(name => /AccessTokenUse|accessTokenUse/.test(name))) return
  event.agent.forEach((agent: Event, i: number) => {
    if (!agent.policy) return
    add('token without policy', e => delete e.agent[i].policy)
    add('token with two policies', e => e.agent[i].policy.push('x'))
    add('token user is no requestor', e => (e.agent[i].requestor = false))
  })
}

function rejected(events: readonly Event[]): { all: number; survivors: string[] } {
  const mutants = events.flatMap(event =>
    [...commonMutants(event), ...profileMutants(event)].map(m => [event, m] as const),
  )
  const survivors = mutants
    .filter(([, [, mutant]]) => checkAuditEvent(mutant).length === 0)
    .map(([event, [name]]) => `${claimedProfiles(event)}: ${name}`)
  return { all: mutants.length, survivors }
}

describe('the BALP checker', () => {
  it.skipIf(!present)('accepts all 46 examples of the guide', () => {
    expect(examples).toHaveLength(46)
    expect(
      examples.flatMap(event => checkAuditEvent(event).map(problem => `${event.id}: ${problem}`)),
    ).toEqual([])
  })

  it.skipIf(!present)('rejects at least 95 % of the mutants of the examples', () => {
    const { all, survivors } = rejected(examples)
    expect(all).toBeGreaterThan(1000)
    expect(survivors.length / all, survivors.join('\n')).toBeLessThanOrEqual(0.05)
  })

  it('accepts the events the recorder builds and rejects at least 95 % of their mutants', () => {
    const events = ownEvents()
    expect(events.length).toBeGreaterThanOrEqual(6)
    expect(events.flatMap(checkAuditEvent)).toEqual([])
    const { all, survivors } = rejected(events)
    expect(all).toBeGreaterThan(200)
    expect(survivors.length / all, survivors.join('\n')).toBeLessThanOrEqual(0.05)
  })
})
