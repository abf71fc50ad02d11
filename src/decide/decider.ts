import type { ConsentDirective } from '../model/consent.ts'
import type {
  AskConsents,
  DecidedResource,
  DecisionContext,
  Reason,
  ResourceDecision,
} from '../model/decision.ts'
import type { Decider } from '../model/doors.ts'
import type { LabelledResource } from '../model/label.ts'
import type { Profiles } from '../model/law.ts'
import { decideResource, denied } from './combine.ts'
import { type Duties, dutiesOf } from './duties.ts'
import { heedingEvidence } from './evidence.ts'
import { hear } from './patients.ts'
import { indexRows, type Plan, planFor } from './plan.ts'
import { purposeTree } from './purpose.ts'
import { type Judged, leavesOpen } from './resource-conditions.ts'

export interface DeciderOptions {
  /** Ids of law rows switched off or on against their default. */
  readonly disabledRows?: readonly string[]
  readonly enabledRows?: readonly string[]
  /** Purposes that only a rule naming them permits. Default BTG and HLEGAL. */
  readonly explicitPurposes?: readonly string[]
  /** Label code → the codes it stands under; a row on a code speaks of its children too. */
  readonly labelParents?: Readonly<Record<string, readonly string[]>>
}

/** What the decider needs of the profiles. Without `obligations` every obligation but AUDIT is unknown, and denies. */
export type DecisionProfiles = Pick<
  Profiles,
  'lawRows' | 'purposeParents' | 'revision' | 'obligations' | 'defaultPolicies' | 'views' | 'withheldTypes'
>

/**
 * The policy decision point. Pure and deterministic: deny overrides, doubt denies, no authority no release; every
 * decision names the rows, Consents and paths it rests on. It never throws: what throws inside denies.
 */
export function createDecider(profiles: DecisionProfiles, options: DeciderOptions = {}): Decider {
  const tree = purposeTree(profiles.purposeParents, options.explicitPurposes ?? ['BTG', 'HLEGAL'])
  const labels = purposeTree(options.labelParents ?? {}, [])
  const index = indexRows(profiles.lawRows, options)
  const duties = dutiesOf(profiles)
  const policies = profiles.defaultPolicies ?? {}

  const plansFor = (context: DecisionContext): readonly Plan[] => {
    const { defaultPolicy = context.policy === 'law' ? 'law' : undefined } = context
    const policy = defaultPolicy === undefined ? undefined : policies[defaultPolicy]
    return context.purposes.map(purpose => planFor(context, purpose, index, tree, policy))
  }

  /** The plans where nothing but the custodian's own default differs; the same for records of one organization. */
  const plansBySource = (context: DecisionContext, plans: readonly Plan[]): Session['plansOf'] => {
    const own = context.defaultPolicies ?? {}
    const known = new Map<string, readonly Plan[]>()
    return ({ source = '' }) => {
      const defaultPolicy = Object.hasOwn(own, source) ? own[source] : undefined
      if (defaultPolicy === undefined) return plans
      const made = known.get(defaultPolicy) ?? plansFor({ ...context, defaultPolicy })
      known.set(defaultPolicy, made)
      return made
    }
  }

  const judgedOf = (resource: LabelledResource): Judged => ({
    resource,
    codes: new Set([...resource.codes].flatMap(code => [...labels.wide(code)])),
  })

  const judge = (
    plans: readonly Plan[],
    resource: LabelledResource,
    context: DecisionContext,
    ask: AskConsents,
  ) => {
    const doubt = inDoubt(resource)
    if (doubt !== undefined) return denied([doubt])
    const voices = hear(resource, context, ask)
    if (voices === undefined) return denied([NOT_LOOKED_UP])
    return decideResource(plans, judgedOf(resource), voices, duties)
  }

  /** Plans and decisions so far, as long as context and ask are the same objects. */
  const sessions = new WeakMap<DecisionContext, Session>()
  const sessionOf = (context: DecisionContext, ask: AskConsents): Session | undefined => {
    const open = sessions.get(context)
    if (open?.ask === ask) return open
    const plans = attempt(() => plansFor(context))
    if (plans === undefined || plans.length === 0) return undefined
    const session = {
      ask,
      plansOf: plansBySource(context, plans),
      keyOf: sharing(plans, context, judgedOf, duties),
      known: new Map<string, ResourceDecision>(),
    }
    sessions.set(context, session)
    return session
  }

  /** Decides by the facts of the context alone. */
  const plainly: Decider['decide'] = (context, resources, ask) => {
    const session = sessionOf(context, ask)
    if (session === undefined) return resources.map(labelled => ({ labelled, decision: RULE_ERROR }))
    const { plansOf, keyOf, known } = session
    return resources.map((labelled): DecidedResource => {
      const decide = () => {
        const key = keyOf(labelled)
        const decision = known.get(key) ?? judge(plansOf(labelled), labelled, context, ask)
        known.set(key, decision)
        return decision
      }
      return { labelled, decision: attempt(decide) ?? RULE_ERROR }
    })
  }
  return {
    decide: heedingEvidence(plainly),
    projectionsAhead: context => [...new Set(plansFor(context).flatMap(plan => ahead(plan, duties)))],
  }
}

/** Projections that a release may come to pass for one purpose: whatever its rows ask for, should they speak. */
function ahead({ rows, situation }: Plan, duties: Duties): readonly string[] {
  const asked = rows.flatMap(({ row: { obligations = [], onOverride = [] } }) => [
    ...obligations,
    ...onOverride,
  ])
  return [...duties.views.ahead(situation, asked.filter(duties.needsView)), ...duties.standards(asked)]
}

interface Session {
  readonly ask: AskConsents
  readonly plansOf: (resource: LabelledResource) => readonly Plan[]
  readonly keyOf: (resource: LabelledResource) => string
  readonly known: Map<string, ResourceDecision>
}

/**
 * Resources of equal key are decided alike: by class, unless a Consent of a patient or a row that may speak of the class
 * looks at the resource itself. What could not be assessed is a class of its own.
 */
function sharing(
  plans: readonly Plan[],
  context: DecisionContext,
  judgedOf: (resource: LabelledResource) => Judged,
  { views }: Duties,
): (resource: LabelledResource) => string {
  const inside = new Map<string, boolean>()
  const looks = (resource: LabelledResource) => {
    const judged = judgedOf(resource)
    return (
      anyLooksInside(resource, context) ||
      plans.some(({ situation }) => views.looksInside(situation, resource.facts.type)) ||
      plans.some(({ inside, situation }) => inside.some(({ when }) => leavesOpen(when, judged, situation)))
    )
  }
  return resource => {
    const { classKey, facts } = resource
    if (inDoubt(resource) !== undefined) return `?${classKey}\n${facts.hash}`
    const known = inside.get(classKey) ?? looks(resource)
    inside.set(classKey, known)
    return known ? `${classKey}\n${facts.hash}` : classKey
  }
}

/** A rule that throws denies (invariant 2): undefined where it did. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch {
    return undefined
  }
}

function doubtful(rule: string, why: string): Reason {
  return { rule, source: 'label', effect: 'deny', ground: '171.204(a)(2)', why }
}

const NOT_LOOKED_UP = doubtful('consents-not-looked-up', 'Consents of a patient were not looked up')
const RULE_ERROR = denied([doubtful('rule-error', 'a rule could not be evaluated')])

function inDoubt({ notAssessable, facts }: LabelledResource): Reason | undefined {
  const why = notAssessable ?? facts.notAssessable
  if (why !== undefined) return doubtful('not-assessable', why)
  if (facts.patientData && facts.patients.length === 0)
    return doubtful('no-patient', 'the resource names no patient')
  return undefined
}

function anyLooksInside({ facts }: LabelledResource, { consents }: DecisionContext): boolean {
  return facts.patients.some(patient =>
    (consents.get(patient) ?? NONE).some(({ looksInside }) => looksInside),
  )
}

const NONE: readonly ConsentDirective[] = []
