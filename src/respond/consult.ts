import type { ConsultBasis, Consulted, FlatAnswer, RecordedConsult } from '../model/consult.ts'
import type { ConsultResponder } from '../model/doors.ts'
import type { HttpResponse } from '../model/exchange.ts'
import { type JsonObject, SYSTEM } from '../model/fhir.ts'

export interface ConsultResponderOptions {
  /** External base of the FHIR API, no trailing slash: `source.url` of the cards, and base of `basedOn`. */
  readonly baseUrl: string
  /** Who answers: the custodian's name. */
  readonly label: string
  readonly unrecorded: () => HttpResponse
}

const HOOK = 'patient-consent-consult'
/** Member of `extension` with the exact answer; CDS Hooks asks for names in reverse-domain notation. */
const EXACT = 'example.consentry.consult'
const JSON_TYPE = 'application/json; charset=utf-8'
const FIXED = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' } as const

/** What a card says of a decision; the summary is the decision itself, for that is where existing clients read it. */
const CARDS = {
  CONSENT_PERMIT: ['info', 'A Consent of the patient permits this, except for what must be withheld.'],
  CONSENT_DENY: ['critical', 'This is not permitted.'],
  NO_CONSENT: ['warning', 'No Consent speaks of this.'],
} as const

/**
 * CDS Hooks documents (https://cds-hooks.hl7.org/2.0/). `answer` takes recorded consults only; a receipt of another
 * exchange counts as none.
 */
export function createConsultResponder(options: ConsultResponderOptions): ConsultResponder {
  const discovery = JSON.stringify({ services: [SERVICE] })
  return {
    discovery: () => ({ status: 200, headers: { 'Content-Type': JSON_TYPE, ...FIXED }, body: discovery }),
    compose: (consulted, flat) => JSON.stringify({ cards: [cardOf(consulted, flat, options)] }),
    answer: ({ id, receipt, release }: RecordedConsult) =>
      receipt.exchange === id
        ? {
            status: 200,
            headers: { 'Content-Type': JSON_TYPE, ...FIXED, 'X-Request-Id': id },
            body: release.body,
          }
        : options.unrecorded(),
  }
}

/** Nothing is prefetched: what decides comes from the record, not from the question. */
const SERVICE = {
  hook: HOOK,
  id: HOOK,
  title: 'Patient consent consult',
  description:
    "Says whether law and the patient's Consents permit the requester to have records of this patient for this purpose, " +
    'and which kinds of record must be withheld. Asked without data; answers without data.',
  usageRequirements: 'A bearer token of a registered client with the scope consent-consult.',
}

function cardOf(
  consulted: Omit<Consulted, 'release'>,
  flat: FlatAnswer,
  { baseUrl, label }: ConsultResponderOptions,
): JsonObject {
  const [indicator, detail] = CARDS[flat.decision]
  const wider =
    flat.widened.length === 0
      ? ''
      : ' The list of codes withholds more than must be; the exact answer stands beside it.'
  return {
    uuid: consulted.id,
    summary: flat.decision,
    detail: `${detail}${wider}`,
    indicator,
    source: { label, url: baseUrl },
    extension: {
      decision: flat.decision,
      obligations: obligationsOf(flat),
      ...basedOnOf(consulted.answer.basedOn, baseUrl),
      [EXACT]: exactOf(consulted, flat),
    },
  }
}

/** The one obligation that existing clients know: v3-ActCode REDACT with the codes any of which withholds a record. */
function obligationsOf({ codes, exceptAnyOfCodes }: FlatAnswer): readonly JsonObject[] {
  if (codes.length === 0 && exceptAnyOfCodes === undefined) return []
  return [
    {
      id: { system: SYSTEM.actCode, code: 'REDACT' },
      parameters: {
        codes: codes.map(coding => ({ ...coding })),
        ...(exceptAnyOfCodes === undefined
          ? {}
          : { exceptAnyOfCodes: exceptAnyOfCodes.map(coding => ({ ...coding })) }),
      },
    },
  ]
}

/** One URL, as existing clients read it: the Consent that denies, where one does; none for one of another server. */
function basedOnOf(bases: readonly ConsultBasis[], baseUrl: string): JsonObject {
  const basis = bases.find(({ effect }) => effect !== 'permit') ?? bases[0]
  if (basis === undefined || basis.consent.base !== undefined) return {}
  const { reference } = basis.consent
  return { basedOn: reference.includes('://') ? reference : `${baseUrl}/${reference}` }
}

function exactOf(
  { answer, consultedFor, interaction }: Omit<Consulted, 'release'>,
  { widened }: FlatAnswer,
): JsonObject {
  const { decision, indeterminate, needsData, withoutConsent, clauses, permitted, duties, basedOn } = answer
  const { labels, classes } = interaction
  return {
    decision,
    ...(indeterminate ? { indeterminate } : {}),
    ...(needsData ? { needsData } : {}),
    ...(withoutConsent === undefined ? {} : { withoutConsent }),
    purposeOfUse: consultedFor.purposeOfUse.effective,
    ...(labels.length === 0 ? {} : { labels: labels.map(coding => ({ ...coding })) }),
    ...(classes.length === 0 ? {} : { classes: classes.map(coding => ({ ...coding })) }),
    obligations: clauses.map(({ all, except }) => ({
      all: all.map(coding => ({ ...coding })),
      ...(except === undefined ? {} : { except: except.map(one => ({ ...one })) }),
    })),
    ...(permitted.length === 0
      ? {}
      : { permitted: permitted.map(set => ({ all: set.map(coding => ({ ...coding })) })) }),
    duties,
    basedOn: basedOn.map(({ consent, path, effect }) => ({
      consent: consent.reference,
      ...(consent.version === undefined ? {} : { version: consent.version }),
      ...(consent.source === undefined ? {} : { source: consent.source }),
      path,
      effect,
    })),
    widened: widened.map(({ clause, why }) => ({ ...(clause === undefined ? {} : { clause }), why })),
    content: false,
  }
}
