import { appointment, bill, carePlan, goal, provenance } from './administration.ts'
import { Chart, type Ref, type Visit } from './chart.ts'
import { actCode, DX, LAB, NOTE, RX, SERVICE, sct, siteNote } from './codes.ts'
import { authorizationForm, consent } from './consents.ts'
import { PLACES } from './directory.ts'
import { condition, measure, note, prescribe, procedure, visit } from './entries.ts'
import { seeded } from './random.ts'
import { ADULT, type Background, episode, routine } from './routine.ts'

/** The site's mark for psychotherapy notes that are kept separate from the chart (45 CFR 164.501). */
const SEPARATE = siteNote('PSY-SEPARATE', 'Psychotherapy note, kept separate from the chart')
const PSYCHOTHERAPY_NOTE = actCode('PSYTHPN', 'psychotherapy note information sensitivity')
const PSYCHOTHERAPY = sct('75516001', 'Psychotherapy')

/** In psychotherapy: notes kept separate and ordinary progress notes; one colleague may read the former. */
export function psychotherapy(): string[] {
  const chart = new Chart(
    {
      id: 'noor-halvorsen',
      given: 'Noor',
      family: 'Halvorsen',
      gender: 'female',
      birthDate: '1993-03-27',
      city: 'Alameda',
      postalCode: '94501',
    },
    seeded(303),
  )
  const background = routine(chart, {
    ...ADULT,
    place: PLACES.hospital,
    diagnoses: [DX.asthma, DX.rhinitis, DX.vitaminD],
    prescriptions: [[RX.albuterol, '2 puffs as needed', 0]],
  })
  const intake = visit(chart, PLACES.behavioral, '2025-10-02', DX.depression.sct)
  const problem = condition(chart, intake, DX.depression)
  condition(chart, intake, DX.ptsd)
  const order = prescribe(chart, intake, RX.sertraline, '1 tablet in the morning', problem)
  const aim = goal(chart, intake, 'PHQ-9 below 10', problem)
  carePlan(chart, intake, {
    title: 'Depression treatment plan',
    addresses: [problem],
    goals: [aim],
    activities: [PSYCHOTHERAPY],
  })
  provenance(chart, intake, [problem, order])
  const scores = ['17', '15', '14', '11', '9', '8']
  for (const [index, score] of scores.entries()) {
    session(chart, background, problem, `2026-0${index + 1}-15`, score)
  }
  episode(chart, background, { place: PLACES.hospital, date: '2026-05-05', diagnosis: DX.pharyngitis })
  notesOnly(chart)
  return chart.texts()
}

function session(chart: Chart, background: Background, problem: Ref, date: string, score: string): void {
  const at = visit(chart, PLACES.behavioral, date, DX.depression.sct, PSYCHOTHERAPY)
  measure(chart, at, { code: LAB.phq9, value: score, unit: '{score}' }, 'survey')
  procedure(chart, at, PSYCHOTHERAPY, problem)
  separateNote(chart, at)
  note(
    chart,
    at,
    NOTE.psychiatry,
    `Start 10:00, stop 10:45. Individual therapy, weekly. Sertraline 100 mg continued. PHQ-9 ${score}. ` +
      'Diagnosis major depressive disorder, recurrent. Plan: continue. Prognosis good.',
  )
  bill(chart, at, background.coverage, {
    service: SERVICE.counseling,
    diagnoses: [DX.depression.icd],
    amount: chart.random.decimal(130, 180, 2),
  })
  appointment(chart, at, PSYCHOTHERAPY)
}

/** Every second one carries the label, the others only the site's mark: both must be recognised. */
function separateNote(chart: Chart, at: Visit): void {
  const labelled = Number(at.date.slice(5, 7)) % 2 === 0
  note(
    chart,
    at,
    NOTE.counseling,
    'Analysis of the conversation: she returns to the night of the fire and to her brother; ' +
      'long silence before she speaks of guilt. My own impatience noticed.',
    {
      category: SEPARATE,
      title: 'Process notes',
      ...(labelled ? { securityLabel: PSYCHOTHERAPY_NOTE } : {}),
    },
  )
}

/** An authorization for psychotherapy notes and nothing else (45 CFR 164.508(b)(3)(ii)). */
function notesOnly(chart: Chart): void {
  consent(
    chart,
    authorizationForm(chart, {
      policyRule: ['v3-ActCode', 'HIPAAPsyNotes'],
      discloser: PLACES.behavioral.organization,
      recipient: { reference: 'Practitioner/priya-lindqvist', display: 'Dr. Priya Lindqvist' },
      purposes: ['TREAT'],
      codes: [SEPARATE],
      information: 'my psychotherapy notes',
      signedOn: '2026-04-20',
      endsOn: '2031-04-19',
    }),
  )
}
