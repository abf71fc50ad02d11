import { appointment, bill, carePlan, provenance } from './administration.ts'
import { Chart } from './chart.ts'
import { actCode, DX, LAB, NOTE, RX, sct } from './codes.ts'
import { consent, planRestrictionForm } from './consents.ts'
import { PLACES } from './directory.ts'
import { condition, finding, measure, note, prescribe, procedure, report, visit } from './entries.ts'
import { seeded } from './random.ts'
import { ADULT, episode, routine } from './routine.ts'

const PLAN = { reference: 'Organization/golden-plan', display: 'Golden State Health Plan' }
const NEGATIVE = sct('260385009', 'Negative')

/** Lives with HIV; nothing of it may go to his health plan, nor a visit that he paid in full. */
export function hiv(): string[] {
  const chart = new Chart(
    {
      id: 'andre-villanueva',
      given: 'Andre',
      family: 'Villanueva',
      gender: 'male',
      birthDate: '1985-08-19',
      city: 'Oakland',
      postalCode: '94612',
    },
    seeded(404),
  )
  const background = routine(chart, { ...ADULT, place: PLACES.hospital })
  const intake = visit(chart, PLACES.hospital, '2023-05-10', DX.hiv.sct)
  const problem = condition(chart, intake, DX.hiv)
  prescribe(chart, intake, RX.antiretroviral, '1 tablet once a day with food', problem)
  carePlan(chart, intake, {
    title: 'HIV care plan',
    addresses: [problem],
    activities: [LAB.viralLoad, LAB.cd4],
  })
  const loads = ['48200', '310', '49.50', '20.00', '20.00', '20.00']
  for (const [index, load] of loads.entries()) {
    const year = 2023 + Math.floor((index + 1) / 2)
    const at = visit(chart, PLACES.hospital, `${year}-${index % 2 === 0 ? '11' : '06'}-08`, DX.hiv.sct)
    const results = [
      measure(chart, at, { code: LAB.viralLoad, value: load, unit: '{copies}/mL' }),
      measure(chart, at, { code: LAB.cd4, value: String(280 + 60 * index), unit: '/uL' }),
    ]
    const summary = report(chart, at, LAB.viralLoad, results, 'HIV 1 RNA suppressed on current therapy')
    note(
      chart,
      at,
      NOTE.progress,
      `HIV clinic. Viral load ${load} copies/mL. Adherent. Antiretrovirals continued.`,
    )
    bill(chart, at, background.coverage, {
      diagnoses: [DX.hiv.icd],
      amount: chart.random.decimal(180, 260, 2),
    })
    appointment(chart, at, sct('185349003', 'Encounter for check up'))
    provenance(chart, at, [at.encounter, ...results, summary])
  }
  procedure(chart, background.visits[4] ?? background.visits[0], sct('127783003', 'Spirometry'), problem)
  episode(chart, background, { place: PLACES.hospital, date: '2026-01-20', diagnosis: DX.bronchitis })
  notToPlan(chart)
  return chart.texts()
}

/** Two restrictions: everything labelled HIV, and one visit paid in full (an ordinary one: the wish decides). */
function notToPlan(chart: Chart): void {
  const discloser = PLACES.hospital.organization
  consent(
    chart,
    planRestrictionForm({
      discloser,
      plan: PLAN,
      signedOn: '2023-05-10',
      labels: [actCode('HIV', 'HIV/AIDS information sensitivity')],
    }),
  )
  const paid = visit(chart, PLACES.hospital, '2026-07-14', DX.rhinitis.sct)
  const problem = condition(chart, paid, DX.rhinitis, { category: 'encounter-diagnosis' })
  const test = finding(chart, paid, LAB.gonorrhea, NEGATIVE)
  consent(
    chart,
    planRestrictionForm({
      discloser,
      plan: PLAN,
      signedOn: '2026-07-14',
      paidOn: '2026-07-14',
      instances: [paid.encounter, problem, test],
    }),
  )
}
