import { describe, expect, it } from 'vitest'
import { chart, chartsAreHere, decoded } from './charts.ts'
import { Chart, site } from './house.ts'

const here = chartsAreHere()

/** Words that tell of a category wherever they stand. */
const TELL_TALE: Readonly<Record<string, RegExp>> = {
  SUD: /opioid (abuse|dep|use)|alcoholi|substance abuse|drug abuse|DAST|overdose|methadone|buprenorphine|addict/i,
  HIV: /\bHIV\b|immunodeficiency virus/i,
  ABORTION: /abortion|termination of pregnancy|pregnancy termination/i,
  MH: /depressi(on|ve)|posttraumatic|psychiatr|attention deficit|PHQ-|GAD-7|sertraline|fluoxetine|suicid/i,
  SDV: /intimate partner|domestic violence|sexual assault/i,
}

/** Resources that say a word of the category and do not carry its label. */
function untold(resources: ReturnType<typeof chart>, labels: Chart, code: string): string[] {
  const word = TELL_TALE[code]
  return resources
    .filter(({ resourceType, id }) => {
      const facts = labels.facts(`${resourceType}/${id}`)
      return facts.patientData && !labels.label(facts.reference).codes.has(code)
    })
    .filter(resource => word?.test(decoded(resource)))
    .map(({ resourceType, id }) => `${resourceType}/${id}`)
}

describe.runIf(here)('real charts', () => {
  it.each([
    ['Gilberto_Orosco', 'SUD', 4],
    ['Trey_Leffler', 'SUD', 4],
    ['Virginia_Mercado', 'SUD', 4],
    ['Bob965_Keeling57', 'SUD', 60],
    ['Dino214_Parisian75', 'SUD', 4],
    ['Gilberto_Orosco', 'MH', 8],
    ['Milan_Beatty', 'MH', 12],
    ['Gerardo_Botello', 'MH', 5],
    ['Bennie663_Raynor401', 'HIV', 3],
    ['Cecelia952_Romaguera67', 'HIV', 6],
    ['Laurie_McCullough', 'ABORTION', 6],
    ['Dino214_Parisian75', 'SDV', 1],
  ])('%s: everything that tells of %s carries the label', (name, code, least) => {
    const resources = chart(name)
    const labels = new Chart(resources)
    expect(untold(resources, labels, code)).toEqual([])
    const labelled = labels.references.filter(reference => labels.label(reference).codes.has(code))
    expect(labelled.length).toBeGreaterThanOrEqual(least)
  })

  it.each([
    ['Gilberto_Orosco', 'SUD'],
    ['Trey_Leffler', 'SUD'],
    ['Laurie_McCullough', 'ABORTION'],
    ['Bennie663_Raynor401', 'HIV'],
  ])('%s: at least nine of ten resources do not carry %s', (name, code) => {
    const labels = new Chart(chart(name))
    const carrying = labels.references.filter(reference => labels.label(reference).codes.has(code))
    expect(carrying.length / labels.references.length).toBeLessThanOrEqual(0.1)
  })

  it('a control patient carries no label at all', () => {
    const labels = new Chart(chart('Rickey_Becker'))
    const carrying = labels.references.filter(reference => labels.label(reference).codes.size > 0)
    expect(carrying).toEqual([])
  })

  it.each([
    ['Virginia_Mercado', 'ABORTION'],
    ['Virginia_Mercado', 'SDV'],
    ['Milan_Beatty', 'SUD'],
    ['Laurie_McCullough', 'SUD'],
    ['Gilberto_Orosco', 'HIV'],
    ['Trey_Leffler', 'PREGNANT'],
  ])('%s carries no %s', (name, code) => {
    const labels = new Chart(chart(name))
    expect(labels.references.filter(reference => labels.label(reference).codes.has(code))).toEqual([])
  })

  it('all of a chart from a registered program is a Part 2 record where it names its source', () => {
    const resources = chart('Gilberto_Orosco')
    const programs = resources.filter(({ resourceType }) => resourceType === 'Organization')
    const labels = new Chart(
      resources,
      site({ part2Programs: programs.map(({ id }) => `Organization/${id}`) }),
    )
    const unmarked = labels.references.filter(reference => {
      const { facts, part2 } = labels.label(reference)
      return facts.patientData && !part2
    })
    // Who somebody is comes from nowhere; a Goal, which names no source here, comes from whoever made the plan.
    expect([...new Set(unmarked.map(reference => reference.split('/')[0]))]).toEqual(['Patient'])
  })

  it('the labelled demonstration cases get by content what their authors gave by hand', () => {
    // What the authors call by a wider or another name; what no content tells: the source, a separate note, a visit.
    const names: Readonly<Record<string, readonly string[]>> = {
      BH: ['MH', 'SUD'],
      SEX: ['SEX', 'PREGNANT', 'GENDER'],
    }
    const notByContent = ['42CFRPart2', 'PSYTHPN', 'SICKVIS']
    const missed = ['shift-1A', 'shift-1B'].flatMap(name => {
      const resources = chart(name)
      const labels = new Chart(resources.map(resource => ({ ...resource, meta: {}, text: undefined })))
      return resources.flatMap(({ resourceType, id, meta }) => {
        const { codes } = labels.label(`${resourceType}/${id}`)
        const { security = [] } = (meta ?? {}) as { security?: { system: string; code: string }[] }
        return security
          .filter(
            ({ system, code }) => !system.endsWith('v3-Confidentiality') && !notByContent.includes(code),
          )
          .filter(({ code }) => !(names[code] ?? [code]).some(name => codes.has(name)))
          .map(({ code }) => `${id} ${code}`)
      })
    })
    expect(missed).toEqual([])
  })
})
