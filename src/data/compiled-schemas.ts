import { Ajv, type Options, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'

/** Schemas that are kept compiled; those of the project are some thirty. */
const KEPT = 100

const compiled = new Map<string, ValidateFunction>()

/**
 * Compiles a JSON Schema (draft-07) with the formats of ajv-formats, each text once: compiling takes longer than reading
 * all rules, and rules are read again whenever they change. Throws SyntaxError where the text is no JSON.
 */
export function compiledSchema(text: string, options: Options): ValidateFunction {
  const key = JSON.stringify([options, text])
  const known = compiled.get(key)
  if (known !== undefined) return known
  const ajv = new Ajv(options)
  formats.default(ajv)
  const made = ajv.compile(JSON.parse(text))
  if (compiled.size >= KEPT) compiled.clear()
  compiled.set(key, made)
  return made
}
