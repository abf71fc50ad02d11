import type { JsonValue, Resource } from '../model/fhir.ts'
import type { Label } from '../model/label.ts'
import type { Statement } from '../model/rules.ts'
import type { CompiledRules } from './compile.ts'
import { FoundLabels } from './found-labels.ts'
import { stripTags } from './markup.ts'

/** What a record of relatives says of the patient all the same: "Patient has opioid dependence himself". */

const SENTENCE = /[.!?;\n]+/
const RELATIVE =
  /\b(?:mother|father|mom|mum|dad|parents?|sisters?|brothers?|siblings?|(?:half|step)[\s-]?\w+|sons?|daughters?|child(?:ren)?|aunts?|uncles?|cousins?|niece|nephew|grand\w+|wife|husband|spouse|partner|twin|maternal|paternal|relatives?|family)\b/i
/** The patient, not "the patient's father". */
const PATIENT = /\b(?:patient|pt|client|veteran)\b(?!\s*['’]\s*s\b)/.source
const BETWEEN = /(?:\s+(?:also|too|now|currently|still|himself|herself|themsel\w+|self))*/.source
const IS =
  /(?:has|had|have|is|was|with|on|uses|used|abuses|abused|takes|took|drinks|drank|injects|injected|smokes|smoked|suffers|suffered|struggles|struggled|diagnosed|being)\b/
    .source
const NAMED = new RegExp(
  `${PATIENT}${BETWEEN}\\s+${IS}|\\bin\\s+(?:the\\s+)?${PATIENT}|^\\s*${PATIENT}\\s*[:–-]`,
  'i',
)
const PRONOUN = new RegExp(`\\b(?:he|she|they)\\b${BETWEEN}\\s+${IS}`, 'i')
const REFLEXIVE = /\b(?:himself|herself)\b/i

/**
 * The sentences of a text whose subject is the patient, in their order, each in a paragraph of its own. "He" and "she"
 * are the patient where no relative was named before.
 */
export function patientSentences(text: string): string {
  let relative = false
  const own: string[] = []
  for (const sentence of text.replace(/\b(pt)\./gi, '$1').split(SENTENCE)) {
    const names = RELATIVE.test(sentence)
    relative ||= names
    const isOwn =
      NAMED.test(sentence) || (!names && REFLEXIVE.test(sentence)) || (!relative && PRONOUN.test(sentence))
    if (isOwn) own.push(sentence)
  }
  return own.join('\n\n')
}

/** Labels of what a record of relatives says of the patient; none where it is no such record. */
export function labelsOfPatient(
  resource: Resource,
  statements: readonly Statement[],
  rules: CompiledRules,
): readonly Label[] {
  if (!statements.includes('family-history')) return []
  const labels = new FoundLabels(rules)
  for (const { path, text } of textsOf(resource, '')) {
    for (const hit of rules.words(patientSentences(text)))
      if (hit.notTypes?.has(resource.resourceType) !== true) labels.add(hit, path)
  }
  return labels.all()
}

function* textsOf(value: JsonValue | undefined, path: string): Generator<{ path: string; text: string }> {
  if (typeof value === 'string') {
    if (value.includes(' ')) yield { path, text: path.endsWith('.div') ? stripTags(value) : value }
  } else if (Array.isArray(value)) {
    for (const [n, item] of value.entries()) yield* textsOf(item, `${path}[${n}]`)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value))
      yield* textsOf(item, path === '' ? key : `${path}.${key}`)
  }
}
