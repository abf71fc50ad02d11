import { type Chart, concept, decimal, type Person, type Ref, terminology, type Visit } from './chart.ts'
import { type Code, SERVICE } from './codes.ts'

/** The patient's own resource, as US Core asks for it. */
export function register(chart: Chart, person: Person, general: Ref): void {
  const number = `${chart.random.whole(100000, 999999)}`
  chart.put('Patient', person.id, {
    identifier: [
      {
        use: 'usual',
        type: terminology('v2-0203', 'MR'),
        system: 'https://bayview.example/mrn',
        value: number,
      },
    ],
    active: true,
    name: [{ use: 'official', family: person.family, given: [person.given] }],
    telecom: [{ system: 'phone', value: `555-01${chart.random.whole(10, 99)}`, use: 'home' }],
    gender: person.gender,
    birthDate: person.birthDate,
    address: [
      {
        line: [`${chart.random.whole(10, 990)} Juniper Street`],
        city: person.city,
        state: 'CA',
        postalCode: person.postalCode,
        country: 'US',
      },
    ],
    generalPractitioner: [general],
    managingOrganization: { reference: 'Organization/bayview-health', display: 'Bayview Health' },
  })
}

/** Membership of the example health plan. */
export function coverage(chart: Chart, since: string): Ref {
  return chart.add('Coverage', {
    status: 'active',
    type: terminology('v3-ActCode', 'HIP'),
    subscriberId: `GSP${chart.random.whole(1000000, 9999999)}`,
    beneficiary: chart.patient,
    relationship: terminology('subscriber-relationship', 'self'),
    period: { start: since },
    payor: [{ reference: 'Organization/golden-plan', display: 'Golden State Health Plan' }],
  })
}

export function allergy(chart: Chart, at: Visit, code: Code, reaction: Code): Ref {
  return chart.add(
    'AllergyIntolerance',
    {
      clinicalStatus: terminology('allergyintolerance-clinical', 'active'),
      verificationStatus: terminology('allergyintolerance-verification', 'confirmed'),
      type: 'allergy',
      category: ['medication'],
      code: concept(code),
      patient: chart.patient,
      encounter: at.encounter,
      recordedDate: at.date,
      recorder: at.place.clinician,
      reaction: [{ manifestation: [concept(reaction)] }],
    },
    at.place,
  )
}

/** Claim and ExplanationOfBenefit of a visit, in the five-field manner of payers: who, when, where, what, why. */
export function bill(
  chart: Chart,
  at: Visit,
  coverage: Ref,
  what: { readonly service?: Code; readonly diagnoses: readonly Code[]; readonly amount: string },
): void {
  const service = what.service ?? SERVICE.clinicVisit
  const common = {
    status: 'active',
    type: terminology('claim-type', 'professional'),
    use: 'claim',
    patient: chart.patient,
    billablePeriod: { start: at.date, end: at.date },
    created: at.date,
    provider: at.place.organization,
    insurance: [{ sequence: 1, focal: true, coverage }],
    diagnosis: what.diagnoses.map((code, index) => ({
      sequence: index + 1,
      diagnosisCodeableConcept: concept(code),
    })),
  }
  const item = {
    sequence: 1,
    productOrService: concept(service),
    servicedDate: at.date,
    encounter: [at.encounter],
  }
  const total = { value: decimal(what.amount), currency: 'USD' }
  const claim = chart.add(
    'Claim',
    { ...common, priority: terminology('processpriority', 'normal'), item: [item], total },
    at.place,
  )
  const insurance = [{ focal: true, coverage }]
  chart.add(
    'ExplanationOfBenefit',
    {
      ...common,
      insurance,
      insurer: { reference: 'Organization/golden-plan', display: 'Golden State Health Plan' },
      claim,
      outcome: 'complete',
      item: [item],
      total: [{ category: terminology('adjudication', 'submitted'), amount: total }],
    },
    at.place,
  )
}

export function appointment(chart: Chart, at: Visit, about: Code): Ref {
  return chart.add(
    'Appointment',
    {
      status: 'fulfilled',
      serviceType: [concept(about)],
      description: about.display,
      start: `${at.date}T18:00:00.000Z`,
      end: `${at.date}T18:30:00.000Z`,
      participant: [
        { actor: chart.patient, status: 'accepted' },
        { actor: at.place.clinician, status: 'accepted' },
        { actor: at.place.location, status: 'accepted' },
      ],
    },
    at.place,
  )
}

export function provenance(chart: Chart, at: Visit, targets: readonly Ref[]): Ref {
  return chart.add('Provenance', {
    target: targets.map(({ reference }) => ({ reference })),
    recorded: `${at.date}T20:00:00.000Z`,
    agent: [
      {
        type: terminology('provenance-participant-type', 'author'),
        who: at.place.clinician,
        onBehalfOf: at.place.organization,
      },
    ],
  })
}

export function goal(chart: Chart, at: Visit, text: string, addresses?: Ref): Ref {
  const added = chart.add(
    'Goal',
    {
      lifecycleStatus: 'active',
      description: { text },
      subject: chart.patient,
      startDate: at.date,
      expressedBy: at.place.clinician,
      ...(addresses === undefined ? {} : { addresses: [addresses] }),
    },
    at.place,
  )
  return { ...added, display: text }
}

/** A plan of care with a narrative, as systems write it from the plan's own words. */
export function carePlan(
  chart: Chart,
  at: Visit,
  plan: {
    readonly title: string
    readonly addresses: readonly Ref[]
    readonly goals?: readonly Ref[]
    readonly activities: readonly Code[]
  },
): Ref {
  const words = [plan.title, ...plan.activities.map(code => code.display)].join('; ')
  return chart.add(
    'CarePlan',
    {
      text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${words}</div>` },
      status: 'active',
      intent: 'plan',
      category: [
        {
          coding: [
            { system: 'http://hl7.org/fhir/us/core/CodeSystem/careplan-category', code: 'assess-plan' },
          ],
        },
      ],
      title: plan.title,
      subject: chart.patient,
      encounter: at.encounter,
      period: { start: at.date },
      author: at.place.clinician,
      addresses: plan.addresses,
      ...(plan.goals === undefined ? {} : { goal: plan.goals }),
      activity: plan.activities.map(code => ({
        detail: { code: concept(code), status: 'in-progress', location: at.place.location },
      })),
    },
    at.place,
  )
}

export function careTeam(chart: Chart, at: Visit, members: readonly Ref[], reason?: Code): Ref {
  return chart.add(
    'CareTeam',
    {
      status: 'active',
      name: `Care team of ${chart.person.given} ${chart.person.family}`,
      subject: chart.patient,
      encounter: at.encounter,
      period: { start: at.date },
      participant: [chart.patient, ...members].map(member => ({ member })),
      ...(reason === undefined ? {} : { reasonCode: [concept(reason)] }),
      managingOrganization: [at.place.organization],
    },
    at.place,
  )
}
