import { describe, expect, it } from 'vitest'
import { deidentified, faults, KEY, NOW, RULES, standards } from './deidentify-kit.ts'

type Json = Record<string, unknown>
const SCT = 'http://snomed.info/sct'
const LOINC = 'http://loinc.org'
const UCUM = 'http://unitsofmeasure.org'
const coded = (system: string, code: string) => ({
  coding: [{ system, code, display: 'as sent' }],
  text: 'as typed',
})
const patient = (more: Json = {}): Json => ({ resourceType: 'Patient', id: 'p1', ...more })
const observation = (more: Json): Json => ({
  resourceType: 'Observation',
  id: 'o1',
  status: 'final',
  code: coded(LOINC, '8302-2'),
  ...more,
})

describe('names, addresses and numbers of a person', () => {
  const whole = patient({
    name: [{ family: 'Zeta', given: ['Quinn'], text: 'Quinn Zeta' }],
    telecom: [
      { system: 'phone', value: '555-0100' },
      { system: 'email', value: 'q@example.org' },
    ],
    identifier: [
      { system: 'urn:mrn', value: 'MRN-77' },
      { type: { text: 'SSN' }, value: '999-12-3456' },
    ],
    photo: [{ contentType: 'image/png', data: 'AAAA' }],
    contact: [{ name: { family: 'Eta' }, relationship: [coded(SCT, '72705000')] }],
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Quinn</div>' },
    gender: 'female',
    birthDate: '1980-05-06',
    _birthDate: {
      extension: [
        {
          url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime',
          valueDateTime: '1980-05-06T04:05:06Z',
        },
      ],
    },
    multipleBirthInteger: 2,
    address: [
      {
        use: 'home',
        line: ['1 Elm St'],
        city: 'Boston',
        district: 'Suffolk',
        state: 'MA',
        postalCode: '02108-1234',
        country: 'US',
        text: '1 Elm St',
        extension: [
          {
            url: 'http://hl7.org/fhir/StructureDefinition/geolocation',
            extension: [{ url: 'latitude', valueDecimal: 42.1 }],
          },
        ],
      },
    ],
    extension: [
      { url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex', valueCode: 'F' },
      { url: 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName', valueString: 'Theta' },
      { url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace', valueAddress: { city: 'Rome' } },
      {
        url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race',
        extension: [
          {
            url: 'ombCategory',
            valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code: '2106-3', display: 'White' },
          },
          { url: 'text', valueString: 'Quinn says white' },
        ],
      },
    ],
    meta: {
      versionId: '7',
      lastUpdated: '2024-01-02T03:04:05Z',
      source: 'urn:site',
      profile: ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient'],
      security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'SUD' }],
    },
  })

  it('leave state, first digits of the ZIP code, year of birth and sex after safe harbor', () => {
    const { id, ...left } = deidentified(whole)
    expect(left).toEqual({
      resourceType: 'Patient',
      gender: 'female',
      birthDate: '1980',
      multipleBirthInteger: 2,
      address: [{ use: 'home', state: 'MA', postalCode: '021', country: 'US' }],
      extension: [
        { url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex', valueCode: 'F' },
        {
          url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race',
          extension: [
            {
              url: 'ombCategory',
              valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code: '2106-3' },
            },
          ],
        },
      ],
    })
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('leave town, whole ZIP code and dates too in a limited data set', () => {
    const left = deidentified(whole, 'limited-data-set')
    expect(left['birthDate']).toBe('1980-05-06')
    expect(left['address']).toEqual([
      { use: 'home', city: 'Boston', state: 'MA', postalCode: '02108-1234', country: 'US' },
    ])
    expect(left['meta']).toEqual({
      lastUpdated: '2024-01-02T03:04:05Z',
      security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'SUD' }],
    })
    for (const key of ['name', 'telecom', 'identifier', 'photo', 'contact', 'text', '_birthDate'])
      expect(left[key]).toBeUndefined()
  })

  it('are valid R4 without them', () => {
    expect(faults(deidentified(whole))).toEqual([])
    expect(faults(deidentified(whole, 'limited-data-set'))).toEqual([])
  })
})

describe('three digits of a ZIP code', () => {
  const zip = (postalCode: string) => {
    const [address] = (deidentified(patient({ address: [{ postalCode }] }))['address'] ?? [{}]) as Json[]
    return address?.['postalCode']
  }

  it.each([
    ['10001', '100'],
    ['02108-1234', '021'],
    ['89101', '891'],
    ['00601', '006'],
  ])('of %s stay as %s where more than 20,000 people live', (code, prefix) => {
    expect(zip(code)).toBe(prefix)
  })

  it.each([
    '03601',
    '05901',
    '10201',
    '20299',
    '20301',
    '20401',
    '20501',
    '36901',
    '55601',
    '69201',
    '75301',
    '77201',
    '82101',
    '82301',
    '87801',
    '87901',
    '88401',
    '89301',
  ])('of %s are 000', code => {
    expect(zip(code)).toBe('000')
  })

  it.each(['09012', '96201', '00001'])('of %s are 000, for nobody was counted there', code => {
    expect(zip(code)).toBe('000')
  })

  it('are not taken from what is no ZIP code', () => {
    expect(zip('SW1A 1AA')).toBeUndefined()
    expect(zip('850')).toBeUndefined()
  })

  it('are those of the 2020 count', () => {
    expect(RULES.zipPrefixes.size).toBe(894 - 18)
  })
})

describe('dates', () => {
  it('become years in every element that holds one', () => {
    const left = deidentified({
      resourceType: 'Encounter',
      id: 'e1',
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB', display: 'x' },
      period: { start: '2020-03-04T10:00:00Z', end: '2021-01-02' },
      length: { value: 50, unit: 'min', system: UCUM, code: 'min' },
      statusHistory: [{ status: 'arrived', period: { start: '2020-03-04' } }],
    })
    expect(left['period']).toEqual({ start: '2020', end: '2021' })
    expect(left['length']).toEqual({ value: 50, unit: 'min', system: UCUM, code: 'min' })
    expect(left['statusHistory']).toEqual([{ status: 'arrived', period: { start: '2020' } }])
    expect(faults(left)).toEqual([])
  })

  it('of a timing become years; hours of taking medicine stay', () => {
    const left = deidentified({
      resourceType: 'MedicationRequest',
      id: 'm1',
      status: 'active',
      intent: 'order',
      subject: { reference: 'Patient/p1', display: 'Quinn Zeta' },
      medicationCodeableConcept: { text: 'what Quinn takes' },
      authoredOn: '2020-02-03',
      dosageInstruction: [
        {
          text: 'for Quinn',
          patientInstruction: 'Quinn: one',
          timing: {
            event: ['2020-02-03T08:00:00Z'],
            repeat: {
              boundsPeriod: { start: '2020-02-03' },
              frequency: 2,
              period: 1.5,
              periodUnit: 'd',
              timeOfDay: ['08:00:00'],
            },
          },
        },
      ],
      note: [{ text: 'Quinn called', time: '2020-02-04' }],
    })
    expect(left['dosageInstruction']).toEqual([
      {
        timing: {
          event: ['2020'],
          repeat: {
            boundsPeriod: { start: '2020' },
            frequency: 2,
            period: 1.5,
            periodUnit: 'd',
            timeOfDay: ['08:00:00'],
          },
        },
      },
    ])
    expect(left['note']).toBeUndefined()
    expect(left['medicationCodeableConcept']).toEqual({
      extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
    })
    expect(faults(left)).toEqual([])
  })

  it('of an instant go, and say that they are masked where R4 requires them', () => {
    const provenance = {
      resourceType: 'Provenance',
      id: 'v1',
      target: [{ reference: 'Patient/p1' }],
      recorded: '2020-01-02T03:04:05Z',
      agent: [{ who: { display: 'Dr. Who' } }],
    }
    const left = deidentified(provenance)
    expect(left['recorded']).toBeUndefined()
    expect(left['_recorded']).toEqual({
      extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' }],
    })
    expect(faults(left)).toEqual([])
    expect(deidentified(provenance, 'limited-data-set')['recorded']).toBe('2020-01-02T03:04:05Z')
    expect(
      deidentified(observation({ issued: '2020-01-02T03:04:05Z', effectiveInstant: '2020-01-02T03:04:05Z' })),
    ).not.toHaveProperty('issued')
  })

  it('of an appointment say that they are masked, for R4 wants them', () => {
    const left = deidentified({
      resourceType: 'Appointment',
      id: 'a1',
      status: 'booked',
      start: '2020-01-02T03:04:05Z',
      end: '2020-01-02T04:04:05Z',
      participant: [{ actor: { reference: 'Patient/p1' }, status: 'accepted' }],
    })
    expect(JSON.stringify(left)).not.toContain('2020')
    expect(faults(left)).toEqual([])
  })
})

describe('ages over 89', () => {
  const onset = (age: Json, more: Json = {}) =>
    deidentified({
      resourceType: 'Condition',
      id: 'c1',
      subject: { reference: 'Patient/p1' },
      onsetAge: age,
      ...more,
    })['onsetAge']
  const years = (value: number) => ({ value, unit: 'years', system: UCUM, code: 'a' })

  it('are ninety and above, in whatever unit', () => {
    expect(onset(years(89))).toEqual(years(89))
    expect(onset(years(90))).toEqual({ ...years(90), comparator: '>=' })
    expect(onset(years(97))).toEqual({ ...years(90), comparator: '>=' })
    expect(onset({ value: 1164, unit: 'mo', system: UCUM, code: 'mo' })).toEqual({
      value: 90,
      comparator: '>=',
      unit: 'a',
      system: UCUM,
      code: 'a',
    })
    expect(onset({ value: 30, unit: 'mo', system: UCUM, code: 'mo' })).toEqual({
      value: 30,
      unit: 'mo',
      system: UCUM,
      code: 'mo',
    })
  })

  it('are not told by an age and a year that add up to one', () => {
    expect(onset(years(80), { recordedDate: '2010-01-01' })).toBeUndefined()
    expect(onset(years(50), { recordedDate: '2010-01-01' })).toEqual(years(50))
  })

  it('take the year of birth along', () => {
    const born = (birthDate: string, more: Json = {}) =>
      deidentified(patient({ birthDate, ...more }))['birthDate']
    expect(born('1936-12-31')).toBeUndefined()
    expect(born('1937-01-01')).toBe('1937')
    expect(born('1900-01-01', { deceasedDateTime: '1950-05-05' })).toBe('1900')
    expect(born('1900-01-01', { deceasedDateTime: '1995-05-05' })).toBeUndefined()
  })

  it('are found in observations and ranges', () => {
    const age = observation({ code: coded(LOINC, '30525-0'), valueQuantity: years(93) })
    expect(deidentified(age)['valueQuantity']).toEqual({ ...years(90), comparator: '>=' })
    expect(deidentified(age, 'limited-data-set')['valueQuantity']).toEqual(years(93))
    const range = deidentified({
      resourceType: 'Condition',
      id: 'c1',
      subject: { reference: 'Patient/p1' },
      onsetRange: { low: years(85), high: years(95) },
    })
    expect(range['onsetRange']).toEqual({ low: years(85) })
  })

  it('go where a bare number tells one', () => {
    const bare = (valueInteger: number) => observation({ code: coded(LOINC, '30525-0'), valueInteger })
    expect(deidentified(bare(95))['valueInteger']).toBeUndefined()
    expect(deidentified(bare(45))['valueInteger']).toBe(45)
    expect(deidentified(observation({ valueInteger: 95 }))['valueInteger']).toBe(95)
  })

  it('are not seen in other quantities', () => {
    const height = observation({ valueQuantity: { value: 170, unit: 'cm', system: UCUM, code: 'cm' } })
    expect(deidentified(height)['valueQuantity']).toEqual({
      value: 170,
      unit: 'cm',
      system: UCUM,
      code: 'cm',
    })
  })
})

describe('codes and quantities', () => {
  it('stay where their terminology is published, without what was written beside them', () => {
    const left = deidentified(
      observation({
        bodySite: coded(SCT, '40983000'),
        valueCodeableConcept: coded('urn:our-own', 'visit-4711'),
      }),
    )
    expect(left['bodySite']).toEqual({ coding: [{ system: SCT, code: '40983000' }] })
    expect(left['valueCodeableConcept']).toBeUndefined()
    expect(left['code']).toEqual({ coding: [{ system: LOINC, code: '8302-2' }] })
  })

  it('go where the system is one of identifiers', () => {
    const number = { coding: [{ system: 'http://hl7.org/fhir/sid/us-ssn', code: '999123456' }] }
    expect(
      deidentified(observation({ valueCodeableConcept: number }))['valueCodeableConcept'],
    ).toBeUndefined()
  })

  it('go where a code has not the shape of its terminology', () => {
    expect(
      deidentified(observation({ bodySite: { coding: [{ system: SCT, code: 'Quinn' }] } }))['bodySite'],
    ).toBeUndefined()
    expect(
      deidentified(
        observation({ valueQuantity: { value: 5, unit: 'Quinns', system: UCUM, code: '{Quinn}' } }),
      )['valueQuantity'],
    ).toBeUndefined()
  })

  it('of a number keep its digits', () => {
    const left = deidentified(
      observation({ valueQuantity: { value: 1.5, unit: 'mg', system: UCUM, code: 'mg' } }),
    )
    expect(left['valueQuantity']).toEqual({ value: 1.5, unit: 'mg', system: UCUM, code: 'mg' })
  })
})

describe('devices, insurance and images', () => {
  it('lose their numbers', () => {
    const device = deidentified({
      resourceType: 'Device',
      id: 'd1',
      status: 'active',
      udiCarrier: [{ deviceIdentifier: '0844', carrierHRF: '(01)0844' }],
      serialNumber: 'SN-1',
      lotNumber: 'L-1',
      distinctIdentifier: 'DI-1',
      deviceName: [{ name: "Quinn's pump", type: 'user-friendly-name' }],
      url: 'http://10.0.0.1/pump',
      type: coded(SCT, '702172008'),
    })
    expect(Object.keys(device)).toEqual(['resourceType', 'id', 'status', 'type'])
    const coverage = deidentified({
      resourceType: 'Coverage',
      id: 'v1',
      status: 'active',
      subscriberId: 'S-1',
      beneficiary: { reference: 'Patient/p1' },
      payor: [{ display: 'Acme' }],
      class: [
        { type: coded('http://terminology.hl7.org/CodeSystem/coverage-class', 'group'), value: 'G-77' },
      ],
    })
    expect(JSON.stringify(coverage)).not.toMatch(/S-1|G-77|Acme/)
    expect(faults(coverage)).toEqual([])
    const study = deidentified({
      resourceType: 'ImagingStudy',
      id: 'i1',
      status: 'available',
      subject: { reference: 'Patient/p1' },
      series: [
        {
          uid: '1.2.3.4',
          modality: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: 'DX' },
          instance: [
            {
              uid: '1.2.3.4.5',
              sopClass: { system: 'urn:ietf:rfc:3986', code: 'urn:oid:1.2.840.10008.5.1.4.1.1.2' },
            },
          ],
        },
      ],
    })
    expect(JSON.stringify(study)).not.toContain('1.2.3.4')
    expect(JSON.stringify(study)).toContain('urn:oid:1.2.840.10008.5.1.4.1.1.2')
    expect(faults(study)).toEqual([])
  })

  it('do not leave where they are documents', () => {
    for (const resourceType of ['Binary', 'Media', 'DocumentReference', 'Composition', 'Bundle'])
      expect(() => deidentified({ resourceType, id: 'x' })).toThrow('cannot be de-identified')
  })

  it('do not leave inside another resource either', () => {
    const left = deidentified(
      observation({
        contained: [
          { resourceType: 'Media', id: 'picture-of-quinn', content: { data: 'AAAA' } },
          { resourceType: 'Patient', id: 'quinn-zeta', name: [{ family: 'Zeta' }], gender: 'female' },
        ],
        subject: { reference: '#quinn-zeta' },
        derivedFrom: [{ reference: '#picture-of-quinn' }],
      }),
    )
    expect(left['contained']).toEqual([{ resourceType: 'Patient', id: 'c1', gender: 'female' }])
    expect(left['subject']).toEqual({ reference: '#c1' })
    expect(left['derivedFrom']).toBeUndefined()
    expect(faults(left)).toEqual([])
  })

  it('of an organization leave a pseudonymous identifier, for R4 wants one', () => {
    const left = deidentified({
      resourceType: 'Organization',
      id: 'g1',
      name: 'Elm Clinic',
      type: [coded('http://terminology.hl7.org/CodeSystem/organization-type', 'prov')],
    })
    expect(JSON.stringify(left)).not.toContain('Elm')
    expect(faults(left)).toEqual([])
  })
})

describe('what modifies a meaning', () => {
  it('is masked and not left out', () => {
    const left = deidentified(
      observation({
        implicitRules: 'http://site.example/rules',
        modifierExtension: [{ url: 'http://site.example/not', valueBoolean: true }],
      }),
    )
    expect(JSON.stringify(left)).not.toContain('site.example')
    expect(left['_implicitRules']).toBeDefined()
    expect(left['modifierExtension']).toEqual([
      { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'masked' },
    ])
  })
})

describe('pseudonyms', () => {
  const reference = (by = standards(), target = 'Patient/p1') =>
    (deidentified(observation({ subject: { reference: target } }), 'safe-harbor', by)['subject'] as Json)[
      'reference'
    ]

  it('join references with what they lead to', () => {
    expect(reference()).toBe(`Patient/${String(deidentified(patient())['id'])}`)
    expect(reference(standards(), 'https://gateway.example/fhir/Patient/p1/_history/3')).toBe(reference())
    const uuid = '3f6fd0bb-6cd3-eb3f-4401-cd38ace25f2b'
    expect(reference(standards(), `urn:uuid:${uuid}`)).toBe(
      `urn:uuid:${String(deidentified({ resourceType: 'Patient', id: uuid })['id'])}`,
    )
  })

  it('are the same for one recipient under one key and standard after standard', () => {
    expect(reference(standards())).toBe(reference(standards()))
    expect(deidentified(patient(), 'limited-data-set')['id']).toBe(deidentified(patient())['id'])
  })

  it('differ by recipient, by key and by record', () => {
    const other = { id: 'k2', secret: Buffer.alloc(32, 8) }
    const all = [
      reference(),
      reference(standards('https://issuer.example|other')),
      reference(standards('https://issuer.example|study', other)),
      reference(standards(), 'Patient/p2'),
      reference(standards(), 'Group/p1'),
    ]
    expect(new Set(all.map(each => String(each).split('/')[1])).size).toBe(5)
  })

  it('of elsewhere do not say where', () => {
    expect(reference(standards(), 'https://elsewhere.example/fhir/Patient/77')).toMatch(
      /^urn:uuid:[0-9a-f-]{36}$/,
    )
    expect(reference(standards(), 'Patient?identifier=urn:mrn|77')).toMatch(/^urn:uuid:[0-9a-f-]{36}$/)
  })

  it('have keys of bytes that name recipient, key and year', () => {
    const keyOf = (by: ReturnType<typeof standards>) => by['safe-harbor'].key
    const next = new Date('2027-01-01T00:00:00Z')
    const keys = [
      keyOf(standards()),
      keyOf(standards('other')),
      keyOf(standards(undefined, { ...KEY, id: 'k2' })),
      keyOf(standards(undefined, KEY, () => next)),
    ]
    expect(new Set(keys).size).toBe(4)
    expect(keyOf(standards(undefined, KEY, () => NOW))).toBe(keys[0])
  })
})

describe('marks and predicates', () => {
  it('say pseudonymized and redacted, not anonymized', () => {
    const { security } = standards()['safe-harbor'].apply({ resourceType: 'Patient', id: 'p1' }, {} as never)
    expect(security.map(({ code }) => code)).toEqual(['PSEUDED', 'REDACTED'])
  })

  it.each([
    'id',
    'meta',
    'name',
    'identifier',
    'birthDate',
    'address',
    'telecom',
    'link',
    'deceased',
    'no-such-element',
  ])('touch Patient.%s in vain after safe harbor', element => {
    expect(standards()['safe-harbor'].removes('Patient', element)).toBe(true)
  })

  it('touch what stays as it is', () => {
    const { removes } = standards()['safe-harbor']
    expect([
      removes('Patient', 'gender'),
      removes('Condition', 'code'),
      removes('Observation', 'status'),
      removes('Observation', 'category'),
    ]).toEqual([false, false, false, false])
    expect([
      removes('Observation', 'subject'),
      removes('Observation', 'effective'),
      removes('Observation', 'value'),
      removes('Condition', 'onset'),
    ]).toEqual([true, true, true, true])
  })

  it('touch dates and towns of a limited data set, and nobody by name', () => {
    const { removes } = standards()['limited-data-set']
    expect([
      removes('Patient', 'birthDate'),
      removes('Observation', 'effective'),
      removes('Encounter', 'period'),
      removes('Patient', 'address.city'),
    ]).toEqual([false, false, false, false])
    expect([
      removes('Patient', 'name'),
      removes('Patient', 'id'),
      removes('Observation', 'subject'),
      removes('Patient', 'address'),
    ]).toEqual([true, true, true, true])
  })
})
