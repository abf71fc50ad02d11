import type { Relationship, Requester, RequesterRole } from './requester.ts'

/** One general designation of recipients (42 CFR 2.31(a)(4)): who belongs to it by role and relationship. */
export interface RecipientClass {
  readonly code: string
  readonly roles: readonly RequesterRole[]
  /** Absent: no relationship asked. */
  readonly relationships?: readonly Relationship[]
}

/** Codes of the general designations this requester belongs to; role and relationship are verified facts. */
export function recipientClassesOf(
  classes: readonly RecipientClass[],
  requester: Requester,
): readonly string[] {
  const { role, relationship } = requester
  if (role === undefined) return []
  return classes
    .filter(({ roles }) => roles.includes(role))
    .filter(
      ({ relationships }) =>
        relationships === undefined || (relationship !== undefined && relationships.includes(relationship)),
    )
    .map(({ code }) => code)
}
