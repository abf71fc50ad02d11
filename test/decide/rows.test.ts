import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import type { ConsentForm, ConsentVerdict } from '../../src/model/consent.ts'
import type { Custodian, SiteRegistry } from '../../src/model/decision.ts'
import type { JsonObject, Resource } from '../../src/model/fhir.ts'
import type { Requester } from '../../src/model/requester.ts'
import {
  authorizationForm,
  custodian,
  decideOne,
  hospital,
  profiles,
  type ResourceGiven,
  registry,
  resourceOf,
  shippedDecider,
  tpoForm,
  verdict,
} from './fixtures.ts'

interface RowCase {
  readonly row: string
  readonly speaks: boolean
  readonly says?: string
  readonly given: {
    readonly purpose: string
    readonly requester?: Partial<Requester>
    readonly claims?: JsonObject
    readonly custodian?: Partial<Custodian>
    readonly resource?: ResourceGiven
    readonly registry?: Partial<SiteRegistry>
    readonly birthDate?: string
    readonly consents?: readonly string[]
  }
  readonly expect: {
    readonly effect: string
    readonly obligations?: readonly string[]
    readonly withoutObligations?: readonly string[]
  }
}

const folder = fileURLToPath(new URL('../../profiles/law/cases/', import.meta.url))
const schema = JSON.parse(readFileSync(`${folder}schema.json`, 'utf8'))
const files = readdirSync(folder).filter(name => name !== 'schema.json')
const packs = files.map(
  name => JSON.parse(readFileSync(folder + name, 'utf8')) as { cases: readonly RowCase[] },
)
const cases = packs.flatMap(pack => pack.cases)

const named = { recipients: [{ reference: 'Organization/hospital', classes: [] }], periodEnd: '2027-03-01' }
const FORMS: Readonly<Record<string, ConsentForm>> = {
  tpo: tpoForm,
  'tpo-through-exchange': {
    ...tpoForm,
    recipients: [...tpoForm.recipients, { reference: 'Organization/custodian', classes: [] }],
  },
  'unsigned-tpo': { ...tpoForm, signed: false, dated: false },
  part2: { ...tpoForm, ...named, purposes: ['CAREMGT'] },
  legal: { ...tpoForm, ...named, purposes: ['HLEGAL'] },
  'sud-notes': { ...tpoForm, labels: ['SUDCN'] },
  authorization: authorizationForm,
  'unsigned-authorization': { ...authorizationForm, signed: false },
  'psychotherapy-notes': { ...authorizationForm, labels: ['PSYTHPN'] },
  written: { ...authorizationForm, policies: [] },
  hiv: { ...authorizationForm, labels: ['HIV'] },
  sex: { ...authorizationForm, labels: ['SEX'] },
}

function verdictOf(name: string): ConsentVerdict {
  if (name === 'deny') return verdict('deny')
  const form = FORMS[name]
  if (form === undefined) throw new Error(`a case names the consent "${name}", which nobody wrote`)
  return verdict('permit', form)
}

/** RelatedPerson/r belongs to the patient of the cases. */
const related: Resource = { resourceType: 'RelatedPerson', id: 'r', patient: { reference: 'Patient/p' } }
const decider = shippedDecider()

function run({ given }: RowCase) {
  const { organization, ...rest } = { ...hospital, ...given.requester }
  const requester = {
    ...rest,
    ...(organization ? { organization } : {}),
    claims: given.claims ?? {},
  } as Requester
  return decideOne(
    resourceOf(given.resource),
    {
      purposes: [given.purpose],
      requester,
      custodian: { ...custodian, ...given.custodian },
      registry: { ...registry, ...given.registry },
      birthDates: new Map([['Patient/p', given.birthDate ?? '1980-01-01']]),
      directory: { resolve: reference => (reference === 'RelatedPerson/r' ? related : undefined) },
    },
    (given.consents ?? []).map(verdictOf),
    decider,
  )
}

describe('each row of law speaks where its citation says, and nowhere else', () => {
  const validate = new Ajv().compile(schema)
  it.each(files.map((name, i) => [name, packs[i]] as const))('%s fits the schema of cases', (_, pack) => {
    expect(validate(pack), JSON.stringify(validate.errors?.[0])).toBe(true)
  })

  it.each(
    cases.map(
      each =>
        [
          `${each.row} ${each.speaks ? 'speaks' : 'is silent'}: ${each.says ?? JSON.stringify(each.given)}`,
          each,
        ] as const,
    ),
  )('%s', (_, each) => {
    const decision = run(each)
    const row = profiles.lawRows.find(({ id }) => id === each.row)
    expect(row?.enabled, each.row).toBe(true)
    expect(decision.effect, JSON.stringify(decision.because)).toBe(each.expect.effect)
    const isSeen =
      row?.effect === 'duty'
        ? (row.obligations ?? []).every(obligation => decision.obligations.includes(obligation))
        : decision.because.some(({ rule }) => rule === each.row)
    if (row?.effect !== 'duty' || each.expect.withoutObligations) {
      const isOverruled = row?.effect === 'except' && decision.effect === 'deny'
      expect(isSeen || (isOverruled && each.speaks), JSON.stringify(decision.because)).toBe(each.speaks)
    }
    for (const obligation of each.expect.obligations ?? []) expect(decision.obligations).toContain(obligation)
    for (const obligation of each.expect.withoutObligations ?? [])
      expect(decision.obligations).not.toContain(obligation)
  })
})
