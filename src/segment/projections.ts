import type { Projection } from '../model/projection.ts'

/** Every projection of the house by id: the views of profiles/purpose/views/ and the de-identification standards. */
export function projectionTable(projections: readonly Projection[]): ReadonlyMap<string, Projection> {
  const table = new Map<string, Projection>()
  for (const projection of projections) {
    if (table.has(projection.id)) throw new Error(`projection ${projection.id}: expected an id of its own`)
    table.set(projection.id, projection)
  }
  return table
}
