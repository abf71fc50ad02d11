import type { Field } from './codes.ts'

const DIAGNOSES = new Set(['Condition', 'FamilyMemberHistory', 'AllergyIntolerance', 'AdverseEvent', 'Flag'])
const DIAGNOSIS = /diagnos|reason|indication|condition|complication|finding|problem|addresses/i
const PROCEDURE = /procedure|productOrService|activity\.detail\.code|serviceType/i
const DRUG = /medication|ingredient|drug/i

/**
 * What a coded element says, by its type and path (no indexes, from the innermost resource): a bare number is an ICD-9
 * code on a claim's diagnosis line and no code at all in most other places.
 */
export function fieldOf(type: string, element: string): Field {
  if (/packageCode|drg/i.test(element)) return 'group'
  if (type.startsWith('Immunization') && element.startsWith('vaccineCode')) return 'vaccine'
  if (PROCEDURE.test(element)) return 'procedure'
  if (DIAGNOSIS.test(element) || (DIAGNOSES.has(type) && element.startsWith('code'))) return 'diagnosis'
  if (DRUG.test(element) || (type.startsWith('Medication') && element.startsWith('code'))) return 'drug'
  return type === 'Procedure' && element.startsWith('code') ? 'procedure' : 'other'
}
