import type { ReverseEdge } from '../model/doors.ts'
import { DIRECTORY_TYPES } from '../model/fhir.ts'
import type { Label } from '../model/label.ts'
import { IDENTITIES } from './edges.ts'

/** An edge that is followed from what is pointed at back to what points at it, and what it says then. */
export interface ReverseRule extends ReverseEdge {
  /** Types of what is pointed at; absent: every type of patient data but the referring one. */
  readonly targets?: readonly string[]
  /**
   * What the referring record says of the target. `same`: it is the same thing in another form, so all of it. `group`: it
   * holds many things together, so what it says of itself as a whole (`speaks`), and never what another member tells.
   * `nothing`: only who made it.
   */
  readonly says: 'same' | 'group' | 'nothing'
  /** Elements that speak of every target of a group; they stand beside the reference or in a section around it. */
  readonly speaks?: readonly string[]
  /** Whether where the referring record comes from is where the target comes from. */
  readonly source: boolean
  /** Factor on the confidence of what is said. */
  readonly strength: number
}

const RULES: readonly Omit<ReverseRule, 'leadsTo'>[] = [
  {
    id: 'CarePlan.activity.reference',
    type: 'CarePlan',
    element: 'activity.reference',
    parameter: 'activity-reference',
    targets: [
      'Appointment',
      'CommunicationRequest',
      'DeviceRequest',
      'MedicationRequest',
      'NutritionOrder',
      'Task',
      'ServiceRequest',
      'VisionPrescription',
      'RequestGroup',
    ],
    says: 'group',
    speaks: ['category', 'title', 'description'],
    source: false,
    strength: 0.8,
    why: 'an act of the plan is done for what the plan is for; who keeps the plan need not be who acts',
  },
  {
    id: 'CarePlan.goal',
    type: 'CarePlan',
    element: 'goal',
    parameter: 'goal',
    targets: ['Goal'],
    says: 'group',
    speaks: ['category', 'title', 'description', 'addresses'],
    source: true,
    strength: 0.9,
    why: 'a goal has its meaning from the plan it belongs to',
  },
  {
    id: 'ClaimResponse.request',
    type: 'ClaimResponse',
    element: 'request',
    parameter: 'request',
    targets: ['Claim'],
    says: 'same',
    source: true,
    strength: 0.9,
    why: 'the answer repeats what was claimed',
  },
  {
    id: 'Composition.section.entry',
    type: 'Composition',
    element: 'section.entry',
    parameter: 'entry',
    says: 'group',
    speaks: ['code', 'title'],
    source: true,
    strength: 0.9,
    why: 'an entry is what its section says it is, and comes from whoever made the document',
  },
  {
    id: 'DiagnosticReport.result',
    type: 'DiagnosticReport',
    element: 'result',
    parameter: 'result',
    targets: ['Observation'],
    says: 'group',
    speaks: ['code'],
    source: true,
    strength: 0.9,
    why: 'a bare "reactive" means what the report it stands in is of; its conclusion may be of another result',
  },
  {
    id: 'DocumentReference.content.attachment.url',
    type: 'DocumentReference',
    element: 'content.attachment.url',
    parameter: 'location',
    targets: ['Binary'],
    says: 'same',
    source: true,
    strength: 1,
    why: 'the Binary is the document',
  },
  {
    id: 'ExplanationOfBenefit.claim',
    type: 'ExplanationOfBenefit',
    element: 'claim',
    parameter: 'claim',
    targets: ['Claim'],
    says: 'same',
    source: true,
    strength: 0.9,
    why: 'it bills the same care: codes that only an opioid treatment program bills tell of the claim too',
  },
  {
    id: 'List.entry.item',
    type: 'List',
    element: 'entry.item',
    parameter: 'item',
    says: 'group',
    speaks: ['code', 'title'],
    source: false,
    strength: 0.9,
    why: 'an item is what the list says it lists; who keeps the list did not make it',
  },
  {
    id: 'Observation.hasMember',
    type: 'Observation',
    element: 'hasMember',
    parameter: 'has-member',
    targets: ['Observation', 'QuestionnaireResponse', 'MolecularSequence'],
    says: 'group',
    speaks: ['code'],
    source: true,
    strength: 0.9,
    why: 'a member means what its panel is of',
  },
  {
    id: 'Provenance.target',
    type: 'Provenance',
    element: 'target',
    parameter: 'target',
    says: 'nothing',
    source: true,
    strength: 1,
    why: 'it says who made, kept or sent the record: one agent of a Part 2 program suffices, another clears nothing',
  },
]

/** In the order of their ids. A site chooses which of them the gateway looks up: `upstream.referrers`. */
export const REVERSE_EDGES: readonly ReverseRule[] = RULES.map(rule => ({
  ...rule,
  // Who somebody is has no source and no meaning beside its own.
  leadsTo: type =>
    rule.targets === undefined
      ? type !== rule.type && !IDENTITIES.has(type) && !DIRECTORY_TYPES.has(type)
      : rule.targets.includes(type),
}))

/**
 * Whether a label of the referring record was found where it speaks of the target.
 * @param at path of the reference to the target, with indexes, e.g. `section[1].section[0].entry[2]`
 */
export function speaksOf({ says, speaks = [] }: ReverseRule, label: Label, at: string): boolean {
  if (says !== 'group') return says === 'same'
  const paths = label.paths ?? (label.path === undefined ? [] : [label.path])
  const around = ['', ...sectionsAround(at)]
  return paths.some(path =>
    around.some(
      section =>
        path.startsWith(section) && speaks.some(element => isAt(path.slice(section.length), element)),
    ),
  )
}

/** `section[1].section[0].entry[2]` → `section[1].`, `section[1].section[0].`. */
function sectionsAround(at: string): string[] {
  const sections: string[] = []
  for (const match of at.matchAll(/section\[\d+\]\./g)) sections.push(at.slice(0, match.index) + match[0])
  return sections
}

function isAt(path: string, element: string): boolean {
  if (!path.startsWith(element)) return false
  const next = path[element.length]
  return next === undefined || next === '.' || next === '['
}
