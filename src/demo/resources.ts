import { control } from './patients/control.ts'
import { directory } from './patients/directory.ts'
import { hiv } from './patients/hiv.ts'
import { consented, revoked } from './patients/opioid.ts'
import { psychotherapy } from './patients/psychotherapy.ts'
import { teenager } from './patients/teenager.ts'
import { termination } from './patients/termination.ts'

/** The example patients: what each chart is there to show. */
export const DEMO_PATIENTS = [
  {
    id: 'elena-marsh',
    about: 'opioid treatment program, consent to her treating providers',
    write: consented,
  },
  { id: 'marcus-dell', about: 'opioid treatment program, consent revoked', write: revoked },
  {
    id: 'noor-halvorsen',
    about: 'psychotherapy notes kept separate, notes-only consent',
    write: psychotherapy,
  },
  { id: 'andre-villanueva', about: 'HIV, nothing to the health plan, one visit paid in full', write: hiv },
  {
    id: 'june-castellan',
    about: 'abortion in California, asked about from another state',
    write: termination,
  },
  {
    id: 'ruby-ashdown',
    about: 'fifteen years old, contraception and a test she consented to',
    write: teenager,
  },
  { id: 'walter-finch', about: 'nobody special', write: control },
] as const

/**
 * All resources of the demo as JSON text, ready for the embedded upstream: the directory of organizations and
 * clinicians, then the charts. Always the same; decimals are written with their trailing zeros (`4.10`).
 */
export function demoResources(): string[] {
  return [...directory(), ...DEMO_PATIENTS.flatMap(({ write }) => write())]
}
