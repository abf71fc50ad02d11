import { provenance } from './administration.ts'
import { Chart } from './chart.ts'
import { cvx, DX, LAB, NOTE, RX, sct } from './codes.ts'
import { consentToCare } from './consents.ts'
import { PLACES } from './directory.ts'
import { condition, finding, note, prescribe, report, visit } from './entries.ts'
import { seeded } from './random.ts'
import { episode, routine } from './routine.ts'

const POSITIVE = sct('10828004', 'Positive')
const FAMILY_CODE =
  'https://leginfo.legislature.ca.gov/faces/codes_displaySection.xhtml?lawCode=FAM&sectionNum='

/** Fifteen: contraception and a test she consented to herself (Cal. Fam. Code 6925, 6926); her mother has the portal. */
export function teenager(): string[] {
  const chart = new Chart(
    {
      id: 'ruby-ashdown',
      given: 'Ruby',
      family: 'Ashdown',
      gender: 'female',
      birthDate: '2011-04-30',
      city: 'Oakland',
      postalCode: '94609',
    },
    seeded(606),
  )
  const background = routine(chart, {
    place: PLACES.teen,
    child: true,
    checkups: [
      '2020-05-06',
      '2021-05-05',
      '2022-05-04',
      '2023-05-03',
      '2024-05-08',
      '2025-05-07',
      '2026-05-06',
    ],
    diagnoses: [DX.asthma, DX.attention],
    prescriptions: [
      [RX.albuterol, '2 puffs as needed', 0],
      [RX.methylphenidate, '1 tablet in the morning on school days', 1],
    ],
    vaccines: [
      cvx('140', 'Influenza, seasonal, injectable, preservative free'),
      cvx('115', 'Tdap'),
      cvx('150', 'Influenza, injectable, quadrivalent, preservative free'),
    ],
    kilograms: [44, 56],
    centimetres: [148, 164],
  })
  chart.put('RelatedPerson', 'carol-ashdown', {
    active: true,
    patient: chart.patient,
    relationship: [
      { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'MTH' }] },
    ],
    name: [{ family: 'Ashdown', given: ['Carol'] }],
  })
  confidentialVisit(chart)
  episode(chart, background, {
    place: PLACES.teen,
    date: '2026-02-10',
    diagnosis: DX.pharyngitis,
    drug: RX.amoxicillin,
  })
  episode(chart, background, { place: PLACES.teen, date: '2025-10-14', diagnosis: DX.ankleSprain })
  return chart.texts()
}

function confidentialVisit(chart: Chart): void {
  const at = visit(chart, PLACES.teen, '2026-06-23', DX.contraception.sct)
  const need = condition(chart, at, DX.contraception, { category: 'encounter-diagnosis' })
  const pill = prescribe(chart, at, RX.contraceptive, '1 tablet once a day', need)
  const test = finding(chart, at, LAB.chlamydia, POSITIVE)
  const infection = condition(chart, at, DX.chlamydia, { resolved: true, category: 'encounter-diagnosis' })
  const summary = report(chart, at, LAB.chlamydia, [test])
  note(
    chart,
    at,
    NOTE.progress,
    'Came alone. Contraception discussed, pill started. Chlamydia test taken and positive, treated.',
  )
  provenance(chart, at, [need, pill, test, infection, summary])
  consentToCare(chart, '2026-06-23', `${FAMILY_CODE}6925`)
  consentToCare(chart, '2026-06-23', `${FAMILY_CODE}6926`)
}
