import { describe, expect, it } from 'vitest'
import { chartNames, haveRealCharts, realChart } from '../support/real-charts.ts'
import { deidentified, faults, RULES } from './deidentify-kit.ts'

type Json = Record<string, unknown>
const [LDS, SAFE] = RULES.standards
const withheld = new Set(SAFE?.withheldTypes)

/** Every string and number of a tree with the name of the property it stands in. */
function leaves(value: unknown, key = ''): [string, string][] {
  if (Array.isArray(value)) return value.flatMap(item => leaves(item, key))
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([name, child]) => leaves(child, name))
  return value === null || typeof value === 'boolean' ? [] : [[key, String(value)]]
}

/** Values of identifiers, collected from the original by where they stand. */
function secrets(chart: readonly Json[]): Set<string> {
  const found = new Set<string>()
  const add = (text: unknown) => {
    if (typeof text === 'string' && text.length > 2) found.add(text)
  }
  const visit = (value: unknown, key: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, key)
    if (typeof value !== 'object' || value === null) return
    const object = value as Json
    if (['name', 'telecom', 'identifier', 'contact', 'photo'].includes(key))
      for (const [name, text] of leaves(object))
        if (['family', 'given', 'text', 'value'].includes(name)) add(text)
    if (key === 'address' || key === 'valueAddress')
      for (const [name, text] of leaves(object))
        if (['line', 'city', 'postalCode', 'district', 'text'].includes(name)) add(text)
    if (typeof object['reference'] === 'string') {
      add(object['reference'].split('/').at(-1))
      add(object['display'])
    }
    if (String(object['url']).endsWith('mothersMaidenName')) add(object['valueString'])
    if (['latitude', 'longitude'].includes(String(object['url']))) add(String(object['valueDecimal']))
    add(object['id'])
    for (const name of ['div', 'data', 'uid', 'name']) add(object[name])
    for (const [name, child] of Object.entries(object)) visit(child, name)
  }
  for (const resource of chart) visit(resource, '')
  for (const [, text] of leaves(chart))
    if (/^\d{4}-\d{2}/.test(text) && !/^\d{4,5}-\d$/.test(text)) found.add(text)
  for (const [, text] of leaves(chart)) if (/^urn:uuid:/.test(text)) add(text.slice(9))
  return found
}

/** A chart with its numbers as plain ones. */
const chartOf = (name: string) => JSON.parse(JSON.stringify(realChart(name))) as Json[]
const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')

describe.skipIf(!haveRealCharts)('twelve real charts', () => {
  for (const name of chartNames()) {
    it(`leave no identifier of ${name} after safe harbor, and are valid R4`, { timeout: 60_000 }, () => {
      const chart = chartOf(name)
      const leaving = chart.filter(({ resourceType }) => !withheld.has(String(resourceType)))
      const output = leaving.map(resource => deidentified(resource))
      const wrong = output.flatMap(resource =>
        faults(resource).map(fault => `${String(resource['resourceType'])}: ${fault}`),
      )
      expect([...new Set(wrong)]).toEqual([])
      const texts = leaves(output).map(([, text]) => text)
      const joined = texts.join('\n')
      const kept = [...secrets(chart)].filter(
        secret =>
          joined.includes(secret) &&
          new RegExp(`(?<![A-Za-z0-9]|\\d\\.)${escaped(secret)}(?![A-Za-z0-9]|\\.\\d)`).test(joined),
      )
      expect(kept).toEqual([])
      expect(texts.filter(text => /(?<![\w-])\d{4}-\d{2}(-\d{2})?([T ]|(?![\w-]))/.test(text))).toEqual([])
      expect(texts.filter(text => /@|tel:|\(\d{3}\)|\d{3}-\d{3}-\d{4}|\d{3}-\d{2}-\d{4}/.test(text))).toEqual(
        [],
      )
      expect(
        texts
          .filter(text => /https?:/.test(text))
          .filter(
            text =>
              !/^https?:\/\/(snomed\.info|loinc\.org|(terminology\.)?hl7\.org|unitsofmeasure\.org|www\.nlm\.nih\.gov|bluebutton\.cms\.gov|www\.nubc\.org|dicom\.nema\.org|www\.cms\.gov)/.test(
                text,
              ),
          ),
      ).toEqual([])
    })

    it(`keep what ${name} was treated for`, () => {
      const chart = chartOf(name).filter(({ resourceType }) => !withheld.has(String(resourceType)))
      const output = chart.map(resource => deidentified(resource))
      const codes = (list: readonly object[]) =>
        list.flatMap(resource =>
          leaves((resource as Json)['code'], '')
            .filter(([key]) => key === 'code')
            .map(([, code]) => code)
            // Codes that Synthea made up are of no published terminology.
            .filter(code => !/A{10}$/.test(code)),
        )
      expect(codes(output)).toEqual(codes(chart))
      const value = (resource: object) => ((resource as Json)['valueQuantity'] as Json | undefined)?.['value']
      expect(output.map(value)).toEqual(chart.map(value))
      const year = (resource: object) => String((resource as Json)['effectiveDateTime'] ?? '').slice(0, 4)
      expect(output.map(year)).toEqual(chart.map(year))
    })

    it(`are valid R4 as a limited data set of ${name}, with dates and towns and without names and streets`, {
      timeout: 60_000,
    }, () => {
      const chart = chartOf(name).filter(({ resourceType }) => !withheld.has(String(resourceType)))
      const output = chart.map(resource => deidentified(resource, 'limited-data-set'))
      expect([...new Set(output.flatMap(faults))]).toEqual([])
      const patient = chart.find(({ resourceType }) => resourceType === 'Patient') as Json
      const left = output.find(({ resourceType }) => resourceType === 'Patient') as Json
      expect(left['birthDate']).toBe(patient['birthDate'])
      const [address] = patient['address'] as Json[]
      const [kept] = left['address'] as Json[]
      expect(kept?.['city']).toBe(address?.['city'])
      expect(kept?.['postalCode']).toBe(address?.['postalCode'])
      const texts = leaves(output)
        .map(([, text]) => text)
        .join('\n')
      const gone = leaves(patient['name']).concat(
        leaves(patient['telecom']),
        leaves(patient['identifier']),
        leaves(address?.['line'], 'line'),
      )
      const lost = gone
        .filter(([key, text]) => ['family', 'given', 'value', 'line'].includes(key) && text.length > 2)
        .map(([, text]) => text)
      expect(
        lost.filter(text => new RegExp(`(?<![A-Za-z0-9])${escaped(text)}(?![A-Za-z0-9])`).test(texts)),
      ).toEqual([])
    })
  }

  it('are read under the two standards', () => {
    expect([LDS?.id, SAFE?.id]).toEqual(['limited-data-set', 'safe-harbor'])
  })
})
