import type { Coding, JsonObject, Resource } from '../model/fhir.ts'
import { SYSTEM } from '../model/fhir.ts'
import { concerns, type FormFacts, isDate, labelsOf, type Party, purposesOf } from './facts.ts'
import type { FormAnswer, FormElement, FormReminder, FormTemplate, SigningPart } from './template.ts'

/** An element that is not on the form yet. */
export interface Missing {
  readonly linkId: string
  readonly citation: string
  readonly text: string
  /** What would answer it. */
  readonly asks: string
}

/** A Consent before it is signed, with what keeps it from being one. */
export interface WrittenForm {
  /** FHIR R4 Consent of status `proposed` (ready to be signed) or `draft` (elements are missing). */
  readonly consent: Resource
  /** To be given before the patient is asked to sign. */
  readonly missing: readonly Missing[]
  /** To be taken from who signs. */
  readonly atSigning: readonly Missing[]
  readonly reminders: readonly FormReminder[]
}

/** What an element needs, in the words of the command that gives it. */
const OPTION: Readonly<Record<string, string>> = {
  patient: '--patient Patient/x=Name',
  discloser: '--discloser Organization/x=Name',
  recipient: '--recipient Organization/x=Name',
  intermediary: '--intermediary Organization/x=Name',
  purpose: '--purpose TREAT',
  information: '--information "what is to be disclosed"',
  item: '--item Encounter/x',
  expires: '--expires <date or event>',
  paidOn: '--paid-on <date>',
  limits: '--limits "uses and limitations"',
  revoke: '--revoke "how to revoke"',
  consequences: '--consequences "what follows"',
}

const AT_SIGNING: Readonly<Record<SigningPart, string>> = {
  signature: 'performer and verification of the Consent, and this item',
  date: 'dateTime of the Consent, and this item',
  witness: 'this item',
}

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem'

/**
 * Writes the Consent of one form from what is given. What is not given is missing, never made up.
 * @param narrow a purpose and those above it whose permission covers it too
 */
export function writeForm(
  template: FormTemplate,
  facts: FormFacts,
  narrow: (purpose: string) => ReadonlySet<string>,
): WrittenForm {
  const elements = template.elements.filter(({ when }) => concerns(when, template, facts, narrow))
  const missing: Missing[] = []
  const atSigning: Missing[] = []
  const items = elements.map((element): JsonObject => {
    const { linkId, text, answer } = element
    const told = 'signing' in answer ? undefined : answerOf(answer, template, facts, narrow)
    if ('signing' in answer) atSigning.push(missed(element, AT_SIGNING[answer.signing]))
    else if (told === undefined || 'asks' in told) missing.push(missed(element, told?.asks ?? ''))
    return {
      linkId,
      text,
      ...(told !== undefined && 'text' in told ? { answer: [answered(told.text)] } : {}),
    }
  })
  const { patient } = facts
  const subject = patient === undefined ? {} : { subject: reference(patient) }
  const form = { resourceType: 'QuestionnaireResponse', id: 'form', status: 'in-progress', ...subject }
  const groups = groupOf(template, facts)
  const status = missing.length === 0 ? 'proposed' : 'draft'
  return {
    consent: consentOf(template, facts, status, [...groups, { ...form, item: items }]),
    missing,
    atSigning,
    reminders: template.reminders.filter(({ when }) => concerns(when, template, facts, narrow)),
  }
}

function missed({ linkId, citation, text }: FormElement, asks: string): Missing {
  return { linkId, citation, text, asks }
}

function answered(text: string): JsonObject {
  return isDate(text) && text.length === 10 ? { valueDate: text } : { valueString: text }
}

type Told = { readonly text: string } | { readonly asks: string }

function answerOf(
  answer: Exclude<FormAnswer, { signing: SigningPart }>,
  template: FormTemplate,
  facts: FormFacts,
  narrow: (purpose: string) => ReadonlySet<string>,
): Told {
  if ('statement' in answer) return statementOf(answer.statement, facts)
  const asks = OPTION[answer.from] ?? ''
  const text = factText(answer.from, template, facts)
  if (text === undefined || text.trim() === '') return { asks }
  if (answer.from !== 'expires' || isDate(text)) return { text }
  if (answer.dateOnly === true) return { asks: '--expires <date>: an event is not enough here' }
  const { noneFor = [] } = answer
  const mayBeNone = purposesOf(template, facts).every(code => noneFor.some(one => narrow(code).has(one)))
  if (text.trim().toLowerCase() !== 'none' || mayBeNone) return { text }
  return { asks: `${asks}: none is enough only for ${noneFor.join(', ')}` }
}

/** The statement with what is given in it; asks for what is not. */
function statementOf(statement: string, facts: FormFacts): Told {
  const open: string[] = []
  const text = statement.replaceAll(/\{(revoke|consequences)\}/g, (_, name: 'revoke' | 'consequences') => {
    const given = facts[name]?.trim()
    if (given === undefined || given === '') open.push(OPTION[name] ?? '')
    return given ?? ''
  })
  return open.length === 0 ? { text } : { asks: open.join(' ') }
}

function factText(
  name: Extract<FormAnswer, { from: string }>['from'],
  template: FormTemplate,
  facts: FormFacts,
): string | undefined {
  const { patient, intermediary } = facts
  switch (name) {
    case 'patient':
      return patient?.display
    case 'discloser':
      return namesOf(facts.disclosers)
    case 'recipient':
      return [namesOf(facts.recipients), designationOf(template, facts)?.words].filter(Boolean).join('; ')
    case 'intermediary':
      return intermediary === undefined ? undefined : nameOf(intermediary)
    case 'purpose':
      return purposesOf(template, facts).join(', ')
    case 'information':
      return facts.information ?? template.provision.information
    case 'item':
      return facts.items.join(', ')
    case 'expires':
    case 'paidOn':
    case 'limits':
      return facts[name]
  }
}

function nameOf({ display, reference: literal, identifier }: Party): string {
  return display ?? literal ?? identifier?.value ?? ''
}

function namesOf(parties: readonly Party[]): string {
  return parties.map(nameOf).join('; ')
}

interface Designation {
  readonly classes: readonly string[]
  readonly words: string
}

/** The general designation: what was given, or the form's own where nobody is named. */
function designationOf({ provision }: FormTemplate, facts: FormFacts): Designation | undefined {
  const own = provision.recipients
  const { recipientClasses: classes, recipients } = facts
  if (classes.length === 0) return recipients.length === 0 ? own : undefined
  const isOwn = own !== undefined && own.classes.join() === classes.join()
  return { classes, words: isOwn ? own.words : `my ${classes.join(', ').replaceAll('-', ' ')}` }
}

function groupOf(template: FormTemplate, facts: FormFacts): readonly JsonObject[] {
  const designation = designationOf(template, facts)
  if (designation === undefined) return []
  const { classes, words } = designation
  const coding = classes.map(code => ({ system: SYSTEM.recipientClass, code }))
  return [
    {
      resourceType: 'Group',
      id: 'recipients',
      active: true,
      type: 'practitioner',
      actual: false,
      code: { coding, text: words },
      name: words,
    },
  ]
}

/** A Reference to a party. */
function reference({ reference: literal, identifier, display }: Party): JsonObject {
  return {
    ...(literal === undefined ? {} : { reference: literal }),
    ...(identifier === undefined ? {} : { identifier: { ...identifier } }),
    ...(display === undefined ? {} : { display }),
  }
}

function consentOf(
  template: FormTemplate,
  facts: FormFacts,
  status: 'draft' | 'proposed',
  contained: readonly JsonObject[],
): Resource {
  const { policyRule, uri } = template
  const { patient, disclosers } = facts
  return {
    resourceType: 'Consent',
    contained,
    status,
    scope: { coding: [{ system: `${TERMINOLOGY}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0', display: 'Consent Document' }] }],
    ...(patient === undefined ? {} : { patient: reference(patient) }),
    ...(disclosers.length === 0 ? {} : { organization: disclosers.map(reference) }),
    sourceReference: { reference: '#form' },
    policy: [{ uri }],
    ...(policyRule === undefined ? {} : { policyRule: { coding: [{ ...policyRule }] } }),
    provision: provisionOf(template, facts, status),
  }
}

/**
 * A permit that lacks elements is left without its type: made active by mistake it cannot be read, and permits nothing,
 * where one without recipient or purpose would permit everybody everything.
 */
function provisionOf(template: FormTemplate, facts: FormFacts, status: 'draft' | 'proposed'): JsonObject {
  const { provision } = template
  const type = provision.type === 'permit' && status === 'draft' ? {} : { type: provision.type }
  const { codes, items, expires, intermediary } = facts
  const labels = labelsOf(template, facts)
  const purposes = purposesOf(template, facts)
  const actors = [
    ...(provision.type === 'permit' ? facts.disclosers.map(one => actor('CST', reference(one))) : []),
    ...facts.recipients.map(one => actor('IRCP', reference(one))),
    ...(intermediary === undefined ? [] : [actor('IRCP', reference(intermediary))]),
    ...(designationOf(template, facts) === undefined ? [] : [actor('IRCP', { reference: '#recipients' })]),
  ]
  return {
    ...type,
    ...(expires !== undefined && isDate(expires) ? { period: { end: expires } } : {}),
    ...(actors.length === 0 ? {} : { actor: actors }),
    ...(labels.length === 0 ? {} : { securityLabel: labels.map(one => ({ ...one })) }),
    ...(purposes.length === 0 ? {} : { purpose: purposes.map(purposeCoding) }),
    ...(codes.length === 0 ? {} : { code: codes.map(one => ({ coding: [{ ...one }] })) }),
    ...(items.length === 0
      ? {}
      : {
          data: items.map(item => ({
            meaning: provision.items ?? 'instance',
            reference: { reference: item },
          })),
        }),
  }
}

function actor(role: 'CST' | 'IRCP', who: JsonObject): JsonObject {
  return { role: { coding: [{ system: SYSTEM.participationType, code: role }] }, reference: who }
}

function purposeCoding(code: string): JsonObject {
  const coding: Coding = { system: SYSTEM.actReason, code }
  return { ...coding }
}
