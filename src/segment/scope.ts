import type { ConsentDirective, ConsentForm, ConsentRef } from '../model/consent.ts'

/**
 * A clear explanation of the scope of a consent in plain words (42 CFR 2.32(b)), from the Consent alone: it names nothing
 * of the record beyond what the consent itself says.
 */
export function explainScope(directive: ConsentDirective): string {
  const { form, ref } = directive
  const parts = [
    `Disclosed with the patient's written consent ${ref.reference}${ref.version === undefined ? '' : ` version ${ref.version}`}` +
      (ref.base === undefined ? '' : ` of ${ref.source}`),
    ...(form.dateTime === undefined ? [] : [`signed ${form.dateTime}`]),
  ]
  return `${parts.join(', ')}. Scope: ${scopeParts(form, ref).join('; ')}.`
}

/** Where another server is says nothing of the scope. */
function named(reference: string | undefined, { base, source }: ConsentRef): string | undefined {
  return base !== undefined && reference?.startsWith(`${base}/`)
    ? `${reference.slice(base.length + 1)} of ${source}`
    : reference
}

function scopeParts(form: ConsentForm, ref: ConsentRef): string[] {
  const from = form.disclosers.map(
    party => party.display ?? named(party.reference, ref) ?? party.identifier?.value ?? 'unnamed',
  )
  const to = form.recipients.map(
    party =>
      party.display ?? named(party.reference, ref) ?? party.identifier?.value ?? party.classes.join(' and '),
  )
  return [
    `from ${from.length === 0 ? 'the record holder' : from.join(', ')}`,
    `to ${to.length === 0 ? 'the recipients the consent names' : to.join(', ')}`,
    `for ${form.purposes.length === 0 ? 'the purposes the consent names' : form.purposes.join(', ')}`,
    `information: ${form.labels.length === 0 ? 'all records the consent describes' : form.labels.join(', ')}`,
    `valid ${form.periodStart === undefined ? '' : `from ${form.periodStart} `}${form.periodEnd === undefined ? 'until revoked' : `to ${form.periodEnd}`}`,
  ]
}
