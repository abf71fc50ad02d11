import {
  base64,
  type Chart,
  concept,
  decimal,
  type Fields,
  type Place,
  type Ref,
  terminology,
  type Visit,
} from './chart.ts'
import { type Code, type Diagnosis, sct } from './codes.ts'

const UCUM = 'http://unitsofmeasure.org'

/** One measured value: digits as text, UCUM unit. */
export interface Measured {
  readonly code: Code
  readonly value: string
  readonly unit: string
}

/** An ambulatory visit of half an hour at ten in the morning, Pacific time. */
export function visit(
  chart: Chart,
  place: Place,
  date: string,
  reason?: Code,
  type: Code = sct('185349003', 'Encounter for check up'),
): Visit {
  const encounter = chart.add(
    'Encounter',
    {
      status: 'finished',
      class: {
        system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
        code: 'AMB',
        display: 'ambulatory',
      },
      type: [concept(type)],
      subject: chart.patient,
      participant: [{ individual: place.clinician }],
      period: { start: `${date}T10:00:00-08:00`, end: `${date}T10:30:00-08:00` },
      ...(reason === undefined ? {} : { reasonCode: [concept(reason)] }),
      location: [{ location: place.location }],
      serviceProvider: place.organization,
    },
    place,
  )
  return { date, encounter, place }
}

export function condition(
  chart: Chart,
  at: Visit,
  diagnosis: Diagnosis,
  options: {
    readonly resolved?: boolean
    readonly category?: 'problem-list-item' | 'encounter-diagnosis'
  } = {},
): Ref {
  const added = chart.add(
    'Condition',
    {
      clinicalStatus: terminology('condition-clinical', options.resolved ? 'resolved' : 'active'),
      verificationStatus: terminology('condition-ver-status', 'confirmed'),
      category: [terminology('condition-category', options.category ?? 'problem-list-item')],
      code: { coding: [diagnosis.sct, diagnosis.icd], text: diagnosis.sct.display },
      subject: chart.patient,
      encounter: at.encounter,
      onsetDateTime: at.date,
      ...(options.resolved ? { abatementDateTime: at.date } : {}),
      recordedDate: at.date,
      recorder: at.place.clinician,
    },
    at.place,
  )
  return { ...added, display: diagnosis.sct.display }
}

function observation(chart: Chart, at: Visit, category: string, code: Code, value: Fields): Ref {
  const added = chart.add(
    'Observation',
    {
      status: 'final',
      category: [terminology('observation-category', category)],
      code: concept(code),
      subject: chart.patient,
      encounter: at.encounter,
      effectiveDateTime: `${at.date}T10:10:00-08:00`,
      issued: `${at.date}T18:00:00.000Z`,
      performer: [at.place.clinician],
      ...value,
    },
    at.place,
  )
  return { ...added, display: code.display }
}

const quantity = (value: string, unit: string): Fields => ({
  value: decimal(value),
  unit,
  system: UCUM,
  code: unit,
})

export const measure = (chart: Chart, at: Visit, measured: Measured, category = 'laboratory'): Ref =>
  observation(chart, at, category, measured.code, { valueQuantity: quantity(measured.value, measured.unit) })

/** A finding such as present or absent. */
export const finding = (chart: Chart, at: Visit, code: Code, value: Code, category = 'laboratory'): Ref =>
  observation(chart, at, category, code, { valueCodeableConcept: concept(value) })

export function bloodPressure(chart: Chart, at: Visit, systolic: string, diastolic: string): Ref {
  const part = (code: string, display: string, value: string): Fields => ({
    code: { coding: [{ system: 'http://loinc.org', code, display }] },
    valueQuantity: quantity(value, 'mm[Hg]'),
  })
  const panel = {
    system: 'http://loinc.org',
    code: '85354-9',
    display: 'Blood pressure panel with all children optional',
  }
  return observation(chart, at, 'vital-signs', panel, {
    component: [
      part('8480-6', 'Systolic blood pressure', systolic),
      part('8462-4', 'Diastolic blood pressure', diastolic),
    ],
  })
}

export function report(
  chart: Chart,
  at: Visit,
  code: Code,
  results: readonly Ref[],
  conclusion?: string,
): Ref {
  const added = chart.add(
    'DiagnosticReport',
    {
      status: 'final',
      category: [terminology('v2-0074', 'LAB')],
      code: concept(code),
      subject: chart.patient,
      encounter: at.encounter,
      effectiveDateTime: `${at.date}T10:10:00-08:00`,
      issued: `${at.date}T18:00:00.000Z`,
      performer: [at.place.organization],
      result: results,
      ...(conclusion === undefined ? {} : { conclusion }),
    },
    at.place,
  )
  return { ...added, display: code.display }
}

export function prescribe(chart: Chart, at: Visit, code: Code, dosage: string, reason?: Ref): Ref {
  const added = chart.add(
    'MedicationRequest',
    {
      status: 'active',
      intent: 'order',
      medicationCodeableConcept: concept(code),
      subject: chart.patient,
      encounter: at.encounter,
      authoredOn: at.date,
      requester: at.place.clinician,
      ...(reason === undefined ? {} : { reasonReference: [reason] }),
      dosageInstruction: [{ text: dosage }],
    },
    at.place,
  )
  return { ...added, display: code.display }
}

export function procedure(chart: Chart, at: Visit, code: Code, reason?: Ref): Ref {
  const added = chart.add(
    'Procedure',
    {
      status: 'completed',
      code: concept(code),
      subject: chart.patient,
      encounter: at.encounter,
      performedDateTime: `${at.date}T10:20:00-08:00`,
      performer: [{ actor: at.place.clinician, onBehalfOf: at.place.organization }],
      location: at.place.location,
      ...(reason === undefined ? {} : { reasonReference: [reason] }),
    },
    at.place,
  )
  return { ...added, display: code.display }
}

export function immunize(chart: Chart, at: Visit, code: Code): Ref {
  return chart.add(
    'Immunization',
    {
      status: 'completed',
      vaccineCode: concept(code),
      patient: chart.patient,
      encounter: at.encounter,
      occurrenceDateTime: at.date,
      primarySource: true,
      performer: [{ actor: at.place.clinician }],
      location: at.place.location,
    },
    at.place,
  )
}

/** A note as plain text in base64, the way most systems keep them. */
export function note(
  chart: Chart,
  at: Visit,
  type: Code,
  text: string,
  marks: { readonly category?: Code; readonly securityLabel?: Code; readonly title?: string } = {},
): Ref {
  return chart.add(
    'DocumentReference',
    {
      status: 'current',
      type: concept(type),
      category: [
        marks.category === undefined
          ? {
              coding: [
                {
                  system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category',
                  code: 'clinical-note',
                },
              ],
            }
          : concept(marks.category),
      ],
      subject: chart.patient,
      date: `${at.date}T19:00:00.000Z`,
      author: [at.place.clinician],
      custodian: at.place.organization,
      ...(marks.securityLabel === undefined ? {} : { securityLabel: [{ coding: [marks.securityLabel] }] }),
      content: [
        {
          attachment: {
            contentType: 'text/plain',
            title: marks.title ?? type.display,
            data: base64(text),
            creation: at.date,
          },
        },
      ],
      context: { encounter: [at.encounter] },
    },
    at.place,
  )
}
