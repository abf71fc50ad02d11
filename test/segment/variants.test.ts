import { describe, expect, it } from 'vitest'
import type { ConsentRef } from '../../src/model/consent.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import type { Projected, Projection } from '../../src/model/projection.ts'
import { decided, directive, GATEWAY, input, type Marked, read, SUD, segmenter } from './kit.ts'

const patient = { resourceType: 'Patient', id: 'p', gender: 'male', birthDate: '1980-01-01' }
const projection = (said: Projected, more: Partial<Projection> = {}): Projection => ({
  id: 'view:narrow',
  key: '1',
  removes: (_, path) => path === 'birthDate',
  apply: resource => {
    delete resource['birthDate']
    return said
  },
  ...more,
})
const SILENT: Projected = { tags: [], security: [] }
const made = (one: Projection) => segmenter({ projections: new Map([[one.id, one]]) })
const through = (one: Projection, resource: { resourceType: string } = patient): Marked =>
  read(made(one).segment(input([decided(resource, { projections: [one.id] })])).body)

describe('a projection', () => {
  it('that says nothing of what it left writes nothing', () => {
    expect(through(projection(SILENT))).toEqual({ resourceType: 'Patient', id: 'p', gender: 'male' })
  })

  it('adds what it says to what is said there, each coding once', () => {
    const system = SYSTEM.observationValue
    const said = { tags: [{ system, code: 'SUBSETTED' }], security: [] }
    const tagged = (code: string) => ({ ...patient, meta: { tag: [{ system, code }] } })
    expect(through(projection(said), tagged('OTHER')).meta).toEqual({
      tag: [
        { system, code: 'OTHER' },
        { system, code: 'SUBSETTED' },
      ],
    })
    expect(through(projection(said), tagged('SUBSETTED')).meta).toEqual({ tag: said.tags })
  })

  it('leaves types that it does not touch byte for byte, and has nothing to fail at', () => {
    const failing = projection(SILENT, {
      touches: type => type !== 'Patient',
      apply: () => {
        throw new Error('unknown shape')
      },
    })
    const one = (resource: { resourceType: string }) => decided(resource, { projections: [failing.id] })
    const segment = made(failing)
    expect(segment.projectable?.(one(patient), 'study')).toBe(true)
    expect(segment.projectable?.(one({ ...patient, resourceType: 'Person' }), 'study')).toBe(false)
    expect(Buffer.from(segment.segment(input([one(patient)])).body).toString()).toBe(JSON.stringify(patient))
  })

  it('lets no resource of a type leave that it cannot make fit', () => {
    const unfit = made(projection(SILENT, { withheldTypes: new Set(['Binary']) }))
    const one = (resourceType: string) =>
      decided({ resourceType, id: 'b' } as never, { projections: ['view:narrow'] })
    expect(unfit.projectable?.(one('Binary'), 'study')).toBe(false)
    expect(unfit.projectable?.(one('Patient'), 'study')).toBe(true)
  })

  it('that nobody knows is taken to remove everything', () => {
    const known = made(projection(SILENT))
    expect(known.removes?.(['view:narrow'], 'Patient', 'gender')).toBe(false)
    expect(known.removes?.(['view:narrow'], 'Patient', 'birthDate')).toBe(true)
    expect(known.removes?.(['view:narrow', 'view:unknown'], 'Patient', 'gender')).toBe(true)
    expect(segmenter().removes?.(['view:narrow'], 'Patient', 'gender')).toBe(true)
  })
})

describe('a consent that a release rests on', () => {
  const condition = { resourceType: 'Condition', id: 'x', subject: { reference: 'Patient/p' } }
  const leaves = (ref: ConsentRef): string =>
    Buffer.from(
      segmenter().segment(
        input([decided(condition, { caveats: ['NORDSCLCD'], consents: [ref] }, [SUD])], {
          directives: [directive({ ref })],
        }),
      ).body,
    ).toString()

  it('is named where it is here, and where another server keeps it is not told', () => {
    expect(leaves({ reference: 'Consent/c1' })).toContain(`${GATEWAY}/Consent/c1`)
    const elsewhere = leaves({
      reference: 'Consent/c1',
      base: 'https://consents.example/fhir',
      source: 'the state registry',
    } as ConsentRef)
    expect(elsewhere).toContain('NORDSCLCD')
    expect(elsewhere).not.toMatch(/Consent\/c1|consents\.example/)
  })
})
