import type { StoredVersion } from './store.ts'

export interface PageLinks {
  readonly self: string
  readonly next?: string
}

const linkText = (links: PageLinks): string =>
  JSON.stringify([
    { relation: 'self', url: links.self },
    ...(links.next === undefined ? [] : [{ relation: 'next', url: links.next }]),
  ])

/** A searchset Bundle put together from the stored texts, so that nothing is parsed and written again. */
export function searchsetText(
  base: string,
  page: {
    readonly total: number
    readonly links: PageLinks
    readonly entries: readonly { readonly version: StoredVersion; readonly mode: 'match' | 'include' }[]
  },
): string {
  const entries = page.entries.map(
    ({ version, mode }) =>
      `{"fullUrl":"${base}/${version.resourceType}/${version.id}","resource":${version.text},"search":{"mode":"${mode}"}}`,
  )
  const entry = entries.length === 0 ? '' : `,"entry":[${entries.join(',')}]`
  return `{"resourceType":"Bundle","type":"searchset","total":${page.total},"link":${linkText(page.links)}${entry}}`
}

/** A history Bundle; deletions are entries without a resource. */
export function historyText(
  base: string,
  page: { readonly total: number; readonly links: PageLinks; readonly versions: readonly StoredVersion[] },
): string {
  const entries = page.versions.map(version => {
    const url = `${version.resourceType}/${version.id}`
    const method = version.text === undefined ? 'DELETE' : version.versionId === '1' ? 'POST' : 'PUT'
    const request = JSON.stringify({ method, url: method === 'POST' ? version.resourceType : url })
    const response = JSON.stringify({
      status: method === 'POST' ? '201' : method === 'PUT' ? '200' : '204',
      etag: `W/"${version.versionId}"`,
      lastModified: version.lastUpdated,
    })
    const resource = version.text === undefined ? '' : `"resource":${version.text},`
    return `{"fullUrl":"${base}/${url}",${resource}"request":${request},"response":${response}}`
  })
  const entry = entries.length === 0 ? '' : `,"entry":[${entries.join(',')}]`
  return `{"resourceType":"Bundle","type":"history","total":${page.total},"link":${linkText(page.links)}${entry}}`
}

/** The upstream's own CapabilityStatement: what it says it can, for every type it knows. */
export function capabilityText(base: string, resourceTypes: readonly string[], date: string): string {
  const interactions = [
    'read',
    'vread',
    'update',
    'patch',
    'delete',
    'history-instance',
    'history-type',
    'create',
    'search-type',
  ]
  return JSON.stringify({
    resourceType: 'CapabilityStatement',
    status: 'active',
    date,
    kind: 'instance',
    implementation: { description: 'Example FHIR server with synthetic patients', url: base },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'json'],
    rest: [
      {
        mode: 'server',
        resource: resourceTypes.map(type => ({
          type,
          interaction: interactions.map(code => ({ code })),
          versioning: 'versioned',
          readHistory: true,
          updateCreate: true,
        })),
        interaction: [{ code: 'transaction' }, { code: 'batch' }, { code: 'history-system' }],
      },
    ],
  })
}
