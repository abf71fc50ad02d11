import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseScopes } from '../../src/identity/scopes.ts'

const LETTERS = ['create', 'read', 'update', 'delete', 'search'] as const
const lettersOf = (scope: string): string =>
  parseScopes(scope)
    .map(parsed => LETTERS.map(name => (parsed[name] ? name[0] : '')).join(''))
    .join(' ')

describe('SMART scopes', () => {
  const good: readonly [string, string][] = [
    ['patient/Observation.read', 'rs'],
    ['patient/Observation.write', 'cud'],
    ['user/*.*', 'cruds'],
    ['system/*.rs', 'rs'],
    ['user/Patient.r', 'r'],
    ['user/Patient.s', 's'],
    ['system/Patient.cruds', 'cruds'],
    ['patient/Observation.rs?category=http://loinc.org|laboratory', 'rs'],
    ['openid fhirUser launch/patient offline_access patient/Condition.rs ITI-68', 'rs'],
    ['patient/Condition.r patient/Condition.s', 'r s'],
  ]
  it.each(good)('%s grants %s', (scope, letters) => expect(lettersOf(scope)).toBe(letters))

  it('keep their constraints decoded, in order', () => {
    const [scope] = parseScopes('patient/Observation.rs?category=a%7Cb,c&status=final&_id=1')
    expect(scope?.constraints).toEqual([
      { name: 'category', value: 'a|b,c' },
      { name: 'status', value: 'final' },
      { name: '_id', value: '1' },
    ])
  })

  const ignored = [
    'patient/Observation.sr',
    'patient/Observation.rr',
    'patient/Observation.dus',
    'patient/Observation.',
    'patient/Observation',
    'patient/Observation.RS',
    'patient/Observation.rsx',
    'patient/Observation.readwrite',
    'patient/Obs*.rs',
    'patient/*Observation.rs',
    'patient/**.rs',
    'patient/observation.rs',
    'patient/.rs',
    'Patient/Observation.rs',
    'practitioner/*.rs',
    'xpatient/*.rs',
    '/*.rs',
    '*/*.rs',
    'patient//Observation.rs',
    'patient/Observation/1.rs',
    'patient/Observation.rs\n',
    'patient/Observation.read?status=final',
    'patient/Observation.rs?',
    'patient/Observation.rs?status',
    'patient/Observation.rs?status=',
    'patient/Observation.rs?=final',
    'patient/Observation.rs?status=final&',
    'patient/Observation.rs?status:not=final',
    'patient/Observation.rs?code:in=http://x',
    'patient/Observation.rs?patient.name=x',
    'patient/Observation.rs?_has:Group:member:_id=1',
    'patient/Observation.rs?_filter=status%20eq%20final',
    'patient/Observation.rs?_query=x',
    'patient/Observation.rs?_content=x',
    'patient/Observation.rs?status=%zz',
    'patient/Observation.rs?status=a+b',
    'patient/Observation.rs?status=final&code:text=x',
  ]
  it.each(ignored)('%j is ignored whole', scope => {
    expect(parseScopes(scope)).toEqual([])
    expect(lettersOf(`${scope} user/Patient.r`)).toBe('r')
  })

  it('never grant what the grammar does not say', () => {
    const letters = fc.subarray(['c', 'r', 'u', 'd', 's'], { minLength: 1 })
    const context = fc.constantFrom('patient', 'user', 'system')
    const type = fc.constantFrom('*', 'Patient', 'Observation')
    fc.assert(
      fc.property(context, type, letters, (who, what, chosen) => {
        const [scope, ...others] = parseScopes(`${who}/${what}.${chosen.join('')}`)
        expect(others).toEqual([])
        expect(scope).toMatchObject({ context: who, resourceType: what, constraints: [] })
        for (const name of LETTERS) expect(scope?.[name]).toBe(chosen.includes(name.charAt(0)))
      }),
    )
  })

  it('are never made of anything that is not written as one', () => {
    const alphabet = 'patientusersystem/*.crudsPO?=&:%+ '
    const text = fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 40 })
    const shape = /^(patient|user|system)\/(\*|[A-Z][A-Za-z]+)\.(read|write|\*|c?r?u?d?s?(\?.+)?)$/
    fc.assert(
      fc.property(text, scope => {
        const written = scope.split(' ').filter(part => shape.test(part))
        expect(parseScopes(scope).length).toBeLessThanOrEqual(written.length)
      }),
      { numRuns: 2_000 },
    )
  })
})
