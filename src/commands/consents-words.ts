import type { ProvisionActor, ProvisionDescription } from '../consent/provisions.ts'
import type { Coding } from '../model/fhir.ts'

/** One provision in one sentence: permits or refuses, what, by whom, to whom, what for, when. */
export function provisionInWords(provision: ProvisionDescription): string {
  const { type, recipients, disclosers, sources, others, purposes } = provision
  const parts = [
    type === 'permit' ? 'permits' : 'refuses',
    ...actions(provision.actions),
    what(provision),
    ...(sources.length === 0 ? [] : [`made by ${people(sources)}`]),
    ...(disclosers.length === 0 ? [] : [`by ${people(disclosers)}`]),
    recipients.length === 0 ? 'to anybody' : `to ${people(recipients)}`,
    ...(others.length === 0 ? [] : [`(also named, in another role: ${people(others)})`]),
    purposes === undefined ? 'for any purpose' : `for ${codes(purposes)}`,
    ...span(provision.span, ''),
  ]
  return parts.join(' ')
}

function actions(given: readonly Coding[] | undefined): readonly string[] {
  return given === undefined ? ['access to'] : [`${codes(given)} of`]
}

function what({ labels, classes, codes: coded, data, dataPeriod }: ProvisionDescription): string {
  const limits = [
    ...(labels === undefined ? [] : [`labelled ${codes(labels)}`]),
    ...(classes === undefined ? [] : [`of class ${codes(classes)}`]),
    ...(coded === undefined ? [] : [`coded ${codes(coded)}`]),
    ...(data ?? []).map(({ meaning, actor }) => `${MEANING[meaning] ?? meaning} ${person(actor)}`),
    ...(dataPeriod === undefined ? [] : span(dataPeriod, 'dated ')),
  ]
  return limits.length === 0 ? 'every record' : `records ${limits.join(', ')}`
}

/** consent-data-meaning of R4 in words. */
const MEANING: Readonly<Record<string, string>> = {
  instance: 'that are',
  related: 'that are or are named in',
  dependents: 'that are or refer to',
  authoredby: 'written by',
}

function codes(given: readonly Coding[]): string {
  return given
    .map(({ code, display }) => (display === undefined ? code : `${code} (${display})`))
    .join(' or ')
}

function people(given: readonly ProvisionActor[]): string {
  return given.map(person).join(' or ')
}

/** Whom a provision names, as it names them. */
export function person({ reference, identifier, display, classes }: ProvisionActor): string {
  const name =
    reference?.startsWith('#') === false
      ? reference
      : identifier === undefined
        ? undefined
        : `${identifier.system ?? ''}|${identifier.value}`
  const words = [...(display === undefined ? [] : [`"${display}"`]), ...classes]
  if (name === undefined) return words.length === 0 ? 'somebody who is not named' : words.join(' ')
  return words.length === 0 ? name : `${name} (${words.join(' ')})`
}

/** From and until in UTC; nothing where it is open on both sides. */
function span(
  { start, end }: { readonly start: number; readonly end: number },
  word: string,
): readonly string[] {
  const from = Number.isFinite(start) ? [`from ${instant(start)}`] : []
  const until = Number.isFinite(end) ? [`until ${instant(end)}`] : []
  const both = [...from, ...until].join(' ')
  return both === '' ? [] : [`${word}${both}`]
}

function instant(at: number): string {
  return new Date(at).toISOString().replace(/:00\.000Z$/, 'Z')
}
