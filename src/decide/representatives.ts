import type { DecisionContext } from '../model/decision.ts'

/** What the site says of a person as the patient's representative. */
export type Standing = 'recognised' | 'refused' | 'unknown'

/**
 * Registry `representatives`: whom the site recognised as a patient's representative (guardian, executor, proxy), and whom it
 * refused (45 CFR 164.502(g)(5)). A list of references or of entries that hold one and say how it stands (`status`, or
 * `recognised`/`refused` as a fact), or two lists under these names. Who is named as both is refused.
 */
export function standingOf(person: string, { registry }: DecisionContext): Standing {
  const said = new Set(statements(registry.other['representatives'], person, 'recognised'))
  if (said.has('refused')) return 'refused'
  return said.has('recognised') ? 'recognised' : 'unknown'
}

const REFUSED = /refus|reject|revok|denied|not.?recogni[sz]ed|ended|expired/i
const RECOGNISED = /recogni[sz]ed|accepted|approved/i

function statements(value: unknown, person: string, heading: Standing): readonly Standing[] {
  if (typeof value === 'string') return value === person ? [heading] : []
  if (Array.isArray(value)) return value.flatMap(each => statements(each, person, heading))
  if (typeof value !== 'object' || value === null) return []
  const parts = Object.entries(value).filter(([name]) => name !== 'patient')
  const isOf = parts.some(([, each]) => referenceIn(each) === person)
  if (isOf) return [parts.some(refuses) ? 'refused' : heading]
  return parts.flatMap(([name, each]) => statements(each, person, headed(name, heading)))
}

function headed(name: string, heading: Standing): Standing {
  if (REFUSED.test(name)) return 'refused'
  return RECOGNISED.test(name) ? 'recognised' : heading
}

function refuses([name, value]: readonly [string, unknown]): boolean {
  if (typeof value === 'string') return REFUSED.test(value) && !/reason|note|text/i.test(name)
  if (value === true) return REFUSED.test(name)
  return value === false && RECOGNISED.test(name) && !REFUSED.test(name)
}

function referenceIn(value: unknown): unknown {
  if (typeof value === 'string') return value
  return typeof value === 'object' && value !== null && 'reference' in value ? value.reference : undefined
}
