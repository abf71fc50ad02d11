import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { loadBundle } from '../../src/demo/bundle.ts'
import type { Resource } from '../../src/model/fhir.ts'

const folder = new URL('../../../shared/data/patients/', import.meta.url).pathname

/** Whether the shared charts are at hand; prints one line where they are not, so that a skip is seen. */
export const haveRealCharts = existsSync(folder)
if (!haveRealCharts)
  console.log('real charts: ../shared/data/patients is absent, the tests on them are skipped')

/** Names of the single-patient bundles. */
export function chartNames(): string[] {
  if (!haveRealCharts) return []
  return readdirSync(join(folder, 'synthea'))
    .map(name => name.replace(/_.*$/, ''))
    .sort()
}

/** Resources of one chart by the patient's first name, references resolved to Type/id. */
export function realChart(name: string): Resource[] {
  const file = readdirSync(join(folder, 'synthea')).find(one => one.startsWith(`${name}_`))
  if (file === undefined) throw new Error(`no chart of ${name}`)
  return loadBundle(gunzipSync(readFileSync(join(folder, 'synthea', file))).toString('utf8'))
}
