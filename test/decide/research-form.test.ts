import { expect, it } from 'vitest'
import { consentKind } from '../../src/decide/consent-kinds.ts'
import { purposeTree } from '../../src/decide/purpose.ts'
import { purposes } from '../consent/fixtures.ts'
import { authorizationForm, contextOf } from './fixtures.ts'

const tree = purposeTree(purposes.purposeParents, purposes.explicitPurposes)
const question = { context: contextOf(), tree, patient: 'Patient/p', minor: false }
const form = (...codes: readonly string[]) => ({
  ...authorizationForm,
  policies: ['hipaa-research'],
  purposes: codes,
})

it('a form of the policy hipaa-research is an authorization where it is for research alone', () => {
  const lacks = consentKind('hipaa-auth')
  expect(lacks(form('HRESCH'), question)).toEqual([])
  expect(lacks(form('HRESCH', 'CLINTRCH'), question)).toEqual([])
  expect(lacks(form('HRESCH', 'TREAT'), question)).toEqual(['policy hipaa-auth'])
  expect(lacks(form(), question)).toEqual(['policy hipaa-auth', '164.508(c)(1)(iv)'])
})

it('a form of the policy hipaa-research is none for psychotherapy notes', () => {
  const lacks = consentKind('psychotherapy-notes-only')
  const notes = { ...form('HRESCH'), labels: ['PSYTHPN'] }
  expect(lacks(notes, question)).toEqual(['policy hipaa-auth'])
  expect(lacks({ ...notes, policies: ['hipaa-auth'] }, question)).toEqual([])
})
