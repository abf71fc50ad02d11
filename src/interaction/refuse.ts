import { Refusal, type RefusalCode } from '../model/refusal.ts'

/**
 * Ends the parse. `diagnostics` names the part of the request at fault and what was expected; it never repeats a value.
 * @throws Refusal, always.
 */
export function refuse(code: RefusalCode, diagnostics: string): never {
  throw new Refusal(code, { diagnostics })
}
