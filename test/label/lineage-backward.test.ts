import { describe, expect, it } from 'vitest'
import { AT, Chart } from './house.ts'

const PATIENT = { reference: 'Patient/p' }
const hivTest = {
  resourceType: 'Observation',
  id: 'hiv',
  status: 'final',
  subject: PATIENT,
  code: { text: 'HIV 1 antibody' },
}
const report = {
  resourceType: 'DiagnosticReport',
  id: 'r',
  status: 'final',
  subject: PATIENT,
  code: { text: 'Panel' },
  result: [{ reference: 'Observation/hiv' }],
}
const oud = {
  resourceType: 'Condition',
  id: 'oud',
  subject: PATIENT,
  encounter: { reference: 'Encounter/v' },
  code: { text: 'Opioid use disorder' },
}

describe('what points at a record', () => {
  const bare = {
    resourceType: 'Observation',
    id: 'bare',
    status: 'final',
    subject: PATIENT,
    code: { text: 'Interpretation' },
    valueString: 'reactive',
  }
  const haemoglobin = { ...bare, id: 'hb', code: { text: 'Haemoglobin' }, valueString: '14' }
  const panel = (text: string, ...results: string[]) => ({
    ...report,
    code: { text },
    result: results.map(reference => ({ reference })),
  })

  it('says what a bare result is of, and comes before nothing that says nothing', () => {
    const chart = new Chart([bare, panel('HIV 1 and 2 antibody panel', 'Observation/bare')])
    expect(chart.label('Observation/bare').labels).toContainEqual(
      expect.objectContaining({ code: 'HIV', origin: 'lineage', path: 'DiagnosticReport/r' }),
    )
    const other = new Chart([bare, panel('Lipid panel', 'Observation/bare')])
    expect([...other.label('Observation/bare').codes]).toEqual([])
  })

  it('tells of one result nothing that another result, or the conclusion, tells', () => {
    const mixed = panel('Laboratory report', 'Observation/hiv', 'Observation/hb')
    const chart = new Chart([hivTest, haemoglobin, { ...mixed, conclusion: 'HIV antibody reactive' }])
    expect(chart.label('DiagnosticReport/r').codes.has('HIV')).toBe(true)
    expect([...chart.label('Observation/hb').codes]).toEqual([])
  })

  it('reaches through panels in panels', () => {
    const inner = {
      ...bare,
      id: 'inner',
      valueString: undefined,
      hasMember: [{ reference: 'Observation/bare' }],
    }
    const chart = new Chart([bare, inner, panel('HIV panel', 'Observation/inner')])
    expect(chart.label('Observation/bare').codes.has('HIV')).toBe(true)
  })

  it('says of an entry what its own section is, not what another section is', () => {
    const document = {
      resourceType: 'Composition',
      id: 'd',
      subject: PATIENT,
      type: { text: 'Summary' },
      section: [
        { title: 'HIV care', entry: [{ reference: 'Observation/bare' }] },
        { title: 'Results', section: [{ title: 'Blood', entry: [{ reference: 'Observation/hb' }] }] },
        {
          title: 'Substance abuse treatment',
          section: [{ title: 'Notes', entry: [{ reference: 'Observation/nested' }] }],
        },
      ],
    }
    const chart = new Chart([bare, haemoglobin, { ...bare, id: 'nested' }, document])
    expect([...chart.label('Observation/bare').codes]).toEqual(['HIV'])
    expect([...chart.label('Observation/hb').codes]).toEqual([])
    expect(chart.label('Observation/nested').codes.has('SUD')).toBe(true)
    expect(chart.label('Observation/nested').codes.has('HIV')).toBe(false)
  })

  it('says of a goal what the plan is for and what it addresses, and of a list item what the list lists', () => {
    const goal = {
      resourceType: 'Goal',
      id: 'g',
      subject: PATIENT,
      description: { text: 'Three meetings a week' },
    }
    const plan = {
      resourceType: 'CarePlan',
      id: 'p',
      subject: PATIENT,
      addresses: [{ reference: 'Condition/oud' }],
      goal: [{ reference: 'Goal/g' }],
    }
    expect(new Chart([goal, plan, oud]).label('Goal/g').codes.has('SUD')).toBe(true)
    expect([...new Chart([goal, { ...plan, addresses: [] }, oud]).label('Goal/g').codes]).toEqual([])
    const list = (title: string) => ({
      resourceType: 'List',
      id: 'l',
      subject: PATIENT,
      title,
      entry: [{ item: { reference: 'Observation/hb' } }, { item: { reference: 'Condition/oud' } }],
    })
    const listed = (title: string) => new Chart([haemoglobin, oud, list(title)]).label('Observation/hb').codes
    expect([...listed('HIV monitoring')]).toEqual(['HIV'])
    expect([...listed('Problems and results')]).toEqual([])
    // The list is not what it lists: it is given without the entry that is withheld.
    expect([...new Chart([haemoglobin, oud, list('All')]).label('List/l').codes]).toEqual([])
  })

  it('is nothing to who somebody is', () => {
    const patient = { resourceType: 'Patient', id: 'p' }
    const list = { resourceType: 'List', id: 'l', title: 'HIV clinic', entry: [{ item: PATIENT }] }
    expect([...new Chart([patient, list]).label('Patient/p').codes]).toEqual([])
  })

  it('leaves in doubt what nobody looked for, and nothing where edges are not followed backwards', () => {
    const chart = new Chart([bare])
    const facts = chart.facts('Observation/bare')
    const label = (referrers?: () => undefined) =>
      chart.labeller.label(facts, () => 'absent', { at: AT }, referrers).notAssessable
    expect(label(() => undefined)).toBe('a reference was not resolved')
    expect(label()).toBeUndefined()
  })
})
