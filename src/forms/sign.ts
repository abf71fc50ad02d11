import type { JsonObject, JsonValue, Resource } from '../model/fhir.ts'
import type { FormTemplate, SigningPart } from './template.ts'

/** What a Consent looks like once it is signed. */
export interface Signing {
  /** `YYYY-MM-DD` */
  readonly on: string
  /** Who signs: the patient, or who may sign for the patient. Default: `Consent.patient`. */
  readonly signer?: string
  readonly witness?: string
}

/** linkIds of all forms that are answered at signing, and with what. */
export function signingItems(templates: readonly FormTemplate[]): ReadonlyMap<string, SigningPart> {
  return new Map(
    templates.flatMap(({ elements }) =>
      elements.flatMap(({ linkId, answer }) =>
        'signing' in answer ? [[linkId, answer.signing] as const] : [],
      ),
    ),
  )
}

/**
 * The same Consent as if it were signed: active, dated, with its signature items answered and valid from that day. What is
 * there already stays. The input is not changed; nothing that is missing beside signature and date is made up.
 */
export function signed(
  consent: Resource,
  { on, signer, witness }: Signing,
  items: ReadonlyMap<string, SigningPart>,
): Resource {
  const patient = isObject(consent['patient']) ? consent['patient'] : undefined
  const who = signer === undefined ? patient : { reference: signer }
  const provision = isObject(consent['provision']) ? consent['provision'] : undefined
  const answers: Readonly<Record<SigningPart, JsonObject | undefined>> = {
    signature: who === undefined ? undefined : { valueReference: { ...who } },
    date: { valueDate: on },
    witness: witness === undefined ? undefined : { valueString: witness },
  }
  return {
    ...consent,
    ...(Array.isArray(consent['contained'])
      ? {
          contained: consent['contained'].map(one =>
            isForm(one) ? filled(one, on, who, answers, items) : one,
          ),
        }
      : {}),
    status: 'active',
    dateTime: consent['dateTime'] ?? on,
    ...(who === undefined
      ? {}
      : {
          performer: consent['performer'] ?? [who],
          verification: consent['verification'] ?? [
            { verified: true, verifiedWith: who, verificationDate: on },
          ],
        }),
    ...(provision === undefined
      ? {}
      : { provision: { ...provision, period: begun(provision['period'], on) } }),
  }
}

function begun(period: JsonValue | undefined, on: string): JsonObject {
  const given = isObject(period) ? period : {}
  return { start: on, ...given }
}

function filled(
  form: JsonObject,
  on: string,
  who: JsonObject | undefined,
  answers: Readonly<Record<SigningPart, JsonObject | undefined>>,
  items: ReadonlyMap<string, SigningPart>,
): JsonObject {
  const list = Array.isArray(form['item']) ? form['item'] : []
  return {
    ...form,
    status: 'completed',
    authored: form['authored'] ?? on,
    ...(who === undefined ? {} : { author: form['author'] ?? who }),
    item: list.map(item => {
      if (!isObject(item) || item['answer'] !== undefined) return item
      const part = items.get(String(item['linkId']))
      const answer = part === undefined ? undefined : answers[part]
      return answer === undefined ? item : { ...item, answer: [answer] }
    }),
  }
}

function isForm(value: JsonValue): value is JsonObject {
  return isObject(value) && value['resourceType'] === 'QuestionnaireResponse'
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
