import type { ConsentForm } from '../model/consent.ts'
import type { DecisionContext } from '../model/decision.ts'
import { CONFIDENTIALITY_ORDER } from '../model/label.ts'
import { parentMustSign } from './minors.ts'
import { organizationChain, personsBehind } from './organizations.ts'
import type { PurposeTree } from './purpose.ts'
import { standingOf } from './representatives.ts'

/** What a form is checked against beside itself. */
export interface FormQuestion {
  readonly context: DecisionContext
  /** Purpose codes and what stands above them. */
  readonly tree: PurposeTree
  /** `Patient/x` whose Consent it is. */
  readonly patient: string
  /** True where that patient is, or may be, under 18. */
  readonly minor: boolean
}

/** Elements that the form lacks to be a Consent of this kind, named by their paragraph; none = it is one. */
export type ConsentKind = (form: ConsentForm, question: FormQuestion) => readonly string[]

/**
 * The check by the name that law data uses; `specific:HIV` = a written Consent that names this label. Unknown kinds are
 * met by nothing.
 */
export function consentKind(name: string): ConsentKind {
  const label = name.startsWith('specific:') ? name.slice('specific:'.length) : undefined
  if (label !== undefined)
    return form => [...written(form), ...lacks(!form.labels.includes(label), `label ${label}`)]
  return KINDS[name] ?? (() => [`unknown kind of consent ${name}`])
}

/** True where the check is known by that name. */
export function isConsentKind(name: string): boolean {
  return name.startsWith('specific:') || Object.hasOwn(KINDS, name)
}

const KINDS: Readonly<Record<string, ConsentKind>> = {
  /** Any written Consent: signed and dated. */
  'any-written': form => written(form),
  /** Whatever the patient said yes to; for an organization's own policy. */
  any: () => [],
  part2: (form, question) => part2(form, question),
  'part2-tpo': (form, question) => [...lacks(!isTpo(form), '2.31(a)(5)'), ...part2(form, question)],
  /** 42 CFR 2.31(d): for use in proceedings, combined with no other purpose. */
  'part2-legal': (form, question) => [
    ...part2(form, question),
    ...lacks(!form.purposes.every(purpose => purpose === 'HLEGAL'), '2.31(d)'),
  ],
  'hipaa-auth': (form, question) => authorization(form, question, authorizationPolicies(form, question)),
  /** 45 CFR 164.508(b)(3)(ii): combined only with another authorization for psychotherapy notes. */
  'psychotherapy-notes-only': (form, question) => [
    ...authorization(form, question, ['hipaa-auth', 'HIPAAPsyNotes']),
    ...lacks(
      !namesNotesOnly(form, question.context, ['PSYTHPN'], 'psychotherapy-notes'),
      '164.508(b)(3)(ii)',
    ),
  ],
  /** 42 CFR 2.31(b): combined only with another consent for SUD counseling notes. */
  'sud-notes-only': (form, question) => [
    ...part2(form, question),
    ...lacks(!namesNotesOnly(form, question.context, ['SUDCN'], 'sud-counseling-notes'), '2.31(b)'),
  ],
  /** Signed by the minor patient (state rows on minors' services). */
  'minor-signed': (form, { patient }) => [
    ...written(form),
    ...lacks(!form.signers.includes(patient), 'signature of the minor'),
  ],
}

const TPO = ['TREAT', 'HPAYMT', 'HOPERAT']

function lacks(missing: boolean, element: string): readonly string[] {
  return missing ? [element] : []
}

function written(form: ConsentForm): readonly string[] {
  return [...lacks(!form.signed, 'signature'), ...lacks(!form.dated, 'date')]
}

/**
 * 42 CFR 2.31(a), each element by its paragraph. Facts of the Consent itself are always asked for; statements that only
 * the form holds (`2.31(a)(…)` items) where the form came with it.
 */
function part2(form: ConsentForm, question: FormQuestion): readonly string[] {
  const tpo = isTpo(form)
  const openEnded = isWithinTpo(form, question.tree)
  return [
    ...lacks(!isPart2Policy(form), 'policy 42CFRPart2'),
    ...lacks(form.disclosers.length === 0, '2.31(a)(2)'),
    ...lacks(!isDescribed(form), '2.31(a)(3)'),
    ...lacks(form.recipients.length === 0, '2.31(a)(4)'),
    ...lacks(!namesIntermediary(form, question.context), '2.31(a)(4)(ii)(A)'),
    ...lacks(!reachesRequester(form, question), '2.31(a)(4)(ii)(B)'),
    ...lacks(form.purposes.length === 0, '2.31(a)(5)'),
    ...lacks(!isLimited(form, '2.31(a)(7)', openEnded), '2.31(a)(7)'),
    ...lacks(!form.signed || !isSignedByRight(form, question), '2.31(a)(8)'),
    ...lacks(!form.dated, '2.31(a)(9)'),
    ...lacks(question.minor && !form.signers.includes(question.patient), '2.14'),
    ...lacks(
      question.minor && parentMustSign(question.context) && !isSignedByOther(form, question),
      '2.14(b)',
    ),
    ...statements(form, PART2_STATEMENTS),
    ...(tpo ? statements(form, TPO_STATEMENTS) : []),
  ]
}

const PART2_STATEMENTS = ['1', '2', '3', '4', '5', '6', '8', '9'].map(number => `2.31(a)(${number})`)
/** 2.31(a)(10): redisclosure and consequences of refusal, where the consent is for all of TPO. */
const TPO_STATEMENTS = ['2.31(a)(10)(i)', '2.31(a)(10)(ii)']

function isTpo(form: ConsentForm): boolean {
  return TPO.every(purpose => form.purposes.includes(purpose))
}

/** Every purpose the form names is treatment, payment, operations or a kind of one of them, proceedings excepted. */
function isWithinTpo({ purposes }: ConsentForm, tree: PurposeTree): boolean {
  return purposes.length > 0 && purposes.every(purpose => TPO.some(wider => tree.narrow(purpose).has(wider)))
}

function isPart2Policy({ policies }: ConsentForm): boolean {
  return policies.some(policy => policy === '42CFRPart2' || /part-2(\/|$)/.test(policy))
}

function isDescribed(form: ConsentForm): boolean {
  return form.labels.length > 0 || (form.codes?.length ?? 0) > 0 || isSaid(form, '2.31(a)(3)')
}

/** An end, or a form that states one; "none" is enough for treatment, payment or operations only (2.31(a)(7)). */
function isLimited(form: ConsentForm, item: string, noneSuffices: boolean): boolean {
  if (form.periodEnd !== undefined) return true
  return isSaid(form, item) && (noneSuffices || form.items[item]?.trim().toLowerCase() !== 'none')
}

function statements(form: ConsentForm, items: readonly string[]): readonly string[] {
  const carried = Object.keys(form.items).some(item => item.startsWith('2.31('))
  return carried ? items.filter(item => !isSaid(form, item)) : []
}

function isSaid(form: ConsentForm, item: string): boolean {
  const answer = form.items[item]?.trim().toLowerCase()
  return answer !== undefined && answer !== '' && answer !== 'false'
}

/**
 * By the patient, or by one whom the site recognised as the patient's representative (2.15(a), 164.502(g)). What another
 * person signed for an adult is no signature; for a minor the parent is that person unless the site refused this one.
 */
function isSignedByRight({ signers }: ConsentForm, { context, patient, minor }: FormQuestion): boolean {
  const others = signers.filter(signer => RELATED.test(signer))
  if (others.length === 0 || signers.includes(patient)) return true
  return others.some(signer => {
    const standing = standingOf(signer, context)
    return standing === 'recognised' || (minor && standing === 'unknown')
  })
}

/** Relatives and the like; a clinician or an organization stands beside as a witness. */
const RELATED = /(^|\/)RelatedPerson\//

function isSignedByOther({ signers }: ConsentForm, { patient }: FormQuestion): boolean {
  return signers.some(signer => signer !== patient)
}

/**
 * 2.31(a)(4)(ii)(A): what an intermediary passes on rests on a consent that names it. An exchange is none toward those
 * whose business associate it is (2.11).
 */
function namesIntermediary(
  { recipients, disclosers }: ConsentForm,
  { custodian, registry, directory }: DecisionContext,
): boolean {
  const { organization, kind, hipaa } = custodian
  const listed = registry.other['intermediaries']
  const entry = Array.isArray(listed) ? listed.find(each => each?.organization === organization) : undefined
  if (entry === undefined && !(kind === 'hie' && hipaa === 'none')) return true
  const served: readonly unknown[] = Array.isArray(entry?.businessAssociateOf)
    ? entry.businessAssociateOf
    : []
  const ofDiscloser = disclosers.length > 0 && disclosers.every(({ reference }) => served.includes(reference))
  const own = organizationChain(organization, directory)
  return ofDiscloser || recipients.some(({ reference }) => reference !== undefined && own.has(reference))
}

/**
 * A general designation "my treating providers" needs a treating relationship: who is registered as having none is
 * reached only by name (2.31(a)(4)(ii)(B)).
 */
function reachesRequester(form: ConsentForm, { context: { requester, directory } }: FormQuestion): boolean {
  if (requester.relationship !== 'none') return true
  const named = form.recipients.filter(({ classes }) => classes.length === 0)
  const known = new Set<string | undefined>([
    requester.organization,
    ...personsBehind(requester.user, directory),
  ])
  for (const actor of requester.actors) known.add(actor.reference)
  return named.some(
    ({ reference, identifier }) =>
      (reference !== undefined && known.has(reference)) ||
      requester.actors.some(
        actor =>
          identifier !== undefined &&
          actor.identifier?.value === identifier.value &&
          actor.identifier.system === identifier.system,
      ),
  )
}

/**
 * 45 CFR 164.508(b)(3)(i): an authorization for a research study (HL7 consentpolicycodes `hipaa-research`) may be one with
 * the consent to take part in it; it authorizes nothing beside research.
 */
function authorizationPolicies({ purposes }: ConsentForm, { tree }: FormQuestion): readonly string[] {
  const forResearch = purposes.length > 0 && purposes.every(purpose => tree.narrow(purpose).has('HRESCH'))
  return ['hipaa-auth', 'HIPAAPsyNotes', ...(forResearch ? ['hipaa-research'] : [])]
}

/** 45 CFR 164.508(c): what, who, to whom, why, until when, signed, dated. */
function authorization(
  form: ConsentForm,
  question: FormQuestion,
  policies: readonly string[],
): readonly string[] {
  return [
    ...lacks(!form.policies.some(policy => policies.includes(policy)), 'policy hipaa-auth'),
    ...lacks(form.disclosers.length === 0, '164.508(c)(1)(ii)'),
    ...lacks(form.recipients.length === 0, '164.508(c)(1)(iii)'),
    ...lacks(form.purposes.length === 0, '164.508(c)(1)(iv)'),
    ...lacks(form.periodEnd === undefined && !isExpiryStated(form), '164.508(c)(1)(v)'),
    ...lacks(!form.signed || !form.dated || !isSignedByRight(form, question), '164.508(c)(1)(vi)'),
  ]
}

/** Some form item on expiration, of whatever statute, says when or on what event it ends. */
function isExpiryStated(form: ConsentForm): boolean {
  return Object.keys(form.items).some(
    item => /expir|\(c\)\(1\)\(v\)|\(a\)\(7\)/.test(item) && isSaid(form, item),
  )
}

/** The form speaks of such notes by label or by the site's own code, and of nothing else. */
function namesNotesOnly(
  form: ConsentForm,
  { registry }: DecisionContext,
  labels: readonly string[],
  kind: string,
): boolean {
  const codes = separateNoteCodes(registry.other['separateNotes'], kind)
  const byLabel = form.labels.filter(label => label !== '42CFRPart2' && !GRADES.has(label))
  const byCode = form.codes ?? []
  if (form.general) return false
  const named = byLabel.length + byCode.length
  return named > 0 && byLabel.every(label => labels.includes(label)) && byCode.every(code => codes.has(code))
}

/** A confidentiality bounds what a form names; it names no subject. */
const GRADES: ReadonlySet<string> = new Set(CONFIDENTIALITY_ORDER)

/** registry.separateNotes: a list of { coding, kind }. */
function separateNoteCodes(entries: unknown, kind: string): ReadonlySet<string> {
  if (!Array.isArray(entries)) return new Set()
  const ofKind = entries.filter(entry => entry?.kind === kind)
  return new Set(ofKind.map(({ coding }) => `${coding?.system ?? ''}|${coding?.code ?? ''}`))
}
