import { appointment, bill, carePlan, provenance } from './administration.ts'
import { Chart } from './chart.ts'
import { actCode, DX, LAB, NOTE, RX, sct } from './codes.ts'
import { consent, namedRecipientForm } from './consents.ts'
import { PLACES } from './directory.ts'
import { condition, finding, note, prescribe, procedure, visit } from './entries.ts'
import { seeded } from './random.ts'
import { ADULT, episode, routine } from './routine.ts'

const NEGATIVE = sct('260385009', 'Negative')
const POSITIVE = sct('10828004', 'Positive')

/** Ended a pregnancy in California; treating providers in other states may not learn of it (Cal. Civ. Code 56.110). */
export function termination(): string[] {
  const chart = new Chart(
    {
      id: 'june-castellan',
      given: 'June',
      family: 'Castellan',
      gender: 'female',
      birthDate: '1997-12-08',
      city: 'Truckee',
      postalCode: '96161',
    },
    seeded(505),
  )
  const background = routine(chart, {
    ...ADULT,
    place: PLACES.hospital,
    diagnoses: [DX.asthma, DX.rhinitis, DX.vitaminD],
    prescriptions: [[RX.albuterol, '2 puffs as needed', 0]],
  })
  const positive = visit(chart, PLACES.womens, '2026-03-03', DX.pregnancy.sct)
  finding(chart, positive, LAB.pregnancyTest, POSITIVE)
  const pregnancy = condition(chart, positive, DX.pregnancy, { resolved: true })
  const day = visit(chart, PLACES.womens, '2026-03-10', DX.termination.sct)
  const ended = condition(chart, day, DX.termination, { resolved: true, category: 'encounter-diagnosis' })
  const drug = prescribe(chart, day, RX.mifepristone, '1 tablet once, under supervision', ended)
  const act = procedure(chart, day, sct('386639001', 'Termination of pregnancy'), pregnancy)
  note(
    chart,
    day,
    NOTE.evaluation,
    'Termination of pregnancy at seven weeks, mifepristone taken here. No complications.',
  )
  bill(chart, day, background.coverage, { diagnoses: [DX.termination.icd], amount: '540.00' })
  appointment(chart, day, sct('386639001', 'Termination of pregnancy'))
  provenance(chart, day, [ended, drug, act])
  const after = visit(chart, PLACES.womens, '2026-03-24', DX.termination.sct)
  finding(chart, after, LAB.pregnancyTest, NEGATIVE)
  carePlan(chart, after, {
    title: 'Follow-up after termination of pregnancy',
    addresses: [ended],
    activities: [LAB.pregnancyTest],
  })
  procedure(chart, background.visits[4] ?? background.visits[0], sct('127783003', 'Spirometry'), pregnancy)
  consent(
    chart,
    namedRecipientForm(chart, {
      discloser: { reference: 'Organization/bayview-health', display: 'Bayview Health' },
      recipient: { reference: 'Organization/cascade-clinic', display: 'Cascade Valley Clinic' },
      purposes: ['TREAT'],
      labels: [actCode('SEX', 'sexuality and reproductive health information sensitivity')],
      signedOn: '2026-04-02',
      endsOn: '2031-04-01',
    }),
  )
  episode(chart, background, { place: PLACES.hospital, date: '2026-06-02', diagnosis: DX.ankleSprain })
  episode(chart, background, { place: PLACES.hospital, date: '2026-08-25', diagnosis: DX.bronchitis })
  return chart.texts()
}
