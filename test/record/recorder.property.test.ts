import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DecidedResource, ResourceDecision } from '../../src/model/decision.ts'
import { createRecorder } from '../../src/record/events.ts'
import { checkAuditEvent, claimedProfiles } from './balp.ts'
import type { Shape } from './exchanges.ts'
import {
  BASE_URL,
  clinician,
  DENY_BY_CONSENT,
  decided,
  decision,
  directive,
  facts,
  PERMIT,
  PERMIT_BY_CONSENT,
  read,
  received,
  recorderOptions,
  search,
  segmented,
  systemClient,
  TOKEN,
  TPO,
} from './exchanges.ts'

const patients = fc.uniqueArray(fc.constantFrom('Patient/p1', 'Patient/p2', 'Patient/p3'), { maxLength: 3 })

function resources(prefix: string, by: readonly ResourceDecision[]): fc.Arbitrary<DecidedResource[]> {
  return fc
    .array(fc.tuple(patients, fc.constantFrom(...by)), { maxLength: 25 })
    .map(all => all.map(([about, how], i) => decided(facts('Observation', `${prefix}-${i}`, about), how)))
}

const released = resources('released', [PERMIT, PERMIT_BY_CONSENT])
const withheld = resources('withheld', [decision('deny'), DENY_BY_CONSENT])

const parameters = fc.array(
  fc.oneof(
    fc.record({
      name: fc.constantFrom('patient', 'subject'),
      value: fc.constantFrom('p1', 'Patient/p2', `${BASE_URL}/Patient/p3`, 'p1,Patient/p3', 'Group/x', ''),
      type: fc.constant('reference'),
    }),
    fc.record({
      name: fc.constant('code'),
      value: fc.string({ unit: 'binary' }),
      type: fc.constant('token'),
    }),
  ),
  { maxLength: 4 },
)

const secretTarget = fc
  .tuple(
    fc.constantFrom('access_token', 'client%5Fsecret', 'x', 'PASSWORD', '%'),
    fc.constantFrom(TOKEN, `%65yJ${TOKEN}`),
  )
  .map(([name, value]) => received('GET', `/fhir/Observation?code=1&${name}=${value}`))

const shapes: fc.Arbitrary<Shape> = fc.record({
  interaction: fc.oneof(
    fc.constant(read('Observation', 'released-0')),
    fc.constant({ code: 'vread', resourceType: 'Observation', id: 'released-0', versionId: '2' } as const),
    parameters.map(all => search('Observation', all)),
  ),
  released,
  withheld,
  requester: fc.constantFrom(clinician, systemClient),
  request: secretTarget,
  directives: fc.constant([directive(TPO, 'Patient/p1'), directive(TPO, 'Patient/p2')]),
})

function eventsOf(shape: Shape) {
  return createRecorder(recorderOptions()).disclosure(segmented(shape)).events
}

describe('the record of any exchange', () => {
  it('passes the BALP checker and holds no secret', () => {
    fc.assert(
      fc.property(shapes, shape => {
        for (const event of eventsOf(shape)) {
          expect(event.body).not.toContain(TOKEN.slice(0, 20))
          const resource = JSON.parse(event.body)
          if (event.kind === 'AuditEvent') expect(checkAuditEvent(resource)).toEqual([])
        }
      }),
    )
  })

  it('has one PatientRead or PatientQuery for each patient of what was released', () => {
    fc.assert(
      fc.property(shapes, shape => {
        const about = eventsOf(shape)
          .filter(event => claimedProfiles(JSON.parse(event.body)).some(name => /^Patient/.test(name)))
          .map(event => event.patient)
        expect(new Set(about).size).toBe(about.length)
        for (const patient of shape.released?.flatMap(one => one.labelled.facts.patients) ?? []) {
          expect(about).toContain(patient)
        }
      }),
    )
  })

  it('names every withheld resource in the decision row, and in no other event', () => {
    fc.assert(
      fc.property(shapes, shape => {
        const events = eventsOf(shape)
        const row = events.at(-1)
        expect(row?.kind).toBe('decision')
        for (const one of shape.withheld ?? [])
          expect(row?.body).toContain(`"${one.labelled.facts.reference}/`)
        for (const event of events.slice(0, -1)) expect(event.body).not.toContain('withheld-')
      }),
    )
  })

  it('gives every event an id of its own, equal to the id of its resource', () => {
    fc.assert(
      fc.property(shapes, shape => {
        const events = eventsOf(shape)
        expect(new Set(events.map(event => event.id)).size).toBe(events.length)
        for (const event of events.slice(0, -1)) expect(JSON.parse(event.body).id).toBe(event.id)
      }),
    )
  })
})
