import type { Label, TellingElement } from '../model/label.ts'
import type { RuleHit } from './compile.ts'

/** Types that say who somebody is: to withhold one for the words on a membership card would hide the person. */
const PERSONS = new Set(['Patient', 'Person', 'RelatedPerson'])

/** Whether resources of this type say who somebody is. */
export function isPerson(type: string): boolean {
  return PERSONS.has(type)
}

/** Whether what stands at this element (no indexes) speaks of one identifier of a person only. */
export function isOwnIdentifier(type: string, element: string): boolean {
  return isPerson(type) && element.startsWith('identifier.')
}

/** Identifiers of a person whose kind, issuer or extensions tell something, each with the labels of what it tells. */
export class TellingIdentifiers {
  readonly #labels = new Map<string, Map<string, Label>>()

  /** @param path with indexes, of what stands somewhere in `identifier[n]` */
  add(hit: RuleHit, path: string): void {
    const identifier = path.slice(0, path.indexOf('.'))
    for (const label of hit.labels) {
      const labels = this.#labels.get(identifier) ?? new Map<string, Label>()
      this.#labels.set(identifier, labels)
      const key = `${label.system}|${label.code}`
      const known = labels.get(key)
      if (known === undefined || known.confidence < label.confidence)
        labels.set(key, { ...label, path: identifier })
    }
  }

  all(): readonly TellingElement[] {
    return [...this.#labels].map(([path, labels]) => ({ path, labels: [...labels.values()] }))
  }
}
