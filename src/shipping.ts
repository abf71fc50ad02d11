import { readFileSync } from 'node:fs'
import { Agent } from 'undici'
import type { Configuration } from './model/configuration.ts'
import { createShipper } from './record/shipper.ts'
import { createCredential } from './upstream/credential.ts'

/** Ships the record to the audit repository, the upstream by default, with the gateway's own credential there. */
export function openShipper(
  configuration: Configuration,
): { readonly close: () => Promise<void> } | undefined {
  const { ledger, upstream, limits, custodian } = configuration
  if (ledger.repository === 'none') return undefined
  const target = ledger.repository ?? { url: upstream.url, credential: upstream.credential }
  const dispatcher = new Agent({ connections: 1 })
  const credential = createCredential(target.credential, {
    now: () => Date.now(),
    readFile: path => readFileSync(path, 'utf8'),
    dispatcher,
    timeoutMs: limits.upstreamTimeoutMs,
  })
  const shipper = createShipper({
    file: ledger.file,
    baseUrl: target.url,
    fetch,
    credential,
    introduce: [
      {
        resourceType: 'Device',
        id: 'consentry',
        status: 'active',
        deviceName: [{ name: 'Consentry', type: 'user-friendly-name' }],
        owner: { reference: custodian.organization },
      },
    ],
  })
  return {
    close: async () => {
      await shipper.close()
      await dispatcher.close()
    },
  }
}
