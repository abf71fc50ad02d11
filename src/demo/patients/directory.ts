import type { Fields, Place, Ref } from './chart.ts'

const LAST_UPDATED = '2026-10-01T08:00:00.000Z'
const RECIPIENT_CLASS = 'https://consentry.example/fhir/CodeSystem/recipient-class'
const NPI = 'http://hl7.org/fhir/sid/us-npi'

interface Unit {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly city: string
  readonly npi: string
  readonly type: 'prov' | 'pay' | 'govt' | 'edu'
  readonly partOf?: string
  /** Clinicians: id, given, family. */
  readonly clinicians?: readonly (readonly [id: string, given: string, family: string])[]
}

const unit = (
  id: string,
  name: string,
  city: string,
  state: string,
  npi: string,
  more: Partial<Unit> = {},
): Unit => ({ id, name, city, state, npi, type: 'prov', ...more })

const UNITS: readonly Unit[] = [
  unit('bayview-health', 'Bayview Health', 'Oakland', 'CA', '1417056111'),
  unit('bayview-hospital', 'Bayview General Hospital', 'Oakland', 'CA', '1417056129', {
    partOf: 'bayview-health',
    clinicians: [['mara-whitfield', 'Mara', 'Whitfield']],
  }),
  unit('bayview-otp', 'Bayview Harbor Opioid Treatment Program', 'Oakland', 'CA', '1417056137', {
    partOf: 'bayview-health',
    clinicians: [['ines-corvallis', 'Ines', 'Corvallis']],
  }),
  unit('bayview-behavioral', 'Bayview Behavioral Health', 'Oakland', 'CA', '1417056145', {
    partOf: 'bayview-health',
    clinicians: [['dorian-pell', 'Dorian', 'Pell']],
  }),
  unit('bayview-womens', "Bayview Women's Health", 'Oakland', 'CA', '1417056152', {
    partOf: 'bayview-health',
    clinicians: [['yuki-barreto', 'Yuki', 'Barreto']],
  }),
  unit('bayview-teen', 'Bayview Children and Teen Clinic', 'Oakland', 'CA', '1417056160', {
    partOf: 'bayview-health',
    clinicians: [['sol-hartigan', 'Sol', 'Hartigan']],
  }),
  unit('redwood-hospital', 'Redwood Regional Hospital', 'Eureka', 'CA', '1417056178', {
    clinicians: [['priya-lindqvist', 'Priya', 'Lindqvist']],
  }),
  unit('sierra-emergency', 'Sierra Basin Emergency Center', 'Reno', 'NV', '1417056186', {
    clinicians: [['tomas-okonjo', 'Tomas', 'Okonjo']],
  }),
  unit('cascade-clinic', 'Cascade Valley Clinic', 'Ashland', 'OR', '1417056228'),
  unit('golden-plan', 'Golden State Health Plan', 'Sacramento', 'CA', '1417056194', { type: 'pay' }),
  unit('coast-public-health', 'Coast County Public Health', 'Oakland', 'CA', '1417056202', { type: 'govt' }),
  unit('westlake-university', 'Westlake University', 'Davis', 'CA', '1417056210', { type: 'edu' }),
]

const place = (unitId: string, clinician: string): Place => {
  const owner = UNITS.find(({ id }) => id === unitId)
  const who = owner?.clinicians?.find(([id]) => id === clinician)
  return {
    organization: { reference: `Organization/${unitId}`, display: owner?.name ?? unitId },
    location: { reference: `Location/${unitId}-site`, display: owner?.name ?? unitId },
    clinician: { reference: `Practitioner/${clinician}`, display: `Dr. ${who?.[1]} ${who?.[2]}` },
    role: { reference: `PractitionerRole/${clinician}-role` },
    source: `https://fhir.${unitId}.example/r4`,
  }
}

/** Where the example patients are seen. */
export const PLACES = {
  hospital: place('bayview-hospital', 'mara-whitfield'),
  otp: place('bayview-otp', 'ines-corvallis'),
  behavioral: place('bayview-behavioral', 'dorian-pell'),
  womens: place('bayview-womens', 'yuki-barreto'),
  teen: place('bayview-teen', 'sol-hartigan'),
} as const

/** Recipients by general designation (42 CFR 2.31(a)(4)): the words of the form as name, coded classes beside. */
export const RECIPIENTS = {
  treating: { id: 'treating-providers', words: 'my treating providers', classes: ['treating-providers'] },
  tpo: {
    id: 'treatment-payment-operations',
    words:
      'my treating providers, health plans, third-party payers, and people helping to operate this program',
    classes: ['treating-providers', 'health-plans', 'third-party-payers', 'program-operations'],
  },
} as const

/** Organizations, sites, clinicians with their roles, the program's service, and the groups that Consents name. */
export function directory(): string[] {
  return [...UNITS.flatMap(unitResources), program(), ...Object.values(RECIPIENTS).map(group)].map(resource =>
    JSON.stringify(resource),
  )
}

const entry = (resourceType: string, id: string, fields: Fields): Fields => ({
  resourceType,
  id,
  meta: { versionId: '1', lastUpdated: LAST_UPDATED },
  ...fields,
})

function unitResources(owner: Unit): Fields[] {
  const organization: Ref = { reference: `Organization/${owner.id}`, display: owner.name }
  const address = { city: owner.city, state: owner.state, country: 'US' }
  return [
    entry('Organization', owner.id, {
      identifier: [{ system: NPI, value: owner.npi }],
      active: true,
      type: [
        {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/organization-type', code: owner.type }],
        },
      ],
      name: owner.name,
      address: [address],
      ...(owner.partOf === undefined ? {} : { partOf: { reference: `Organization/${owner.partOf}` } }),
    }),
    entry('Location', `${owner.id}-site`, {
      status: 'active',
      name: owner.name,
      mode: 'instance',
      address,
      managingOrganization: organization,
    }),
    ...(owner.clinicians ?? []).flatMap(who => clinicianResources(owner, organization, who)),
  ]
}

function clinicianResources(
  owner: Unit,
  organization: Ref,
  who: readonly [string, string, string],
): Fields[] {
  const [id, given, family] = who
  return [
    entry('Practitioner', id, { active: true, name: [{ family, given: [given], prefix: ['Dr.'] }] }),
    entry('PractitionerRole', `${id}-role`, {
      active: true,
      practitioner: { reference: `Practitioner/${id}`, display: `Dr. ${given} ${family}` },
      organization,
      code: [
        {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/practitioner-role', code: 'doctor' }],
        },
      ],
      location: [{ reference: `Location/${owner.id}-site` }],
    }),
  ]
}

const program = (): Fields =>
  entry('HealthcareService', 'bayview-otp-service', {
    active: true,
    providedBy: PLACES.otp.organization,
    name: 'Opioid treatment program',
    location: [PLACES.otp.location],
  })

const group = (recipients: (typeof RECIPIENTS)[keyof typeof RECIPIENTS]): Fields =>
  entry('Group', recipients.id, {
    active: true,
    type: 'practitioner',
    actual: false,
    code: {
      coding: recipients.classes.map(code => ({ system: RECIPIENT_CLASS, code })),
      text: recipients.words,
    },
    name: recipients.words,
  })
