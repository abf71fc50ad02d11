import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEMO_PORTS } from '../../src/commands/site.ts'
import { run } from '../support/terminal.ts'

const TEXT = readFileSync(new URL('../../examples/office.json', import.meta.url), 'utf8')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'consentry-examples-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The example with its files in a folder of the test. */
const config = (): string => {
  const path = join(folder, 'office.json')
  writeFileSync(path, TEXT.replaceAll('var/office', folder).replaceAll(`./${folder}`, folder))
  return path
}

describe('examples/office.json', () => {
  it('is refused while its secrets are missing, and each is named', async () => {
    const { code, error } = await run(['check', '--config', config()])
    expect(code).toBe(1)
    expect(error).toContain('deidentification.keyFile')
    expect(error).toContain('emergency.alerts.secretFile')
  })

  it('is valid once they are made, with a hold, de-identification and the demo behind it', async () => {
    writeFileSync(join(folder, 'pseudonym-key'), '5a'.repeat(32))
    writeFileSync(join(folder, 'alert-secret'), `whsec_${Buffer.alloc(32, 7).toString('base64')}`)
    const { code, out } = await run(['check', '--config', config()])
    expect(code).toBe(0)
    expect(out).toContain('de-identification: on')
    expect(out).toContain('payer-whole-chart (whole-chart)')
    const { upstream, issuers, audience } = JSON.parse(TEXT) as Record<string, unknown>
    expect([upstream, issuers, audience]).toMatchObject([
      { url: `http://127.0.0.1:${DEMO_PORTS.upstream}/fhir` },
      [{ issuer: `http://127.0.0.1:${DEMO_PORTS.issuer}` }],
      [`http://localhost:${DEMO_PORTS.gateway}/fhir`],
    ])
  })
})
