import { appointment, bill, carePlan, careTeam, goal, provenance } from './administration.ts'
import { Chart, type Ref } from './chart.ts'
import { type Code, DX, LAB, NOTE, RX, SERVICE, sct } from './codes.ts'
import { consent, part2Form } from './consents.ts'
import { PLACES, RECIPIENTS } from './directory.ts'
import { condition, finding, note, prescribe, procedure, report, visit } from './entries.ts'
import { seeded } from './random.ts'
import { ADULT, type Background, episode, routine } from './routine.ts'

const ABSENT: Code = sct('260385009', 'Negative')
const PRESENT: Code = sct('10828004', 'Positive')
const COUNSELING = sct('409063005', 'Counseling')

/** Treated by the hospital's opioid treatment program; a consent lets her treating providers see it. */
export function consented(): string[] {
  const chart = new Chart(
    {
      id: 'elena-marsh',
      given: 'Elena',
      family: 'Marsh',
      gender: 'female',
      birthDate: '1988-05-14',
      city: 'Oakland',
      postalCode: '94607',
    },
    seeded(101),
  )
  const background = routine(chart, { ...ADULT, place: PLACES.hospital })
  program(chart, background, { drug: RX.methadone, service: SERVICE.methadone, from: 2025 })
  episode(chart, background, { place: PLACES.hospital, date: '2026-04-07', diagnosis: DX.bronchitis })
  episode(chart, background, { place: PLACES.hospital, date: '2026-08-11', diagnosis: DX.backPain })
  const { treating } = RECIPIENTS
  consent(
    chart,
    part2Form(chart, {
      discloser: PLACES.otp.organization,
      recipient: { reference: `Group/${treating.id}`, display: treating.words },
      purposes: ['TREAT', 'HPAYMT', 'HOPERAT'],
      signedOn: '2026-03-02',
    }),
  )
  return chart.texts()
}

/** Treated by the same program; he signed a consent for treatment, payment and operations, and revoked it. */
export function revoked(): string[] {
  const chart = new Chart(
    {
      id: 'marcus-dell',
      given: 'Marcus',
      family: 'Dell',
      gender: 'male',
      birthDate: '1979-11-02',
      city: 'Berkeley',
      postalCode: '94702',
    },
    seeded(202),
  )
  const background = routine(chart, {
    ...ADULT,
    place: PLACES.hospital,
    diagnoses: [DX.diabetes, DX.hypertension, DX.reflux],
    prescriptions: [
      [RX.metformin, '1 tablet twice a day with meals', 0],
      [RX.lisinopril, '1 tablet once a day', 1],
    ],
  })
  program(chart, background, { drug: RX.buprenorphine, service: SERVICE.counseling, from: 2025 })
  episode(chart, background, { place: PLACES.hospital, date: '2026-06-16', diagnosis: DX.ankleSprain })
  const { tpo } = RECIPIENTS
  consent(
    chart,
    part2Form(chart, {
      discloser: PLACES.otp.organization,
      recipient: { reference: `Group/${tpo.id}`, display: tpo.words },
      purposes: ['TREAT', 'HPAYMT', 'HOPERAT'],
      signedOn: '2025-09-01',
      revokedOn: '2026-05-20',
    }),
  )
  return chart.texts()
}

interface Treatment {
  readonly drug: Code
  readonly service: Code
  readonly from: number
}

/** A year at the program, and the places where the rest of the chart would give it away. */
function program(chart: Chart, background: Background, treatment: Treatment): void {
  const intake = visit(chart, PLACES.otp, `${treatment.from}-09-15`, DX.opioid.sct)
  const problem = condition(chart, intake, DX.opioid)
  const order = prescribe(chart, intake, treatment.drug, 'observed, once a day', problem)
  const aim = goal(chart, intake, 'No illicit opioid use for six months', problem)
  carePlan(chart, intake, {
    title: 'Opioid use disorder treatment plan',
    addresses: [problem],
    goals: [aim],
    activities: [COUNSELING],
  })
  careTeam(chart, intake, [PLACES.otp.clinician, PLACES.otp.organization], DX.opioid.sct)
  provenance(chart, intake, [intake.encounter, problem, order])
  for (const [index, month] of ['10', '11', '12'].entries()) {
    session(chart, background, treatment, problem, {
      date: `${treatment.from}-${month}-12`,
      positive: index === 0,
    })
  }
  for (const month of ['01', '02', '03', '04', '05']) {
    session(chart, background, treatment, problem, {
      date: `${treatment.from + 1}-${month}-12`,
      positive: false,
    })
  }
  const stable = visit(chart, PLACES.otp, `${treatment.from + 1}-06-12`, DX.opioidRemission.sct)
  condition(chart, stable, DX.opioidRemission)
  telltales(chart, background, problem)
}

function session(
  chart: Chart,
  background: Background,
  treatment: Treatment,
  problem: Ref,
  on: { readonly date: string; readonly positive: boolean },
): void {
  const at = visit(chart, PLACES.otp, on.date, DX.opioid.sct, COUNSELING)
  const screen = finding(chart, at, LAB.opiates, on.positive ? PRESENT : ABSENT)
  report(chart, at, LAB.opiates, [screen])
  procedure(chart, at, COUNSELING, problem)
  note(
    chart,
    at,
    NOTE.progress,
    `Opioid treatment program. Dose of ${treatment.drug.display} unchanged. Urine screen ` +
      `${on.positive ? 'positive' : 'negative'} for opiates. No cravings reported. Continue weekly counseling.`,
  )
  bill(chart, at, background.coverage, {
    service: treatment.service,
    diagnoses: [DX.opioid.icd],
    amount: chart.random.decimal(60, 95, 2),
  })
  appointment(chart, at, COUNSELING)
}

/** Ordinary entries of the hospital that point at the program's records: references and displays that would tell. */
function telltales(chart: Chart, background: Background, problem: Ref): void {
  const [, , , , last = background.visits[0]] = background.visits
  procedure(chart, last, sct('164847006', 'Standard electrocardiogram'), problem)
  carePlan(chart, last, {
    title: 'Coordination of care',
    addresses: [...background.problems, problem],
    activities: [sct('229065009', 'Exercise therapy')],
  })
  careTeam(chart, last, [PLACES.hospital.clinician, PLACES.otp.organization])
}
