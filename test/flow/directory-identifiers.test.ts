import { describe, expect, test } from 'vitest'
import { directoryFor } from '../../src/flow/directory.ts'
import type { ConsentOnFile } from '../../src/model/consent.ts'
import type { Upstream } from '../../src/model/doors.ts'
import type { Resource } from '../../src/model/fhir.ts'
import { Refusal } from '../../src/model/refusal.ts'
import { reader } from '../consent/fixtures.ts'
import { raw, requester, world } from './world.ts'

const NPI = 'http://hl7.org/fhir/sid/us-npi'
const LOCAL = 'https://site.example/organizations'

const OTHER: Resource = { resourceType: 'Organization', id: 'other' }
const LAB: Resource = { resourceType: 'Organization', id: 'lab', identifier: [{ system: NPI, value: '77' }] }
const TEAM: Resource = {
  resourceType: 'Group',
  id: 'team',
  identifier: [{ system: LOCAL, value: 'team' }],
  member: [{ entity: { reference: 'Organization/other' } }],
}

/** An upstream that finds resources by identifier, and counts how often it is asked. */
function upstreamWith(resources: readonly Resource[], over: Partial<Upstream> = {}) {
  const made = world({ resources })
  const searches: string[] = []
  const upstream: Upstream = {
    ...made.rooms.upstream,
    identified: async (type, identifiers) => {
      searches.push(`${type} ${identifiers.join()}`)
      return new Map(
        identifiers.map(one => [
          one,
          resources
            .filter(({ resourceType, identifier }) =>
              resourceType === type
                ? ((identifier ?? []) as unknown as { system: string; value: string }[]).some(
                    ({ system, value }) => `${system}|${value}` === one,
                  )
                : false,
            )
            .map(raw),
        ]),
      )
    },
    ...over,
  }
  return { upstream, searches, calls: made.calls }
}

const consentBy = (type: 'permit' | 'deny', identifier: object): ConsentOnFile => ({
  ref: { reference: 'Consent/c' },
  resource: {
    resourceType: 'Consent',
    id: 'c',
    status: 'active',
    scope: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
    },
    patient: { reference: 'Patient/p' },
    provision: {
      type,
      actor: [
        {
          role: {
            coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }],
          },
          reference: { identifier },
        },
      ],
    },
  } as unknown as Resource,
})

/** What such a Consent says of a record where Organization/other asks, by reference only. */
async function verdict(upstream: Upstream, consent: ConsentOnFile): Promise<string> {
  const onFile = [consent]
  const directory = await directoryFor(upstream, new Map([['Patient/p', onFile]]), requester)
  const at = new Date('2026-03-01T12:00:00Z')
  const { rooms } = world({ resources: [] })
  const facts = rooms.labeller.assess(
    raw({
      resourceType: 'Observation',
      id: 'o',
      status: 'final',
      code: {},
      subject: { reference: 'Patient/p' },
    }),
  )
  const labelled = rooms.labeller.label(facts, () => 'absent', { at })
  const [said] = reader.ask(
    reader.read(onFile, at, 'UTC'),
    {
      at,
      zone: 'UTC',
      action: 'access',
      purposes: ['TREAT'],
      actors: requester.actors,
      recipientClasses: [],
      directory,
    },
    labelled,
  )
  return said?.effect ?? 'nothing'
}

describe('an actor named by an identifier, asked for by somebody known by reference', () => {
  test('is not the requester where the directory knows who bears it: a denial of another binds nobody else', async () => {
    const { upstream, searches } = upstreamWith([OTHER, LAB])
    expect(await verdict(upstream, consentBy('deny', { system: NPI, value: '77' }))).toBe('not-covered')
    expect(searches).toHaveLength(6)
    expect(new Set(searches.map(one => one.split(' ')[1]))).toEqual(new Set([`${NPI}|77`]))
  })

  test('stays in doubt where nobody bears it, and where the search is not answered: a denial binds', async () => {
    const nobody = upstreamWith([OTHER])
    expect(await verdict(nobody.upstream, consentBy('deny', { system: NPI, value: '77' }))).toBe('deny')
    const unanswered = upstreamWith([OTHER, LAB], {
      identified: async () => {
        throw new Refusal('upstream-invalid')
      },
    })
    expect(await verdict(unanswered.upstream, consentBy('deny', { system: NPI, value: '77' }))).toBe('deny')
    const { identified: _, ...without } = upstreamWith([OTHER, LAB]).upstream
    expect(await verdict(without, consentBy('deny', { system: NPI, value: '77' }))).toBe('deny')
  })

  test('is the requester where the one who bears it is: a Group by its identifier permits its members', async () => {
    const { upstream } = upstreamWith([OTHER, TEAM])
    expect(await verdict(upstream, consentBy('permit', { system: LOCAL, value: 'team' }))).toBe('permit')
    const empty = upstreamWith([OTHER, { ...TEAM, member: [] }])
    expect(await verdict(empty.upstream, consentBy('permit', { system: LOCAL, value: 'team' }))).toBe(
      'not-covered',
    )
    expect(await verdict(upstream, consentBy('deny', { system: LOCAL, value: 'team' }))).toBe('deny')
  })

  test('is searched for by the OID and by the URL of its system', async () => {
    const { upstream, searches } = upstreamWith([OTHER, LAB])
    const oid = { system: 'urn:oid:2.16.840.1.113883.4.6', value: '77' }
    expect(await verdict(upstream, consentBy('deny', oid))).toBe('not-covered')
    expect(searches[0]).toContain(`${NPI}|77`)
    expect(searches[0]).toContain('urn:oid:2.16.840.1.113883.4.6|77')
  })

  test('is not searched for where the requester shows an identifier of that system', async () => {
    const named = { ...OTHER, identifier: [{ system: NPI, value: '11' }] }
    const { upstream, searches } = upstreamWith([named, LAB])
    expect(await verdict(upstream, consentBy('deny', { system: NPI, value: '77' }))).toBe('not-covered')
    expect(await verdict(upstream, consentBy('deny', { system: NPI, value: '11' }))).toBe('deny')
    expect(searches).toEqual([])
  })

  test('fails the exchange where the server does not answer now', async () => {
    const { upstream } = upstreamWith([OTHER], {
      identified: async () => {
        throw new Refusal('upstream-unavailable')
      },
    })
    await expect(verdict(upstream, consentBy('deny', { system: NPI, value: '77' }))).rejects.toThrow(Refusal)
  })
})
