import type { ConsentForm, Directory } from '../model/consent.ts'
import type { JsonObject, Resource } from '../model/fhir.ts'
import { CONFIDENTIALITY_ORDER } from '../model/label.ts'
import { recipientClassesOf } from './actors.ts'
import type { Rule } from './compile.ts'
import { isObject, objectsIn, textIn } from './json.ts'
import { containedOf, type PlacedActor } from './roles.ts'

/** 42 CFR 2.31(a)(8) and (9), 45 CFR 164.508(c)(1)(vi), and the generic endings of state forms. */
const SIGNATURE_ITEMS = new Set(['2.31(a)(8)', '164.508(c)(1)(vi)', 'signature'])
const DATE_ITEMS = new Set(['2.31(a)(9)', '164.508(c)(1)(vi)', 'date'])

function isItem(linkId: string, known: ReadonlySet<string>): boolean {
  return known.has(linkId) || known.has(linkId.slice(linkId.lastIndexOf(':') + 1))
}

function answerText(answer: JsonObject): string {
  for (const [key, value] of Object.entries(answer)) {
    if (!key.startsWith('value')) continue
    if (!isObject(value)) return String(value)
    return (
      textIn(value['reference']) ?? textIn(value['code']) ?? textIn(value['display']) ?? JSON.stringify(value)
    )
  }
  return ''
}

function collectItems(items: readonly JsonObject[], into: Record<string, string>): void {
  for (const item of items) {
    const linkId = textIn(item['linkId'])
    const answers = objectsIn(item['answer'])
    if (linkId !== undefined && answers.length > 0) into[linkId] = answers.map(answerText).join('; ')
    for (const answer of answers) collectItems(objectsIn(answer['item']), into)
    collectItems(objectsIn(item['item']), into)
  }
}

/** The contained QuestionnaireResponse that `sourceReference` points to. */
function formOf(consent: Resource): Resource | undefined {
  const source = consent['sourceReference']
  const reference = isObject(source) ? textIn(source['reference']) : undefined
  const form = reference === undefined ? undefined : containedOf(consent).get(reference)
  return form?.resourceType === 'QuestionnaireResponse' ? form : undefined
}

function referencesIn(values: readonly JsonObject[]): readonly string[] {
  return values.flatMap(value => textIn(value['reference']) ?? [])
}

function policiesOf(consent: Resource): readonly string[] {
  const rule = consent['policyRule']
  const codes = objectsIn(isObject(rule) ? rule['coding'] : undefined).flatMap(
    ({ code }) => textIn(code) ?? [],
  )
  return [...codes, ...objectsIn(consent['policy']).flatMap(({ uri }) => textIn(uri) ?? [])]
}

function signersOf(consent: Resource): readonly string[] {
  const verified = objectsIn(consent['verification'])
    .filter(({ verified: holds }) => holds === true)
    .flatMap(({ verifiedWith }) => (isObject(verifiedWith) ? [verifiedWith] : []))
  return [...new Set(referencesIn([...objectsIn(consent['performer']), ...verified]))]
}

function rulesOf(rule: Rule): readonly Rule[] {
  return [rule, ...rule.children.flatMap(rulesOf)]
}

/** The rules a form is about: what it permits, or, where it permits nothing, what it refuses. */
function speakingRules(root: Rule | undefined): readonly Rule[] {
  const rules = root === undefined ? [] : rulesOf(root)
  const permits = rules.filter(
    ({ type, path, silent }) => type === 'permit' && path !== 'policyRule' && silent !== true,
  )
  return permits.length > 0 ? permits : rules
}

type Party = ConsentForm['disclosers'][number]

function partyOf({ reference, identifier, display }: PlacedActor): Party {
  return {
    ...(reference === undefined ? {} : { reference }),
    ...(identifier === undefined ? {} : { identifier }),
    ...(display === undefined ? {} : { display }),
  }
}

function distinct<T>(values: readonly T[]): readonly T[] {
  return [...new Map(values.map(value => [JSON.stringify(value), value])).values()]
}

function recipientOf(actor: PlacedActor): ConsentForm['recipients'][number] {
  const { contained } = actor
  return {
    ...partyOf(actor),
    classes: contained?.resourceType === 'Group' ? recipientClassesOf(contained) : [],
  }
}

/** `system|code` of every kind of content the rules name; absent where they name none. */
function siteCodes(rules: readonly Rule[]): { readonly codes?: readonly string[] } {
  const codings = rules.flatMap(({ elements }) => elements.code ?? []).flat()
  if (codings.length === 0) return {}
  return { codes: distinct(codings.map(({ system, code }) => `${system ?? ''}|${code}`)) }
}

/** Labels that say under which law or how closely a record is kept, and nothing of its subject. */
const NO_SUBJECT: ReadonlySet<string> = new Set(['42CFRPart2', ...CONFIDENTIALITY_ORDER])

/** A rule limited to no subject, code or instance: it speaks of records of every kind. */
function isGeneral({ type, elements: { securityLabel = [], code, data } }: Rule): boolean {
  const namesSubject = securityLabel.some(label => !NO_SUBJECT.has(label.code))
  return type === 'permit' && !namesSubject && code === undefined && data === undefined
}

function periodOf(consent: Resource): { readonly periodStart?: string; readonly periodEnd?: string } {
  const provision = consent['provision']
  const period = isObject(provision) && isObject(provision['period']) ? provision['period'] : {}
  const [periodStart, periodEnd] = [textIn(period['start']), textIn(period['end'])]
  return {
    ...(periodStart === undefined ? {} : { periodStart }),
    ...(periodEnd === undefined ? {} : { periodEnd }),
  }
}

/**
 * Takes a Consent and its rules (none where they could not be read); returns the facts that law asks of a form. Never
 * throws: what is malformed is missing.
 */
export function formFacts(consent: Resource, root: Rule | undefined): ConsentForm {
  const form = formOf(consent)
  const items: Record<string, string> = {}
  collectItems(objectsIn(form?.['item']), items)
  const answered = Object.keys(items)
  const dateTime = textIn(consent['dateTime'])
  const signers = signersOf(consent)
  const rules = speakingRules(root)
  const codesOf = (element: 'purpose' | 'securityLabel') =>
    distinct(rules.flatMap(({ elements }) => (elements[element] ?? []).map(({ code }) => code)))
  return {
    policies: policiesOf(consent),
    signed: signers.length > 0 || answered.some(linkId => isItem(linkId, SIGNATURE_ITEMS)),
    dated: dateTime !== undefined || answered.some(linkId => isItem(linkId, DATE_ITEMS)),
    ...(dateTime === undefined ? {} : { dateTime }),
    signers,
    purposes: codesOf('purpose'),
    labels: codesOf('securityLabel'),
    ...siteCodes(rules),
    ...(rules.some(isGeneral) ? { general: true as const } : {}),
    recipients: distinct(rules.flatMap(({ recipients }) => recipients.map(recipientOf))),
    disclosers: distinct(rules.flatMap(({ disclosers }) => disclosers.map(partyOf))),
    ...periodOf(consent),
    items,
  }
}

/** The form with the coded classes of the Groups that the directory can read. */
export function withClasses(form: ConsentForm, directory: Directory): ConsentForm {
  let found = false
  const recipients = form.recipients.map(recipient => {
    if (recipient.reference === undefined || recipient.classes.length > 0) return recipient
    const resource = directory.resolve(recipient.reference)
    if (resource?.resourceType !== 'Group') return recipient
    found = true
    return { ...recipient, classes: recipientClassesOf(resource) }
  })
  return found ? { ...form, recipients } : form
}
