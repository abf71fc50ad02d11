import type { Resource } from '../../src/model/fhir.ts'
import { referenceOf } from './chart-oracle.ts'

/** What left for one requester: every page as text, and every resource of them. */
export interface Leaving {
  readonly pages: readonly string[]
  readonly resources: ReadonlyMap<string, Resource>
  /** The entries of all pages byte for byte: without page links and times of the Bundle. */
  readonly entries: string
}

interface Searchset {
  readonly entry?: readonly { readonly resource: Resource; readonly search?: { readonly mode?: string } }[]
}

/** Reads pages of searchsets. Throws Error where a page is none. */
export function leavingIn(pages: readonly string[]): Leaving {
  const resources = new Map<string, Resource>()
  const entries: string[] = []
  for (const page of pages) {
    const { entry = [] } = searchset(page)
    for (const { resource } of entry) resources.set(referenceOf(resource), resource)
    const from = page.indexOf('"entry":[')
    if (from >= 0) entries.push(page.slice(from))
  }
  return { pages, resources, entries: entries.join('\n') }
}

function searchset(page: string): Searchset {
  const bundle = JSON.parse(page) as Searchset & { readonly type?: string }
  if (bundle.type !== 'searchset') throw new Error(`no searchset: ${page.slice(0, 300)}`)
  return bundle
}

export interface HttpReader {
  /** Base URL of a listening gateway. */
  readonly url: string
  /** What the gateway calls itself in links. */
  readonly baseUrl: string
  readonly token: string
}

export async function readOver(
  { url, token }: HttpReader,
  path: string,
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/${path}`, { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, text: await response.text() }
}

/** Searches every type for the patient and follows every page; the types are asked at the same time. */
export async function searchOver(
  reader: HttpReader,
  patient: string,
  types: readonly string[],
): Promise<Leaving> {
  const pages = await Promise.all(
    types.map(type => {
      const by = type === 'Patient' ? `_id=${patient.slice('Patient/'.length)}` : `patient=${patient}`
      return pagesOf(reader, `${type}?${by}&_count=100`)
    }),
  )
  return leavingIn(pages.flat())
}

/** Stands before the entries, so that a page need not be parsed to find it. */
const NEXT_LINK = /"relation":"next","url":"([^"]+)"/

async function pagesOf(reader: HttpReader, query: string): Promise<string[]> {
  const pages: string[] = []
  let path: string | undefined = query
  while (path !== undefined) {
    const { status, text } = await readOver(reader, path)
    if (status !== 200) throw new Error(`${path}: ${status} ${text.slice(0, 300)}`)
    pages.push(text)
    const [head = ''] = text.split('"entry":[', 1)
    path = NEXT_LINK.exec(head)?.[1]?.replace(`${reader.baseUrl}/`, '')
  }
  return pages
}
