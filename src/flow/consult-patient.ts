import type { PatientResolution } from '../model/consult.ts'
import type { RawPage } from '../model/exchange.ts'
import type { Identifier, JsonValue, LiteralReference } from '../model/fhir.ts'
import type { PatientName } from '../model/interaction.ts'
import type { ResourceFacts } from '../model/label.ts'
import { resourceOf } from './lookups.ts'
import type { Rooms } from './rooms.ts'

/** One patient, or why there is none. */
export interface ResolvedPatient {
  readonly resolution: Extract<PatientResolution, 'found' | 'absent' | 'ambiguous'>
  readonly facts?: ResourceFacts
}

/** Pages of a look-up by identifier that are read; an identifier that has more is nobody's. */
const PAGES = 3

/**
 * The one patient that all these names lead to, looked up by the gateway itself. Names that lead to several patients
 * lead to none. A patient of an identifier look-up counts only where the resource carries that identifier: servers are
 * known to ignore search parameters.
 */
export async function resolvePatient(
  rooms: Pick<Rooms, 'upstream' | 'labeller'>,
  names: readonly PatientName[],
): Promise<ResolvedPatient> {
  const found = new Map<string, ResourceFacts>()
  let doubtful = false
  for (const name of names) {
    const { patients, more } =
      'reference' in name
        ? { patients: await byReference(rooms, name.reference), more: false }
        : await byIdentifier(rooms, name.identifier)
    for (const facts of patients) found.set(facts.reference, facts)
    doubtful ||= more
  }
  const [facts] = found.values()
  if (doubtful || found.size > 1) return { resolution: 'ambiguous' }
  return facts === undefined ? { resolution: 'absent' } : { resolution: 'found', facts }
}

async function byReference(
  { upstream, labeller }: Pick<Rooms, 'upstream' | 'labeller'>,
  reference: LiteralReference,
): Promise<readonly ResourceFacts[]> {
  const raw = (await upstream.resolve([reference])).get(reference)
  if (raw === undefined || raw === 'absent') return []
  const facts = labeller.assess(raw)
  return facts.reference === reference ? [facts] : []
}

async function byIdentifier(
  rooms: Pick<Rooms, 'upstream' | 'labeller'>,
  identifier: Identifier,
): Promise<{ readonly patients: readonly ResourceFacts[]; readonly more: boolean }> {
  const { system, value } = identifier
  const token = system === undefined ? escaped(value) : `${escaped(system)}|${escaped(value)}`
  const patients: ResourceFacts[] = []
  let page: RawPage = await rooms.upstream.search(
    'Patient',
    `identifier=${encodeURIComponent(token)}&_count=10`,
  )
  for (let n = 1; ; n++) {
    patients.push(...carriers(rooms, page, identifier))
    if (page.next === undefined) return { patients, more: false }
    if (n === PAGES) return { patients, more: true }
    page = await rooms.upstream.next(page.next)
  }
}

/** FHIR search escaping. https://hl7.org/fhir/R4/search.html#escaping */
function escaped(text: string): string {
  return text.replaceAll(/[\\$,|]/g, character => `\\${character}`)
}

function carriers(
  { labeller }: Pick<Rooms, 'labeller'>,
  { entries }: RawPage,
  { system, value }: Identifier,
): readonly ResourceFacts[] {
  return entries
    .filter(({ mode }) => mode === 'match')
    .map(({ resource }) => labeller.assess(resource))
    .filter(facts => {
      const list = facts.type === 'Patient' ? resourceOf(facts)?.['identifier'] : undefined
      return Array.isArray(list) && list.some(one => isSame(one, system, value))
    })
}

function isSame(one: JsonValue, system: string | undefined, value: string): boolean {
  if (typeof one !== 'object' || one === null || !('value' in one)) return false
  return one.value === value && (system === undefined || one['system'] === system)
}
