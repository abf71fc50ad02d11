import type { ConsentDirective, ConsentVerdict } from '../model/consent.ts'
import type { AskConsents, DecisionContext, Reason } from '../model/decision.ts'
import type { LabelledResource } from '../model/label.ts'
import { ageHolds } from './age.ts'
import { consentKind, type FormQuestion } from './consent-kinds.ts'

/** What the Consents of one patient say of one resource. */
export interface PatientVoice {
  readonly patient: string
  readonly minor: boolean
  /** Whether any privacy Consent is on file at all. */
  readonly onFile: boolean
  readonly permits: readonly ConsentVerdict[]
  readonly denies: readonly ConsentVerdict[]
  readonly indeterminate: readonly ConsentVerdict[]
}

const SILENT_STATES: ReadonlySet<ConsentDirective['state']> = new Set(['inactive', 'not-privacy'])

/** Asks every patient of a resource once; a patient whose Consents were not looked up is `undefined`: doubt. */
export function hear(
  resource: LabelledResource,
  context: DecisionContext,
  ask: AskConsents,
): readonly PatientVoice[] | undefined {
  const voices: PatientVoice[] = []
  for (const patient of resource.facts.patients) {
    const directives = context.consents.get(patient)
    if (directives === undefined) return undefined
    voices.push(voiceOf(patient, directives, ask(patient, resource), context))
  }
  return voices
}

function voiceOf(
  patient: string,
  directives: readonly ConsentDirective[],
  verdicts: readonly ConsentVerdict[],
  context: DecisionContext,
): PatientVoice {
  return {
    patient,
    minor: ageHolds(context.birthDates.get(patient), context.at, { under: 18 }) !== 'no',
    onFile: directives.some(({ state }) => !SILENT_STATES.has(state)),
    permits: verdicts.filter(({ effect }) => effect === 'permit'),
    denies: verdicts.filter(({ effect }) => effect === 'deny'),
    indeterminate: verdicts.filter(({ effect }) => effect === 'indeterminate'),
  }
}

/** The Consents that meet one of these kinds, one or more for every patient; or what is missing. */
export type Met =
  | { readonly met: true; readonly by: readonly ConsentVerdict[] }
  | { readonly met: false; readonly why: string }

type FormSituation = Pick<FormQuestion, 'context' | 'tree'>

/** A resource without patients has nobody who could consent: never met. */
export function meets(kinds: readonly string[], voices: readonly PatientVoice[], at: FormSituation): Met {
  const by: ConsentVerdict[] = []
  const why: string[] = []
  for (const voice of voices) {
    const { fits, gaps } = fitting(kinds, voice, at)
    by.push(...fits)
    if (fits.length === 0) why.push(gaps.length > 0 ? gaps.toSorted().join('; ') : 'no Consent permits this')
  }
  return why.length === 0 && by.length > 0
    ? { met: true, by }
    : { met: false, why: [...new Set(why)].join('; ') || 'no patient who could consent' }
}

function fitting(
  kinds: readonly string[],
  { patient, minor, permits }: PatientVoice,
  { context, tree }: FormSituation,
): { readonly fits: readonly ConsentVerdict[]; readonly gaps: readonly string[] } {
  const fits: ConsentVerdict[] = []
  const gaps: string[] = []
  for (const verdict of permits) {
    const lacking = kinds.map(name => consentKind(name)(verdict.form, { context, tree, patient, minor }))
    if (lacking.some(missing => missing.length === 0)) fits.push(verdict)
    else gaps.push(`${verdict.ref.reference} lacks ${fewest(lacking).join(', ')}`)
  }
  return { fits, gaps }
}

/** Of several kinds, the one that the form comes closest to: what the privacy officer would have to complete. */
function fewest(lists: readonly (readonly string[])[]): readonly string[] {
  return lists.toSorted((left, right) => left.length - right.length)[0] ?? []
}

/** Reasons why Consents themselves refuse: a denial, or one that cannot be read. */
export function consentRefusals(voices: readonly PatientVoice[]): readonly Reason[] {
  return voices.flatMap(({ denies, indeterminate }) => [
    ...denies.map(verdict => ({ ...consentReason(verdict, 'consent-deny', 'deny'), ground: '171.202(e)' })),
    ...indeterminate.map(verdict => ({
      ...consentReason(verdict, 'consent-indeterminate', 'deny'),
      ground: '171.202(b)',
      ...(verdict.why === undefined ? {} : { why: verdict.why }),
    })),
  ])
}

export function consentReason(verdict: ConsentVerdict, rule: string, effect: Reason['effect']): Reason {
  return { rule, source: 'consent', consent: verdict.ref, path: verdict.path, effect }
}
