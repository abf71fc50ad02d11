import { DIRECTORY_TYPES } from '../model/fhir.ts'
import type { HoldRule, HoldsTable } from '../model/holds.ts'
import type { DataInteraction, SearchInteraction, SearchParameter } from '../model/interaction.ts'
import type { Asked } from './holds-about.ts'
import { spanInDays } from './holds-dates.ts'

/** What is asked, without page and order: `Observation?code=x`, `read Observation/1`. */
export function shapeOf(interaction: DataInteraction): string {
  if (interaction.code === 'read') return `read ${interaction.resourceType}/${interaction.id}`
  if (interaction.code === 'vread')
    return `vread ${interaction.resourceType}/${interaction.id}/${interaction.versionId}`
  const { parameters, includes, resourceType } = interaction
  const terms = [
    ...parameters.map(({ name, value }) => `${name}=${value}`),
    ...includes.map(
      ({ reverse, sourceType, parameter, targetType }) =>
        `${reverse ? '_revinclude' : '_include'}=${[sourceType, parameter, targetType].filter(Boolean).join(':')}`,
    ),
  ]
  return `${resourceType}?${terms.join('&')}`
}

/** The patients that token or request name, sorted; undefined where neither does: then it may be anybody. */
export function patientsNamed(
  { requester, interaction }: Pick<Asked, 'requester' | 'interaction'>,
  { patientParameters }: HoldsTable,
): readonly string[] | undefined {
  const { onlyPatient, patient, scopes, user } = requester
  if (onlyPatient !== undefined) return [onlyPatient]
  const isLaunch = scopes.length > 0 && scopes.every(({ context }) => context === 'patient')
  if (isLaunch && patient !== undefined) return [patient]
  if (user?.startsWith('Patient/') === true) return [user]
  const { resourceType, code } = interaction
  if (code !== 'search-type') return resourceType === 'Patient' ? [`Patient/${interaction.id}`] : undefined
  const names = resourceType === 'Patient' ? ['_id'] : patientParameters
  for (const { name, value, type } of interaction.parameters) {
    if (!names.includes(name) || (type !== 'reference' && name !== '_id')) continue
    const named = value.split(',').map(one => (one.includes('/') ? one : `Patient/${one}`))
    if (named.every(one => one.startsWith('Patient/'))) return [...new Set(named)].sort()
  }
  return undefined
}

/** Records asked for by id or identifier, beside patients; undefined where the request looks for what it does not name. */
export function recordsNamed(interaction: DataInteraction): readonly string[] | undefined {
  const { resourceType: type, code } = interaction
  if (code !== 'search-type') return [`${type}/${interaction.id}`]
  const by = (name: string) => interaction.parameters.find(one => one.name === name)?.value.split(',')
  const ids = by('_id')
  if (ids !== undefined) return ids.map(id => `${type}/${id}`)
  const identifiers = by('identifier')
  if (identifiers === undefined || identifiers.some(isOpen)) return undefined
  return identifiers.map(identifier => `${type}?${identifier}`)
}

/** Whether what is asked may be of a patient at all: directories and definitions are of nobody. */
export function isOfPatients({ resourceType, ...interaction }: DataInteraction): boolean {
  return !DIRECTORY_TYPES.has(resourceType) || ('includes' in interaction && gathers(interaction.includes))
}

function gathers(includes: SearchInteraction['includes']): boolean {
  return includes.some(({ reverse }) => reverse)
}

/**
 * Whether a search is narrowed by nothing but whose records are wanted, or gathers around a patient, a directory entry or a
 * case what points there (45 CFR 164.514(d)(5)). By its own terms alone.
 */
export function isWholeChart(interaction: DataInteraction, rule: HoldRule, table: HoldsTable): boolean {
  if (interaction.code !== 'search-type' || !isOfPatients(interaction)) return false
  const { resourceType, parameters, includes } = interaction
  const isWide = DIRECTORY_TYPES.has(resourceType) || table.wideTypes.includes(resourceType)
  if (gathers(includes) && isWide) return true
  const { any, byType } = table.narrowing
  const names = new Set([...(byType[resourceType] ?? any), ...rule.narrowing])
  if (parameters.some(one => names.has(one.name) && isNarrow(one, rule.values))) return false
  return !isDated(parameters, rule.spanDays, table.datesThatDoNot)
}

/** A few values, each of them one: `system|` alone means every code of a system. */
function isNarrow({ value }: SearchParameter, most: number): boolean {
  const values = value.split(',')
  return values.length <= most && !values.some(isOpen)
}

function isOpen(value: string): boolean {
  return value.endsWith('|')
}

/** Whether some date parameter has both ends, and not too far apart. */
function isDated(parameters: readonly SearchParameter[], most: number, without: readonly string[]): boolean {
  const dates = parameters.filter(({ name, type }) => type === 'date' && !without.includes(name))
  return [...Map.groupBy(dates, ({ name }) => name).values()].some(alike => {
    const days = spanInDays(alike.map(({ value }) => value))
    return days !== undefined && days <= most
  })
}
