import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { exportLedger, verifyLedger } from '../../src/record/verify.ts'
import { temporaryFolder } from './sets.ts'

const KILLS = Number(process.env['CONSENTRY_KILLS'] ?? 10)
const APPENDER = fileURLToPath(new URL('./fixtures/appender.ts', import.meta.url))

/** Lets a process append under load, kills it at a random moment, gives the ids it said were durable. */
function killed(file: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [APPENDER, file], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    let doomed = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('\nack ') && !doomed) {
        doomed = true
        setTimeout(() => child.kill('SIGKILL'), Math.random() * 150)
      }
    })
    child.on('error', reject)
    child.on('close', (_, signal) => {
      if (signal !== 'SIGKILL') return reject(new Error(`the process ended by itself: ${said.slice(0, 200)}`))
      const lines = said.slice(0, said.lastIndexOf('\n') + 1).split('\n')
      resolve(lines.filter(line => line.startsWith('ack ')).map(line => line.slice(4)))
    })
  })
}

describe('a gateway killed under load', () => {
  it(`loses no acknowledged event and breaks no chain, ${KILLS} times on one file`, {
    timeout: 60_000 + KILLS * 3000,
  }, async () => {
    const folder = temporaryFolder()
    const file = join(folder.path, 'ledger.sqlite')
    try {
      const acknowledged: string[] = []
      for (let i = 0; i < KILLS; i++) {
        const ids = await killed(file)
        expect(ids.length).toBeGreaterThan(0)
        acknowledged.push(...ids)
        expect(verifyLedger(file)).toMatchObject({ ok: true })
      }
      const stored = new Set<string>()
      await exportLedger(file, line => {
        stored.add(JSON.parse(line).id)
      })
      expect(acknowledged.filter(id => !stored.has(id))).toEqual([])
    } finally {
      folder.remove()
    }
  })
})
