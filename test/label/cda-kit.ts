import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

const FOLDER = new URL('../../../shared/data/patients/ccda/', import.meta.url).pathname

/** A C-CDA document of the shared data; undefined, with a printed line, where that is absent. */
export function sharedDocument(name: string): string | undefined {
  const file = `${FOLDER}${name}.xml.gz`
  if (!existsSync(file)) {
    console.info(`not run: ${file} is not there`)
    return undefined
  }
  return gunzipSync(readFileSync(file)).toString()
}

/** Sections of a structured body in a document with a header. */
export function clinicalDocument(sections: string, header = ''): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <code code="34133-9" codeSystem="2.16.840.1.113883.6.1" displayName="Summarization of Episode Note"/>
  <title>Summary</title>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25"/>${header}
  <component>
    <structuredBody>${sections}
    </structuredBody>
  </component>
</ClinicalDocument>
`
}

export function section(title: string, text: string, entries = ''): string {
  return `
      <component>
        <section>
          <title>${title}</title>
          <text>${text}</text>${entries}
        </section>
      </component>`
}

/** A problem observation with this SNOMED CT code, which points at this id of the narrative. */
export function problem(code: string, display: string, points = '', more = ''): string {
  const reference = points === '' ? '' : `<text><reference value="#${points}"/></text>`
  return `
          <entry>
            <observation classCode="OBS" moodCode="EVN"${more}>
              <code code="29308-4" codeSystem="2.16.840.1.113883.6.1" displayName="Diagnosis"/>
              ${reference}
              <value xsi:type="CD" code="${code}" codeSystem="2.16.840.1.113883.6.96" displayName="${display}"/>
            </observation>
          </entry>`
}

/** SNOMED CT codes. */
export const ALCOHOL = ['66590003', 'Alcohol dependence'] as const
export const HYPERTENSION = ['59621000', 'Essential hypertension'] as const
export const HIV = ['86406008', 'Human immunodeficiency virus infection'] as const
