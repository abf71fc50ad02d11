import { Chart } from './chart.ts'
import { DX } from './codes.ts'
import { PLACES } from './directory.ts'
import { seeded } from './random.ts'
import { ADULT, episode, routine } from './routine.ts'

/** Nobody special: what comes out must be what is there. */
export function control(): string[] {
  const chart = new Chart(
    {
      id: 'walter-finch',
      given: 'Walter',
      family: 'Finch',
      gender: 'male',
      birthDate: '1961-07-07',
      city: 'San Leandro',
      postalCode: '94577',
    },
    seeded(707),
  )
  const background = routine(chart, { ...ADULT, place: PLACES.hospital })
  for (const [date, diagnosis] of [
    ['2024-04-09', DX.bronchitis],
    ['2025-01-28', DX.backPain],
    ['2025-08-19', DX.ankleSprain],
    ['2026-03-17', DX.pharyngitis],
    ['2026-09-08', DX.reflux],
  ] as const) {
    episode(chart, background, { place: PLACES.hospital, date, diagnosis })
  }
  return chart.texts()
}
