import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

const FOLDER = fileURLToPath(new URL('../../../shared/data/patients/', import.meta.url))

type Json = Record<string, unknown>
interface Entry {
  readonly fullUrl?: string
  readonly resource: Json & { readonly resourceType: string; readonly id: string }
}

/** Whether the real patient bundles are there; prints a line where they are not. */
export function chartsAreHere(): boolean {
  const here = existsSync(FOLDER)
  if (!here) console.log('skipped: the shared patient bundles are not here')
  return here
}

/** Resources of one bundle as a server would hold them after the transaction: `urn:uuid:` references made relative. */
export function chart(name: string): readonly Entry['resource'][] {
  const folder = name.startsWith('shift') ? 'shift' : 'synthea'
  const file = readdirSync(`${FOLDER}${folder}`).find(candidate => candidate.startsWith(name))
  const { entry } = JSON.parse(gunzipSync(readFileSync(`${FOLDER}${folder}/${file}`)).toString()) as {
    entry: Entry[]
  }
  const names = new Map(
    entry.map(({ fullUrl, resource }) => [fullUrl, `${resource.resourceType}/${resource.id}`]),
  )
  const text = JSON.stringify(entry.map(({ resource }) => resource))
  return JSON.parse(
    text.replace(/urn:uuid:[0-9a-f-]{36}/g, urn => names.get(urn) ?? urn),
  ) as Entry['resource'][]
}

/** The text of a resource with every base64 attachment opened. */
export function decoded(resource: Json): string {
  return JSON.stringify(resource, (key, value) =>
    key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString() : value,
  )
}
