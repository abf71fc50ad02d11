import type { DecisionContext } from '../model/decision.ts'

/**
 * Whether the site fixed that a parent or guardian signs beside the minor (42 CFR 2.14(b): where state law asks a parent's
 * consent to the treatment): registry `minorConsent`, one entry or a list or table of them, each perhaps for one state.
 * An entry says so by naming the parent among who signs, or by a fact such as `parentRequired: true`.
 */
export function parentMustSign({ registry, custodian }: DecisionContext): boolean {
  return asksParent(registry.other['minorConsent'], custodian.state)
}

const PARENT = /parent|guardian/i
/** Words by which a text names the parent as one who need not sign. */
const SPARED = /\b(no|not|without|alone|only the minor)\b/i
const STATE = /^[A-Z]{2}$/

function asksParent(value: unknown, state: string): boolean {
  if (typeof value === 'string') return PARENT.test(value) && !SPARED.test(value)
  if (Array.isArray(value)) return value.some(each => asksParent(each, state))
  if (typeof value !== 'object' || value === null) return false
  if ('state' in value && value.state !== state) return false
  return Object.entries(value)
    .filter(([name]) => !STATE.test(name) || name === state)
    .some(([name, each]) => (each === true ? PARENT.test(name) : asksParent(each, state)))
}
