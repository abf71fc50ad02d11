import {
  allergy,
  appointment,
  bill,
  carePlan,
  careTeam,
  coverage,
  goal,
  provenance,
  register,
} from './administration.ts'
import type { Chart, Place, Ref, Visit } from './chart.ts'
import { type Code, cvx, type Diagnosis, DX, hcpcs, LAB, loinc, NOTE, RX, sct } from './codes.ts'
import {
  bloodPressure,
  condition,
  immunize,
  measure,
  note,
  prescribe,
  procedure,
  report,
  visit,
} from './entries.ts'

/** What an ordinary life leaves in a chart, so that every patient has much that may be shown. */
export interface Routine {
  /** Where the check-ups are. */
  readonly place: Place
  /** Dates of the check-ups, oldest first. */
  readonly checkups: readonly [string, ...string[]]
  readonly diagnoses: readonly Diagnosis[]
  readonly prescriptions: readonly (readonly [code: Code, dosage: string, index: number])[]
  readonly vaccines: readonly Code[]
  readonly kilograms: readonly [low: number, high: number]
  readonly centimetres: readonly [low: number, high: number]
  readonly child?: boolean
}

/** Things later entries hang on. */
export interface Background {
  readonly coverage: Ref
  readonly visits: readonly [Visit, ...Visit[]]
  readonly problems: readonly Ref[]
}

/** An adult with the usual complaints. */
export const ADULT = {
  checkups: ['2022-02-09', '2023-02-14', '2024-02-21', '2025-02-19', '2026-02-18'],
  diagnoses: [DX.hypertension, DX.hyperlipidemia, DX.vitaminD],
  prescriptions: [
    [RX.lisinopril, '1 tablet once a day', 0],
    [RX.simvastatin, '1 tablet in the evening', 1],
  ],
  vaccines: [
    cvx('140', 'Influenza, seasonal, injectable, preservative free'),
    cvx('115', 'Tdap'),
    cvx('150', 'Influenza, injectable, quadrivalent, preservative free'),
  ],
  kilograms: [61, 84],
  centimetres: [158, 178],
} as const satisfies Omit<Routine, 'place'>

/** Writes the patient, coverage, check-ups with vitals, laboratory, notes, claims, and the plans that follow. */
export function routine(chart: Chart, life: Routine): Background {
  register(chart, chart.person, life.place.clinician)
  const insured = coverage(chart, '2020-01-01')
  const [first, ...later] = life.checkups
  const visits = [
    checkup(chart, life, insured, first, 0),
    ...later.map((date, i) => checkup(chart, life, insured, date, i + 1)),
  ]
  const [start] = visits as [Visit, ...Visit[]]
  const problems = life.diagnoses.map(diagnosis => condition(chart, start, diagnosis))
  for (const [code, dosage, index] of life.prescriptions)
    prescribe(chart, start, code, dosage, problems[index])
  allergy(chart, start, sct('764146007', 'Penicillin'), sct('271807003', 'Eruption of skin'))
  const aims = problems
    .slice(0, 2)
    .map(problem => goal(chart, start, `Keep ${problem.display} under control`, problem))
  carePlan(chart, start, {
    title: 'Health maintenance',
    addresses: problems,
    goals: aims,
    activities: [sct('229065009', 'Exercise therapy'), sct('61310001', 'Nutrition education')],
  })
  careTeam(chart, start, [life.place.clinician, life.place.organization])
  return { coverage: insured, visits: visits as [Visit, ...Visit[]], problems }
}

function checkup(chart: Chart, life: Routine, insured: Ref, date: string, index: number): Visit {
  const reason = life.child === true ? DX.childCheckup : DX.checkup
  const at = visit(chart, life.place, date, reason.sct)
  const written = [...vitals(chart, at, life), ...laboratory(chart, at, index)]
  const vaccine = life.vaccines[index % Math.max(1, life.vaccines.length)]
  if (vaccine !== undefined) immunize(chart, at, vaccine)
  procedure(chart, at, sct('162673000', 'General examination of patient'))
  note(
    chart,
    at,
    NOTE.progress,
    `Check-up of ${date}. Feels well. Sleeps well. Weight and blood pressure measured, blood taken. ` +
      'Exercise and diet discussed. Next check-up in a year.',
  )
  bill(chart, at, insured, { diagnoses: [reason.icd], amount: chart.random.decimal(120, 190, 2) })
  appointment(chart, at, reason.sct)
  provenance(chart, at, [at.encounter, ...written])
  return at
}

function vitals(chart: Chart, at: Visit, life: Routine): Ref[] {
  const { random } = chart
  const sign = (code: Code, low: number, high: number, digits: number, unit: string): Ref =>
    measure(chart, at, { code, value: random.decimal(low, high, digits), unit }, 'vital-signs')
  return [
    bloodPressure(chart, at, `${random.whole(108, 138)}`, `${random.whole(66, 88)}`),
    sign(loinc('8867-4', 'Heart rate'), 58, 88, 0, '/min'),
    sign(loinc('8310-5', 'Body temperature'), 36.2, 37.2, 1, 'Cel'),
    sign(loinc('29463-7', 'Body weight'), life.kilograms[0], life.kilograms[1], 1, 'kg'),
    sign(loinc('8302-2', 'Body height'), life.centimetres[0], life.centimetres[1], 1, 'cm'),
  ]
}

/** Blood chemistry one year, blood count and lipids the next. Potassium always ends in a zero: `4.10` must stay. */
function laboratory(chart: Chart, at: Visit, index: number): Ref[] {
  const { random } = chart
  const value = (code: Code, low: number, high: number, digits: number, unit: string): Ref =>
    measure(chart, at, { code, value: random.decimal(low, high, digits), unit })
  const chemistry = (): Ref[] => [
    value(LAB.glucose, 78, 104, 0, 'mg/dL'),
    value(LAB.creatinine, 0.7, 1.2, 2, 'mg/dL'),
    value(LAB.sodium, 136, 144, 0, 'mmol/L'),
    measure(chart, at, { code: LAB.potassium, value: `${random.decimal(3.8, 4.8, 1)}0`, unit: 'mmol/L' }),
  ]
  const blood = (): Ref[] => [
    value(LAB.hemoglobin, 12.5, 15.5, 1, 'g/dL'),
    value(LAB.leukocytes, 4.5, 9.5, 1, '10*3/uL'),
    value(LAB.platelets, 180, 350, 0, '10*3/uL'),
    value(LAB.cholesterol, 150, 210, 0, 'mg/dL'),
    value(LAB.a1c, 5.1, 5.9, 1, '%'),
  ]
  const results = index % 2 === 0 ? chemistry() : blood()
  return [...results, report(chart, at, index % 2 === 0 ? LAB.metabolicPanel : LAB.bloodCount, results)]
}

/** A visit for something that passes: the everyday entries beside the ones a patient would rather keep. */
export function episode(
  chart: Chart,
  background: Background,
  what: { readonly place: Place; readonly date: string; readonly diagnosis: Diagnosis; readonly drug?: Code },
): Visit {
  const at = visit(chart, what.place, what.date, what.diagnosis.sct)
  const problem = condition(chart, at, what.diagnosis, { resolved: true, category: 'encounter-diagnosis' })
  if (what.drug !== undefined) prescribe(chart, at, what.drug, 'as discussed, for seven days', problem)
  note(
    chart,
    at,
    NOTE.progress,
    `Seen for ${what.diagnosis.sct.display.toLowerCase()}. Advice given, no follow-up needed.`,
  )
  bill(chart, at, background.coverage, {
    service: hcpcs('G0463', 'Hospital outpatient clinic visit for assessment and management of a patient'),
    diagnoses: [what.diagnosis.icd],
    amount: chart.random.decimal(90, 150, 2),
  })
  return at
}
