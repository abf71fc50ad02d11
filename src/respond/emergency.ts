import type { EmergencyGrant, EmergencyResponder } from '../model/emergency.ts'
import type { HttpResponse } from '../model/exchange.ts'

const HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
} as const

/**
 * The answer to a declaration: grant, patient as it was named, and its second of ending. The same whether the patient
 * exists or not. A receipt of another exchange counts as none.
 */
export function createEmergencyResponder(unrecorded: () => HttpResponse): EmergencyResponder {
  return {
    compose: ({ id, patient, end, reviewBy }: EmergencyGrant) =>
      JSON.stringify({ grant: id, patient, until: end, reviewBy }),
    answer: ({ id, receipt, release }) =>
      receipt.exchange === id
        ? { status: 201, headers: { ...HEADERS, 'X-Request-Id': id }, body: release.body }
        : unrecorded(),
  }
}
