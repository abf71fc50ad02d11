import { consentKind, type FormQuestion } from '../decide/consent-kinds.ts'
import { purposeTree } from '../decide/purpose.ts'
import type { Engine } from '../engine.ts'
import type { FormTemplate } from '../forms/template.ts'
import type { ConsentForm, Directory } from '../model/consent.ts'
import type { SiteRegistry } from '../model/decision.ts'

const NO_REGISTRY: SiteRegistry = {
  part2Programs: [],
  sudOnlyFacilities: [],
  notFederallyAssisted: [],
  sources: {},
  agreements: [],
  other: {},
}

/**
 * What a form is checked against when nobody in particular asks: a requester who treats the patient, so that the check
 * speaks of the form and not of whom it reaches.
 */
export function formQuestion(
  { purposes }: Engine,
  about: {
    readonly at: Date
    readonly patient: string
    readonly minor: boolean
    readonly registry?: SiteRegistry
    readonly directory?: Directory
  },
): FormQuestion {
  const directory = about.directory ?? { resolve: () => undefined }
  return {
    tree: purposeTree(purposes.purposeParents, purposes.explicitPurposes),
    patient: about.patient,
    minor: about.minor,
    context: {
      at: about.at,
      zone: 'UTC',
      custodian: { organization: 'Organization/unknown', state: '', hipaa: 'none', part2: 'none' },
      registry: about.registry ?? NO_REGISTRY,
      requester: {
        key: '',
        client: '',
        hipaa: 'none',
        part2: 'none',
        relationship: 'treating',
        userRoles: [],
        actors: [],
        scopes: [],
        claims: {},
        residual: [],
      },
      purposes: [],
      action: 'access',
      directory,
      policy: 'law',
      consents: new Map(),
      birthDates: new Map(),
      organizationPolicy: [],
    },
  }
}

/** Elements the form lacks to be of this kind, by paragraph (`2.31(a)(7)`). */
export function lacking(kind: string, form: ConsentForm, question: FormQuestion): readonly string[] {
  return consentKind(kind)(form, question)
}

/** A paragraph with the words the forms of profiles/consent-forms have for it. */
export function inWords(paragraph: string, templates: readonly FormTemplate[]): string {
  const element = templates
    .flatMap(({ elements }) => elements)
    .find(({ linkId }) => linkId === paragraph || linkId.startsWith(`${paragraph}:`))
  return element === undefined ? paragraph : `${paragraph} (${element.text.toLowerCase()})`
}
