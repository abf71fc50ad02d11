import { describe, expect, it } from 'vitest'
import { createConsentReader } from '../../src/consent/reader.ts'
import type { JsonObject, LiteralReference, Resource } from '../../src/model/fhir.ts'
import { SYSTEM } from '../../src/model/fhir.ts'
import {
  actor,
  coding,
  consent,
  directory,
  effect,
  labelled,
  NOWHERE,
  PLAIN,
  purposes,
  question,
  recipient,
  verdict,
} from './fixtures.ts'

const NPI = 'http://hl7.org/fhir/sid/us-npi'
const to = (reference: string) => ({ reference })
const npi = (value: string, system = NPI) => ({ identifier: [{ system, value }] })
const permitFor = (reference: JsonObject) => ({ type: 'permit', actor: [actor('IRCP', reference)] })
const denyFor = (reference: JsonObject) => ({
  type: 'permit',
  provision: [{ type: 'deny', actor: [actor('IRCP', reference)] }],
})
const by = (
  references: readonly LiteralReference[],
  resources: readonly Resource[] = [],
  unread: readonly string[] = [],
) =>
  question({
    actors: references.map(reference => ({ role: 'recipient', reference })),
    directory: directory(resources, unread),
  })
const member = (entity: string, more: JsonObject = {}) => ({ entity: to(entity), ...more })
const group = (id: string, ...members: readonly JsonObject[]): Resource => ({
  resourceType: 'Group',
  id,
  member: members,
})

describe('references of actors', () => {
  it('are compared without version, and absolute ones under our own base as ours', () => {
    expect(effect(permitFor(to('Organization/x/_history/3')))).toBe('permit')
    expect(effect(permitFor(to('/Organization/x')))).toBe('permit')
    const ours = createConsentReader({ ...purposes, bases: ['https://gw.example/fhir'] })
    const ask = (reference: string) =>
      verdict(consent(permitFor(to(reference))), question(), labelled(PLAIN), ours)?.effect
    expect(ask('https://gw.example/fhir/Organization/x/')).toBe('permit')
    expect(ask('https://other.example/fhir/Organization/x')).toBe('not-covered')
    expect(effect(denyFor(to('https://other.example/fhir/Organization/9')))).toBe('deny')
    expect(effect(denyFor(to('urn:uuid:0C3F')))).toBe('deny')
  })

  it('that are relative in a Consent of another server are of that server', () => {
    const ours = createConsentReader({ ...purposes, bases: ['https://gw.example/fhir'] })
    const file = consent(permitFor(to('Organization/x')))
    const ask = (source: string) =>
      verdict(
        { ...file, ref: { ...file.ref, source } },
        question(),
        labelled({ ...PLAIN, subject: {} }),
        ours,
      )?.effect
    expect(ask('https://other.example/fhir')).toBe('not-covered')
    expect(ask('https://gw.example/fhir')).toBe('permit')
    expect(ask('upstream')).toBe('permit')
  })
})

describe('identifiers of actors', () => {
  const bearing = (value: string, system?: string) =>
    question({
      actors: [{ role: 'recipient', identifier: system === undefined ? { value } : { system, value } }],
    })

  it('match under the aliases of their system', () => {
    for (const system of [NPI, 'urn:oid:2.16.840.1.113883.4.6', '2.16.840.1.113883.4.6', `${NPI}/`]) {
      expect(effect(permitFor({ identifier: { system, value: '7' } }), bearing('7', NPI))).toBe('permit')
    }
    const uri = { system: 'urn:ietf:rfc:3986', value: 'urn:oid:2.16.840.1.113883.4.6#7' }
    expect(effect(permitFor({ identifier: uri }), bearing('7', NPI))).toBe('permit')
    expect(effect(permitFor({ identifier: { value: '7' } }), bearing('7'))).toBe('permit')
    expect(effect(permitFor({ identifier: { system: NPI, value: '8' } }), bearing('7', NPI))).toBe(
      'not-covered',
    )
  })

  it('of what a reference leads to count on both sides', () => {
    const organization: Resource = { resourceType: 'Organization', id: 'o', ...npi('7') }
    expect(
      effect(permitFor(to('Organization/o')), { ...bearing('7', NPI), directory: directory([organization]) }),
    ).toBe('permit')
    expect(
      effect(permitFor({ identifier: { system: NPI, value: '7' } }), by(['Organization/o'], [organization])),
    ).toBe('permit')
    const contained = {
      contained: [{ ...organization, id: 'own' }, 7, { id: 'typeless' }] as unknown as JsonObject[],
    }
    expect(verdict(consent(permitFor(to('#own')), contained), bearing('7', NPI))?.effect).toBe('permit')
    const odd: Resource = {
      resourceType: 'Organization',
      id: 'o',
      identifier: [{ system: NPI }, { value: '7' }],
    }
    expect(effect(permitFor({ identifier: { value: '7' } }), by(['Organization/o'], [odd]))).toBe('permit')
  })

  it('that the requester shows none of are in doubt on a deny, unless persons cannot bear them', () => {
    const seven = { identifier: { system: NPI, value: '7' } }
    expect(effect(denyFor(seven))).toBe('deny')
    expect(effect(denyFor(seven), bearing('8', NPI))).toBe('permit')
    expect(effect(denyFor(seven), by(['Patient/p1']))).toBe('permit')
    expect(effect(denyFor({ identifier: { system: 'http://mrn', value: '7' } }), by(['Patient/p1']))).toBe(
      'deny',
    )
    expect(effect(denyFor({ display: 'my ex' }))).toBe('deny')
    expect(effect(permitFor({ display: 'my doctor' }))).toBe('not-covered')
    expect(effect(denyFor(to('Organization/9')), bearing('8', NPI))).toBe('deny')
    expect(effect(permitFor({ identifier: { system: NPI } }))).toBe('not-covered')
  })
})

describe('membership', () => {
  const role: Resource = {
    resourceType: 'PractitionerRole',
    id: 'r',
    practitioner: to('Practitioner/d'),
    organization: to('Organization/child'),
  }
  const child: Resource = { resourceType: 'Organization', id: 'child', partOf: to('Organization/parent') }

  it('goes from a role to the practitioner, the organization and all it is part of, from a device to its owner', () => {
    for (const named of [
      'PractitionerRole/r',
      'Practitioner/d',
      'Organization/child',
      'Organization/parent',
    ]) {
      expect(effect(permitFor(to(named)), by(['PractitionerRole/r'], [role, child]))).toBe('permit')
      expect(effect(denyFor(to(named)), by(['PractitionerRole/r'], [role, child]))).toBe('deny')
    }
    const device: Resource = { resourceType: 'Device', id: 'app', owner: to('Organization/child') }
    expect(effect(permitFor(to('Organization/parent')), by(['Device/app'], [device, child]))).toBe('permit')
    expect(effect(permitFor(to('Organization/child')), by(['Organization/parent'], [child]))).toBe(
      'not-covered',
    )
  })

  it('by an inactive role permits nothing and is still denied', () => {
    const former = { ...role, active: false }
    expect(effect(permitFor(to('Organization/child')), by(['PractitionerRole/r'], [former, child]))).toBe(
      'not-covered',
    )
    expect(effect(denyFor(to('Organization/child')), by(['PractitionerRole/r'], [former, child]))).toBe(
      'deny',
    )
    const both = by(['PractitionerRole/r', 'Organization/child'], [former, child])
    expect(effect(permitFor(to('Organization/parent')), both)).toBe('permit')
  })

  it('in a named role takes the practitioner at that organization', () => {
    const asked = (...who: LiteralReference[]) => by(who, [role])
    expect(effect(permitFor(to('PractitionerRole/r')), asked('Practitioner/d', 'Organization/child'))).toBe(
      'permit',
    )
    expect(effect(permitFor(to('PractitionerRole/r')), asked('Practitioner/d'))).toBe('not-covered')
    expect(effect(denyFor(to('PractitionerRole/r')), asked('Practitioner/d'))).toBe('deny')
    expect(effect(denyFor(to('PractitionerRole/r')), asked('Practitioner/e'))).toBe('permit')
    const desk: Resource = {
      resourceType: 'PractitionerRole',
      id: 'r',
      organization: to('Organization/child'),
    }
    expect(effect(permitFor(to('PractitionerRole/r')), by(['Organization/child'], [desk]))).toBe('permit')
    const nobody: Resource = { resourceType: 'PractitionerRole', id: 'r' }
    expect(effect(permitFor(to('PractitionerRole/r')), by(['Organization/child'], [nobody]))).toBe(
      'not-covered',
    )
    const alone: Resource = { resourceType: 'PractitionerRole', id: 'r', practitioner: to('Practitioner/d') }
    expect(effect(permitFor(to('PractitionerRole/r')), by(['Practitioner/d'], [alone]))).toBe('permit')
  })

  it('in a Group or CareTeam is by current members, nested ones included', () => {
    const inner = group(
      'inner',
      member('Organization/x'),
      { entity: { identifier: { value: '1' } } },
      { entity: {} },
    )
    const outer = group('outer', member('Group/inner'))
    const numbered = group(
      'numbered',
      { entity: 'x' },
      { entity: { identifier: { system: NPI, value: '7' } } },
    )
    const seven: Resource = { resourceType: 'Organization', id: 'x', ...npi('7') }
    expect(effect(permitFor(to('Group/numbered')), by(['Organization/x'], [numbered, seven]))).toBe('permit')
    expect(effect(permitFor(to('Group/outer')), by(['Organization/x'], [inner, outer]))).toBe('permit')
    const loose = group('loose', { entity: { identifier: { value: '7' } } })
    expect(effect(permitFor(to('Group/loose')), by(['Organization/x'], [loose, seven]))).toBe('not-covered')
    const left = group(
      'left',
      member('Organization/x', { inactive: true }),
      member('Organization/x', { period: { end: '2024-05' } }),
    )
    expect(effect(permitFor(to('Group/left')), by(['Organization/x'], [left]))).toBe('not-covered')
    expect(effect(denyFor(to('Group/left')), by(['Organization/x'], [left]))).toBe('permit')
    const vague = group('vague', member('Organization/x', { period: { end: 'soon' } }))
    expect(effect(permitFor(to('Group/vague')), by(['Organization/x'], [vague]))).toBe('not-covered')
    expect(effect(denyFor(to('Group/vague')), by(['Organization/x'], [vague]))).toBe('deny')
    const closed = { ...group('closed', member('Organization/x')), active: false }
    expect(effect(permitFor(to('Group/closed')), by(['Organization/x'], [closed]))).toBe('not-covered')
    const team = (status: string): Resource => ({
      resourceType: 'CareTeam',
      id: 't',
      status,
      participant: [{ member: to('Organization/x') }],
    })
    expect(effect(permitFor(to('CareTeam/t')), by(['Organization/x'], [team('active')]))).toBe('permit')
    expect(effect(permitFor(to('CareTeam/t')), by(['Organization/x'], [team('inactive')]))).toBe(
      'not-covered',
    )
    expect(effect(denyFor(to('CareTeam/t')), by(['Organization/x'], [team('inactive')]))).toBe('deny')
  })

  it('in a Group that only describes its members is in doubt', () => {
    const described: Resource = { resourceType: 'Group', id: 'g', actual: false, characteristic: [{}] }
    expect(effect(permitFor(to('Group/g')), by(['Organization/x'], [described]))).toBe('not-covered')
    expect(effect(denyFor(to('Group/g')), by(['Organization/x'], [described]))).toBe('deny')
  })

  it('in a general designation is by coded class of the requester', () => {
    const designation: Resource = {
      resourceType: 'Group',
      id: 'tpo',
      code: {
        coding: [
          coding(SYSTEM.recipientClass, 'health-plans'),
          coding('http://other', 'treating-providers'),
          { system: SYSTEM.recipientClass },
        ],
      },
    }
    const asked = (...recipientClasses: string[]) => ({
      ...by(['Organization/x'], [designation]),
      recipientClasses,
    })
    expect(effect(permitFor(to('Group/tpo')), asked('health-plans'))).toBe('permit')
    expect(effect(permitFor(to('Group/tpo')), asked('treating-providers'))).toBe('not-covered')
    expect(effect(denyFor(to('Group/tpo')), asked())).toBe('permit')
    expect(verdict(consent(permitFor(to('Group/tpo'))), asked('health-plans'))?.form.recipients).toEqual([
      { reference: 'Group/tpo', classes: ['health-plans'] },
    ])
  })

  it('that goes in circles or too deep ends, in doubt', () => {
    const circle = [group('a', member('Group/b')), group('b', member('Group/a'))]
    expect(effect(permitFor(to('Group/a')), by(['Organization/x'], circle))).toBe('not-covered')
    expect(effect(denyFor(to('Group/a')), by(['Organization/x'], circle))).toBe('deny')
    const chain = Array.from(
      { length: 9 },
      (_, index): Resource => ({
        resourceType: 'Organization',
        id: `o${index}`,
        partOf: to(`Organization/o${index + 1}`),
      }),
    )
    expect(effect(permitFor(to('Organization/o5')), by(['Organization/o0'], chain))).toBe('permit')
    expect(effect(permitFor(to('Organization/o8')), by(['Organization/o0'], chain))).toBe('not-covered')
    expect(effect(denyFor(to('Organization/o8')), by(['Organization/o0'], chain))).toBe('deny')
    const loop: Resource = { resourceType: 'Organization', id: 'l', partOf: to('Organization/l') }
    expect(effect(denyFor(to('Organization/m')), by(['Organization/l'], [loop]))).toBe('permit')
  })
})

describe('what cannot be resolved', () => {
  it('never permits and denies where it cannot be told apart', () => {
    for (const gone of ['Group/gone', 'CareTeam/gone', 'PractitionerRole/gone', 'gone']) {
      expect(effect(permitFor(to(gone)))).toBe('not-covered')
      expect(effect(denyFor(to(gone)))).toBe('deny')
    }
  })

  it('an Organization that merely is not in the directory is another one; one that cannot be read may be anybody', () => {
    expect(effect(denyFor(to('Organization/9')))).toBe('permit')
    expect(effect(denyFor(to('Organization/9')), by(['Organization/x'], [], ['Organization/9']))).toBe('deny')
    expect(
      effect(denyFor(to('Organization/9')), { ...question(), directory: { resolve: NOWHERE.resolve } }),
    ).toBe('permit')
  })

  it('of the requester leaves every named deny standing', () => {
    const known: Resource = { resourceType: 'Organization', id: '9' }
    expect(effect(denyFor(to('Organization/9')), by(['PractitionerRole/r'], [known]))).toBe('deny')
    expect(effect(denyFor(to('Organization/9')), by(['Organization/x'], [known], ['Organization/x']))).toBe(
      'deny',
    )
    expect(effect(denyFor(to('Organization/9')), by(['Organization/x'], [known]))).toBe('permit')
    expect(effect(permitFor(to('Organization/9')), by([]))).toBe('not-covered')
    expect(effect(denyFor(to('Organization/9')), by([]))).toBe('deny')
    expect(
      effect({ type: 'permit', actor: [recipient('PractitionerRole/r')] }, by(['PractitionerRole/r'])),
    ).toBe('permit')
  })
})

describe('actors of other servers', () => {
  const there = (id: string) => `https://other.example/fhir/Organization/${id}` as LiteralReference
  const known = (id: string, more: JsonObject): Resource => ({ resourceType: 'Organization', id, ...more })
  const elsewhere = (resources: Readonly<Record<string, Resource>>, ...who: readonly LiteralReference[]) =>
    question({
      actors: who.map(reference => ({ role: 'recipient', reference })),
      directory: { resolve: reference => resources[reference] },
    })

  it('are told apart by two names on one server, but a Group there may hold anybody', () => {
    expect(effect(denyFor(to(there('1'))), by([there('2')]))).toBe('permit')
    expect(effect(denyFor(to(there('1'))), by([there('1')]))).toBe('deny')
    expect(effect(denyFor(to(there('1'))), by(['Organization/2']))).toBe('deny')
    expect(effect(denyFor(to('https://third.example/fhir/Organization/1')), by([there('2')]))).toBe('deny')
    expect(effect(denyFor(to('https://other.example/fhir/Practitioner/1')), by([there('2')]))).toBe('deny')
    expect(
      effect(
        denyFor(to('https://other.example/fhir/Group/1')),
        by(['https://other.example/fhir/Group/2' as LiteralReference]),
      ),
    ).toBe('deny')
    expect(effect(denyFor(to('urn:uuid:0c3f')), by(['urn:uuid:0c40' as LiteralReference]))).toBe('deny')
  })

  it('that can be read are told apart by identifiers, and may be anybody where they show none to compare', () => {
    const ours = known('x', npi('1'))
    const asked = (more: JsonObject) =>
      elsewhere({ [there('1')]: known('1', more), 'Organization/x': ours }, 'Organization/x')
    expect(effect(denyFor(to(there('1'))), asked(npi('1')))).toBe('deny')
    expect(effect(permitFor(to(there('1'))), asked(npi('1')))).toBe('permit')
    expect(effect(denyFor(to(there('1'))), asked(npi('2')))).toBe('permit')
    expect(effect(denyFor(to(there('1'))), asked(npi('2', 'http://example.org/ids')))).toBe('deny')
    expect(effect(denyFor(to(there('1'))), asked({}))).toBe('deny')
    expect(effect(permitFor(to(there('1'))), asked({}))).toBe('not-covered')
    const group = {
      'https://other.example/fhir/Group/1': {
        resourceType: 'Group',
        id: '1',
        member: [member('Organization/y')],
      },
    }
    expect(
      effect(denyFor(to('https://other.example/fhir/Group/1')), elsewhere(group, 'Organization/x')),
    ).toBe('permit')
  })
})

describe('actors whom an identifier alone names', () => {
  const NUMBER = { identifier: { system: NPI, value: '1' } }
  const asked = (bearers: readonly string[] | undefined, resources: readonly Resource[] = []) =>
    question({
      directory: { ...directory(resources), identified: key => (key === `${NPI}|1` ? bearers : undefined) },
    })

  it('are whoever bears it, memberships included', () => {
    expect(effect(permitFor(NUMBER), asked(['Organization/x']))).toBe('permit')
    expect(effect(denyFor(NUMBER), asked(['Organization/x']))).toBe('deny')
    expect(effect(permitFor(NUMBER), asked(['Organization/y']))).toBe('not-covered')
    expect(effect(denyFor(NUMBER), asked(['Organization/y']))).toBe('permit')
    const team = group('g', member('Organization/x'))
    expect(effect(permitFor(NUMBER), asked(['Organization/y', 'Group/g'], [team]))).toBe('permit')
  })

  it('are in doubt where nobody looked, or nobody bears it', () => {
    for (const bearers of [undefined, []]) {
      expect(effect(permitFor(NUMBER), asked(bearers))).toBe('not-covered')
      expect(effect(denyFor(NUMBER), asked(bearers))).toBe('deny')
    }
    expect(effect(denyFor({ display: 'my doctor' }), asked(['Organization/y']))).toBe('deny')
  })
})

describe('sources', () => {
  const from = (role: string, reference: string) => ({
    type: 'permit',
    provision: [{ type: 'deny', actor: [actor(role, to(reference))] }],
  })
  const record = (more: object, facts: object = {}) => {
    const made = labelled({ ...PLAIN, ...(more as JsonObject) } as Resource)
    return { ...made, facts: { ...made.facts, ...facts } }
  }

  it('of a deny are the place and the provider too, and no other where a place is all that is known', () => {
    const at = record({ location: to('Location/a') })
    expect(effect(from('PROV', 'Location/a'), question(), at)).toBe('deny')
    expect(effect(from('PROV', 'Location/b'), question(), at)).toBe('permit')
    expect(effect(from('PROV', 'Organization/y'), question(), at)).toBe('deny')
    expect(
      effect(from('PROV', 'Location/b'), question(), record({}, { sourceReferences: ['Location/b'] })),
    ).toBe('deny')
    expect(effect(from('PROV', 'Location/b'), question(), record({ location: { display: 'ward' } }))).toBe(
      'deny',
    )
    const signed = record({ location: to('Location/a'), performer: [to('Organization/x')] })
    expect(effect(from('PROV', 'Organization/y'), question(), signed)).toBe('permit')
    expect(effect(from('PROV', 'Organization/x'), question(), signed)).toBe('deny')
    const owned = question({
      directory: directory([
        { resourceType: 'Location', id: 'a', managingOrganization: to('Organization/x') },
      ]),
    })
    expect(effect(from('PROV', 'Organization/x'), owned, at)).toBe('deny')
    expect(effect(from('PROV', 'Organization/y'), owned, at)).toBe('permit')
    const words = {
      type: 'permit',
      provision: [{ type: 'deny', actor: [actor('PROV', { display: 'ward' })] }],
    }
    expect(effect(words, owned, at)).toBe('deny')
  })

  it('of a permit are those who made it, not where it was made', () => {
    const permit = { type: 'permit', actor: [actor('PROV', to('Location/a'))] }
    expect(effect(permit, question(), record({ location: to('Location/a') }))).toBe('not-covered')
    expect(effect(permit, question(), record({ performer: [to('Location/a')] }))).toBe('permit')
  })
})

describe('an identity that is reached twice', () => {
  const role: Resource = {
    resourceType: 'PractitionerRole',
    id: 'r',
    active: false,
    practitioner: to('Practitioner/d'),
    organization: to('Organization/h'),
  }
  const clinic: Resource = { resourceType: 'Organization', id: 'c', partOf: to('Organization/h') }
  const hospital: Resource = { resourceType: 'Organization', id: 'h', ...npi('7') }
  const chart = [role, clinic, hospital]
  const ways = (...references: readonly LiteralReference[]) =>
    [permitFor(to('Organization/h')), permitFor({ identifier: { system: NPI, value: '7' } })].map(provision =>
      effect(provision, by(references, chart)),
    )

  it('is certain where one of the ways is, in whichever order they are walked', () => {
    expect(ways('PractitionerRole/r', 'Organization/c')).toEqual(['permit', 'permit'])
    expect(ways('Organization/c', 'PractitionerRole/r')).toEqual(['permit', 'permit'])
  })

  it('is doubtful where all ways are: it permits nobody and takes no denial away', () => {
    const other: Resource = { ...role, id: 'r2' }
    const asked = by(['PractitionerRole/r', 'PractitionerRole/r2'], [...chart, other])
    expect(effect(permitFor(to('Organization/h')), asked)).toBe('not-covered')
    expect(effect(denyFor(to('Organization/h')), asked)).toBe('deny')
  })
})
