import { describe, expect, test } from 'vitest'
import { refusalOf, search } from './exchange.ts'

describe('searches that US Core clients make', () => {
  test.each([
    ['Patient?_id=1', '_id=1'],
    [
      'Patient?identifier=http://hospital.example/mrn|123',
      'identifier=http%3A%2F%2Fhospital.example%2Fmrn%7C123',
    ],
    ['Patient?name=Shaw&gender=female', 'gender=female&name=Shaw'],
    ['Patient?birthdate=1987-02-20&family=Shaw', 'birthdate=1987-02-20&family=Shaw'],
    ['AllergyIntolerance?patient=1', 'patient=1'],
    ['CarePlan?patient=Patient/1&category=assess-plan', 'category=assess-plan&patient=Patient%2F1'],
    ['CareTeam?patient=1&status=active&role=17561000', 'patient=1&role=17561000&status=active'],
    [
      'Condition?patient=1&clinical-status=active,recurrence',
      'clinical-status=active%2Crecurrence&patient=1',
    ],
    ['Condition?patient=1&asserted-date=ge2020', 'asserted-date=ge2020&patient=1'],
    ['Device?patient=1&type=468063009', 'patient=1&type=468063009'],
    ['DiagnosticReport?patient=1&category=LAB&date=ge2020-01-01', 'category=LAB&date=ge2020-01-01&patient=1'],
    [
      'DocumentReference?patient=1&type=http://loinc.org|34133-9',
      'patient=1&type=http%3A%2F%2Floinc.org%7C34133-9',
    ],
    [
      'Encounter?patient=1&date=ge2020-01-01T00:00:00%2B01:00&date=le2021',
      'date=ge2020-01-01T00%3A00%3A00%2B01%3A00&date=le2021&patient=1',
    ],
    [
      'Goal?patient=1&target-date=le2030&lifecycle-status=active',
      'lifecycle-status=active&patient=1&target-date=le2030',
    ],
    ['Immunization?patient=1&status=completed', 'patient=1&status=completed'],
    [
      'MedicationRequest?patient=1&intent=order&_include=MedicationRequest:medication',
      'intent=order&patient=1&_include=MedicationRequest%3Amedication',
    ],
    [
      'Observation?patient=1&category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory&_sort=-date&_count=50',
      'category=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fobservation-category%7Claboratory&patient=1&_count=50&_sort=-date',
    ],
    [
      'Observation?patient=1&value-quantity=ge5.4|http://unitsofmeasure.org|mg',
      'patient=1&value-quantity=ge5.4%7Chttp%3A%2F%2Funitsofmeasure.org%7Cmg',
    ],
    ['Observation?value-quantity=5.40||mg', 'value-quantity=5.40%7C%7Cmg'],
    ['Organization?name=A%5C,B', 'name=A%5C%2CB'],
    ['Organization?name=A%5C,B,C%5C%5C', 'name=A%5C%2CB%2CC%5C%5C'],
    ['Observation?code=a%5C|b|c%5C$d', 'code=a%5C%7Cb%7Cc%5C%24d'],
    [
      'Procedure?patient=1&_lastUpdated=ge2024-01-01&_lastUpdated=lt2025-01-01',
      '_lastUpdated=ge2024-01-01&_lastUpdated=lt2025-01-01&patient=1',
    ],
    [
      'PractitionerRole?specialty=http://nucc.org/provider-taxonomy|208D00000X',
      'specialty=http%3A%2F%2Fnucc.org%2Fprovider-taxonomy%7C208D00000X',
    ],
    ['Condition?patient=1&_revinclude=Provenance:target', 'patient=1&_revinclude=Provenance%3Atarget'],
    [
      'QuestionnaireResponse?questionnaire=http://a.example/q|1.0',
      'questionnaire=http%3A%2F%2Fa.example%2Fq%7C1.0',
    ],
    ['RiskAssessment?probability=gt0.8', 'probability=gt0.8'],
    ['Observation?code=|4548-4', 'code=%7C4548-4'],
    ['Observation?code=http://loinc.org|', 'code=http%3A%2F%2Floinc.org%7C'],
    ['Observation?subject=https://gw.example/fhir/Patient/1,Group/2', 'subject=Patient%2F1%2CGroup%2F2'],
    ['ValueSet?url=http://a.example/vs', 'url=http%3A%2F%2Fa.example%2Fvs'],
  ])('%s', (query, canonical) => {
    expect(search(`/fhir/${query}`).canonical).toBe(canonical)
  })

  test('become typed parameters in canonical order, whatever the order of the request', () => {
    const expected = {
      code: 'search-type',
      resourceType: 'Observation',
      parameters: [
        { name: 'code', value: 'http://loinc.org|4548-4', type: 'token' },
        { name: 'date', value: 'ge2020', type: 'date' },
        { name: 'date', value: 'le2021', type: 'date' },
        { name: 'patient', value: '1', type: 'reference' },
      ],
      sort: '-date,_id',
      count: 20,
      includes: [
        { reverse: false, sourceType: 'Observation', parameter: 'encounter', targetType: 'Encounter' },
        { reverse: true, sourceType: 'Provenance', parameter: 'target' },
      ],
      offset: 0,
      canonical:
        'code=http%3A%2F%2Floinc.org%7C4548-4&date=ge2020&date=le2021&patient=1&_include=Observation%3Aencounter%3AEncounter&_revinclude=Provenance%3Atarget&_sort=-date%2C_id',
      method: 'GET',
    }
    const terms = [
      'date=le2021',
      '_revinclude=Provenance:target',
      'patient=1',
      '_sort=-date,_id',
      'date=ge2020',
      '_include=Observation:encounter:Encounter',
      'code=http://loinc.org|4548-4',
    ]
    expect(search(`/fhir/Observation?${terms.join('&')}`)).toEqual(expected)
    expect(search(`/fhir/Observation?${terms.reverse().join('&')}`)).toEqual(expected)
  })

  test('lose what changes nothing in the answer', () => {
    const inert = '_format=json&_pretty=false&_summary=false&_total=accurate&_contained=false'
    expect(search(`/fhir/Patient?name=a&${inert}`)).toEqual(search('/fhir/Patient?name=a'))
  })

  test.each([
    ['', 20],
    ['_count=1', 1],
    ['_count=100', 100],
    ['_count=101', 100],
    ['_count=999999999', 100],
  ])('page by %s', (query, count) => {
    expect(search(`/fhir/Patient?${query}`).count).toBe(count)
  })
})

describe('parameters that are refused for everybody alike', () => {
  test.each([
    ['shoe-size=43', 'unknown-parameter'],
    ['code=1', 'unknown-parameter'],
    ['constructor=1', 'unknown-parameter'],
    ['__proto__=1', 'unknown-parameter'],
    ['_id:missing=true', 'modifier-refused'],
    ['name:exact=a', 'modifier-refused'],
    ['name%3Aexact=a', 'modifier-refused'],
    ['gender:not=male', 'modifier-refused'],
    ['identifier:of-type=a|b|c', 'modifier-refused'],
    ['general-practitioner:Practitioner=1', 'modifier-refused'],
    ['general-practitioner.name=a', 'modifier-refused'],
    ['general-practitioner:Practitioner.name=a', 'modifier-refused'],
    ['_include:iterate=Patient:organization', 'modifier-refused'],
    ['_has:Condition:patient:code=1', 'not-supported'],
    ['%5Fhas:Condition:patient:code=1', 'not-supported'],
    ['_has%3ACondition%3Apatient%3Acode=1', 'not-supported'],
    ['_has=1', 'not-supported'],
    ['_security=R', 'not-supported'],
    ['_%73ecurity=R', 'not-supported'],
    ['_tag=x', 'not-supported'],
    ['_profile=http://a.example', 'not-supported'],
    ['_source=http://a.example', 'not-supported'],
    ['_filter=code%20eq%201', 'not-supported'],
    ['_query=x', 'not-supported'],
    ['_content=x', 'not-supported'],
    ['_text=x', 'not-supported'],
    ['_list=1', 'not-supported'],
    ['_elements=id', 'not-supported'],
    ['_summary=count', 'not-supported'],
    ['_summary=true', 'not-supported'],
    ['_contained=true', 'not-supported'],
    ['_offset=10', 'not-supported'],
    ['_method=DELETE', 'not-supported'],
    ['_total=all', 'bad-parameter'],
    ['_pretty=maybe', 'bad-parameter'],
    ['_format=xml', 'not-acceptable'],
    ['%255Fhas=1', 'bad-parameter'],
    ['name[0]=a', 'bad-parameter'],
    ['name%5B%5D=a', 'bad-parameter'],
    ['na me=a', 'bad-request'],
    ['na+me=a', 'bad-parameter'],
    ['name', 'bad-parameter'],
    ['=a', 'bad-parameter'],
    ['name=a&', 'bad-parameter'],
    ['&name=a', 'bad-parameter'],
    ['name=%ff', 'bad-parameter'],
    ['name=%c0%80', 'bad-parameter'],
    ['name=%ed%a0%80', 'bad-parameter'],
    ['name=%2', 'bad-parameter'],
    ['name=a%00', 'bad-parameter'],
    ['name=a%0d%0aX:y', 'bad-parameter'],
    ['name=a%C2%85', 'bad-parameter'],
    ['name=', 'bad-parameter'],
    ['name=+', 'bad-parameter'],
    ['name=a,,b', 'bad-parameter'],
    ['name=a%5Cb', 'bad-parameter'],
    ['name=a%5C', 'bad-parameter'],
    [`name=${'a'.repeat(1_025)}`, 'bad-parameter'],
    [`_id=${'a,'.repeat(200)}a`, 'bad-parameter'],
    ['name=a&name=b', 'duplicate-parameter'],
    ['name=a&n%61me=b', 'duplicate-parameter'],
    ['_sort=name&_sort=family', 'duplicate-parameter'],
    ['_count=1&_count=2', 'duplicate-parameter'],
    ['birthdate=ge1980&birthdate=le1990&birthdate=ne1985', 'duplicate-parameter'],
    [Array.from({ length: 41 }, (_, index) => `p${index}=1`).join('&'), 'bad-request'],
  ])('Patient?%s', (query, code) => {
    expect(refusalOf(() => search(`/fhir/Patient?${query}`))).toBe(code)
  })

  test.each(['code-value-quantity=1$2', 'component-code-value-concept=1$2'])(
    'composite: Observation?%s',
    query => {
      expect(refusalOf(() => search(`/fhir/Observation?${query}`))).toBe('not-supported')
    },
  )

  test('special: Location?near', () => {
    expect(refusalOf(() => search('/fhir/Location?near=1|2|3|km'))).toBe('not-supported')
  })
})

describe('values are checked by the type of their parameter', () => {
  test.each([
    '2024',
    '2024-02',
    '2024-02-29',
    'ge2024-02-29',
    '2024-01-01T10:00',
    '2024-01-01T10:00:00.123Z',
    'ap2024',
  ])('a date may be %s', value => {
    expect(refusalOf(() => search(`/fhir/Observation?date=${value}`))).toBe('accepted')
  })

  test.each([
    '24',
    '2024-13',
    '2023-02-29',
    '2024-04-31',
    '0000',
    '2024-01-01T25:00',
    '2024-01-01T10:00:00+01:00',
    'xx2024',
    '2024-1-1',
    'today',
    '2024-01-01 10:00'.replace(' ', '+'),
  ])('a date may not be %s', value => {
    expect(refusalOf(() => search(`/fhir/Observation?date=${value}`))).toBe('bad-parameter')
  })

  test.each(['1', 'Patient/1', 'Group/a.b-c', 'https://gw.example/fhir/Patient/1'])(
    'a reference may be %s',
    value => {
      expect(refusalOf(() => search(`/fhir/Observation?subject=${value}`))).toBe('accepted')
    },
  )

  test.each([
    'https://evil.example/fhir/Patient/1',
    'https://gw.example/fhirx/Patient/1',
    'https://gw.example/fhir/1',
    'http://gw.example/fhir/Patient/1',
    'urn:uuid:3b0f6a0e-0000-4000-8000-000000000000',
    '//evil.example/Patient/1',
    '/Patient/1',
    '../Patient/1',
    'Patient/1/_history/2',
    'Patient?identifier=1',
    'Foo/1',
    'Patient/',
    'Patient/a_b',
    'https://gw.example/fhir/Patient/1%3Fx',
  ])('a reference may not be %s', value => {
    expect(refusalOf(() => search(`/fhir/Observation?subject=${encodeURIComponent(value)}`))).toBe(
      'bad-parameter',
    )
  })

  test.each([
    ['Observation?code=a|b|c'],
    ['Observation?code=|'],
    ['Observation?code=a%20b|c'],
    ['Observation?value-quantity=five'],
    ['Observation?value-quantity=5|mg'],
    ['Observation?value-quantity=5|http://unitsofmeasure.org|'],
    ['RiskAssessment?probability=1.'],
    ['RiskAssessment?probability=0x1'],
    ['ValueSet?url=http://a.example/v%20s'],
    ['Patient?_id=a/b'],
    ['Patient?_id=Patient/1'],
  ])('%s is refused', query => {
    expect(refusalOf(() => search(`/fhir/${query}`))).toBe('bad-parameter')
  })
})

describe('_sort, _count and includes', () => {
  test.each(['date', '-date', '-date,_lastUpdated,_id', 'code,-date'])('_sort=%s is accepted', sort => {
    expect(search(`/fhir/Observation?_sort=${sort}`).sort).toBe(sort)
  })

  test.each([
    '',
    '-',
    '--date',
    'date,date',
    'date,-date',
    'birthdate',
    '_score',
    '_security',
    '_tag',
    '_profile',
    'code-value-quantity',
    'subject.name',
    'date:asc',
    '+date',
    'encounter',
    'date,-performer',
    'subject',
  ])('_sort=%s is refused', sort => {
    expect(refusalOf(() => search(`/fhir/Observation?_sort=${sort}`))).toBe('bad-parameter')
  })

  test.each(['0', '-1', '1.5', '1e2', 'ten', '', '%2B5', '9999999999'])('_count=%s is refused', count => {
    expect(refusalOf(() => search(`/fhir/Observation?_count=${count}`))).toBe('bad-parameter')
  })

  test.each([
    ['_include=*', 'bad-parameter'],
    ['_include=Observation:*', 'bad-parameter'],
    ['_revinclude=*', 'bad-parameter'],
    ['_include=Observation', 'bad-parameter'],
    ['_include=Observation:code', 'bad-parameter'],
    ['_include=Observation:nothing', 'bad-parameter'],
    ['_include=Encounter:location', 'bad-parameter'],
    ['_include=Observation:subject:Encounter', 'bad-parameter'],
    ['_include=Observation:subject:Patient:iterate', 'bad-parameter'],
    ['_include=Foo:subject', 'unknown-type'],
    ['_revinclude=Appointment:location', 'bad-parameter'],
    ['_revinclude=Provenance:target:Patient', 'bad-parameter'],
    ['_revinclude=Bundle:composition', 'bad-parameter'],
    ['_revinclude=AuditEvent:entity', 'not-supported'],
    ['_include=Observation:subject&_include=Observation:subject', 'duplicate-parameter'],
  ])('%s is refused', (query, code) => {
    expect(refusalOf(() => search(`/fhir/Observation?${query}`))).toBe(code)
  })

  test('several different includes are accepted', () => {
    const query =
      '_include=Observation:subject&_include=Observation:encounter&_revinclude=DiagnosticReport:result'
    expect(search(`/fhir/Observation?${query}`).includes).toHaveLength(3)
  })

  test('an include over a canonical URL has nothing to follow', () => {
    const query = '_include=QuestionnaireResponse:questionnaire'
    expect(refusalOf(() => search(`/fhir/QuestionnaireResponse?${query}`))).toBe('bad-parameter')
  })
})
