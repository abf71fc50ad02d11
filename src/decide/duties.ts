import type { Profiles } from '../model/law.ts'
import { createViews, type Views } from './views.ts'

/** The table of obligations as decide asks it. */
export interface Duties {
  readonly isKnown: (obligation: string) => boolean
  /** Projections that obligations name by id, in order of their ids. */
  readonly standards: (obligations: readonly string[]) => readonly string[]
  /** The first of these projections that cannot make a resource of the type fit to leave, or undefined. */
  readonly unfit: (projections: readonly string[], resourceType: string) => string | undefined
  /** Whether only a view that fits purpose and requester meets it. */
  readonly needsView: (obligation: string) => boolean
  readonly views: Views
}

const VIEW = 'view'

export function dutiesOf({
  obligations: rules = {},
  views = {},
  withheldTypes = {},
}: Pick<Profiles, 'obligations' | 'views' | 'withheldTypes'>): Duties {
  const families = Object.keys(rules).filter(id => id.endsWith('*'))
  return {
    isKnown: obligation =>
      obligation === 'AUDIT' ||
      Object.hasOwn(rules, obligation) ||
      families.some(
        family => obligation.startsWith(family.slice(0, -1)) && obligation.length >= family.length,
      ),
    standards: obligations =>
      [...new Set(obligations.flatMap(obligation => rules[obligation]?.projection ?? []))]
        .filter(id => id !== VIEW)
        .sort(),
    unfit: (projections, resourceType) =>
      projections.find(id => withheldTypes[id]?.includes(resourceType) === true),
    needsView: obligation => rules[obligation]?.projection === VIEW,
    views: createViews(views),
  }
}
