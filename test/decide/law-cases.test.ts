import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createConsentReader } from '../../src/consent/reader.ts'
import { loadRecipientClasses } from '../../src/data/tables.ts'
import type { ConsentDirective, ConsentQuestion } from '../../src/model/consent.ts'
import type { Custodian, DecidedResource, DecisionContext, SiteRegistry } from '../../src/model/decision.ts'
import type { Resource } from '../../src/model/fhir.ts'
import type { LabelledResource } from '../../src/model/label.ts'
import { recipientClassesOf } from '../../src/model/recipient.ts'
import type { Requester } from '../../src/model/requester.ts'
import { contextOf, hospital, purposes, resourceOf, shippedDecider } from './fixtures.ts'

const folder = fileURLToPath(new URL('../../../shared/data/law-cases/', import.meta.url))
const files = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.json')) : []
if (files.length === 0) console.log('law cases: ../shared/data/law-cases is not here, skipped')

/* biome-ignore-start lint/suspicious/noExplicitAny: cases are read as they come */
type Case = any

const LABELS: Readonly<Record<string, readonly string[]>> = {
  'substance-use': ['SUD'],
  hiv: ['HIV'],
  sti: ['STD'],
  'mental-health': ['MH'],
  genetic: ['GDIS'],
}

/** Stands in for the labeller: categories as the case tells them, source by the references a registry knows. */
function label(given: Case, resource: Case): LabelledResource {
  const about = given.expected.about[`${resource.resourceType}/${resource.id}`] ?? {}
  const isSeparate =
    resource.resourceType === 'DocumentReference' && about.role === 'sensitive' && /notes/.test(given.group)
  const codes = [
    ...(LABELS[about.category] ?? []),
    ...(/^abortion|^mife/.test(about.concept ?? '') ? ['ABORTION', 'SEX'] : []),
  ]
  if (isSeparate && given.group === 'psychotherapy-notes') codes.push('PSYTHPN')
  const isSudNote = (resource.category ?? []).some(
    (category: Case) => category.coding?.[0]?.code === 'SUDCN-SEP',
  )
  if (isSudNote) codes.push('SUDCN')
  const source = sourceOf(given, resource)
  const patient =
    resource.resourceType === 'Patient'
      ? `Patient/${resource.id}`
      : (resource.subject ?? resource.patient).reference
  const start = resource.period?.start ?? resource.recordedDate ?? resource.date ?? resource.effectiveDateTime
  return resourceOf({
    type: resource.resourceType,
    id: resource.id,
    codes,
    patients: [patient],
    part2: source !== undefined,
    authors: (resource.author ?? []).map((author: Case) => author.reference),
    dates: start === undefined ? [] : [{ start }],
    ...(source === undefined ? {} : { source }),
  })
}

/** The registered program that some reference of the resource, or of its encounter, leads to. */
function sourceOf(given: Case, resource: Case): string | undefined {
  const all: Resource[] = [...given.resources, ...given.directory]
  const programs = new Set<string>(given.registry.part2Programs)
  const uri = (given.registry.sources ?? []).find((each: Case) => each.uri === resource.meta?.source)
  if (uri !== undefined && programs.has(uri.organization)) return uri.organization
  const seen = new Set<string>()
  const open = referencesIn(resource)
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    if (programs.has(next)) return next
    const target = all.find(each => `${each.resourceType}/${each.id}` === next)
    const follows = ['Encounter', 'PractitionerRole', 'Location'].includes(target?.resourceType ?? '')
    if (target !== undefined && follows) open.push(...referencesIn(target))
  }
  return undefined
}

function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) =>
    key === 'reference' && typeof each === 'string' ? [each] : referencesIn(each),
  )
}

const reader = createConsentReader(purposes)

function decideCase(given: Case): readonly DecidedResource[] {
  const directory = new Map<string, Resource>(
    given.directory.map((each: Case) => [`${each.resourceType}/${each.id}`, each]),
  )
  const patient = `Patient/${given.patient.id}`
  const at = new Date(given.at)
  const { user, organization, ...rest } = given.requester
  const requester = {
    ...hospital,
    ...rest,
    organization: organization ?? undefined,
    user: user ?? undefined,
    actors: [user, organization].filter(Boolean).map(reference => ({ role: 'recipient', reference })),
  } as Requester
  const onFile = given.consents.map((resource: Case) => ({
    ref: { reference: `Consent/${resource.id}` },
    resource,
  }))
  const directives: readonly ConsentDirective[] = reader.read(onFile, at, 'UTC')
  const { part2Programs, agreements, ...other } = given.registry
  const registry: SiteRegistry = {
    part2Programs,
    agreements,
    sudOnlyFacilities: [],
    notFederallyAssisted: [],
    sources: {},
    other,
  }
  const context: DecisionContext = contextOf({
    at,
    custodian: given.custodian as Custodian,
    registry,
    requester,
    purposes: [given.purposeOfUse],
    action: given.action,
    directory: { resolve: reference => directory.get(reference) },
    consents: new Map([[patient, directives]]),
    birthDates: new Map([[patient, given.patient.birthDate]]),
  })
  const question: ConsentQuestion = {
    at,
    zone: 'UTC',
    action: 'access',
    purposes: context.purposes,
    actors: [...requester.actors, { role: 'discloser', reference: given.custodian.organization }],
    recipientClasses: recipientClassesOf(loadRecipientClasses(), requester),
    directory: context.directory,
  }
  const wanted = Object.keys(given.expected.resources)
  const resources = [given.patient, ...given.resources]
    .filter(each => wanted.includes(`${each.resourceType}/${each.id}`))
    .map(each => label(given, each))
  return shippedDecider().decide(context, resources, (_, resource) =>
    reader.ask(directives, question, resource),
  )
}

describe.skipIf(files.length === 0)('the law holds in every case, apart from labelling', () => {
  it.each(files)('%s', file => {
    const given: Case = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'))
    const { expected } = given
    const decided = decideCase(given)
    const told = (one: DecidedResource) =>
      `${one.labelled.facts.reference} ${JSON.stringify(one.decision.because)}`
    expect(decided.length).toBe(Object.keys(expected.resources).length)
    for (const one of decided) {
      const { reference } = one.labelled.facts
      const allowed = [
        expected.resources[reference],
        ...(expected.alsoAcceptable.resources?.[reference] ?? []),
      ]
      expect(allowed, told(one)).toContain(one.decision.effect)
    }
    const obligations = new Set(decided.flatMap(({ decision }) => decision.obligations))
    // Recorded whatever the case lists: a refusal under Part 2, and that a court's disclosure is accountable (164.528).
    const silent = ['P2_NO_REVEAL', 'ACCOUNTING_LOG']
    const known = [...expected.obligations, ...(expected.alsoAcceptable.obligations ?? []), ...silent]
    expect([...obligations].filter(each => !known.includes(each))).toEqual([])
    expect(expected.obligations.filter((each: string) => !obligations.has(each))).toEqual([])
  })
})
/* biome-ignore-end lint/suspicious/noExplicitAny: cases are read as they come */
