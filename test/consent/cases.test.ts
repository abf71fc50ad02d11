import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { ConsentOnFile, ConsentQuestion } from '../../src/model/consent.ts'
import type { Coding, Identifier, LiteralReference, Resource } from '../../src/model/fhir.ts'
import { type CombinedVerdict, combineVerdicts } from './combine.ts'
import { directory, labelled, reader } from './fixtures.ts'

/** Shape of the shared Consent cases; `context` maps to the question as their README says. */
interface ConsentCase {
  readonly id: string
  readonly title: string
  readonly disputed: boolean
  readonly consents: readonly Resource[]
  readonly context: {
    readonly at: string
    readonly action?: Coding
    readonly patient: { readonly reference: string }
    readonly actor: readonly { readonly reference?: LiteralReference; readonly identifier?: Identifier }[]
    readonly purposeOfUse?: readonly Coding[]
    readonly class?: readonly Coding[]
    readonly directory?: readonly Resource[]
    readonly unresolvable?: readonly string[]
    readonly defaultPolicy?: string
    readonly resources?: readonly Resource[]
  }
  readonly expected: { readonly decision: string; readonly resources?: Readonly<Record<string, string>> }
}

const folder = new URL('../../../shared/data/consent-cases/', import.meta.url).pathname
const present = existsSync(folder)
if (!present) console.log(`skipped: no Consent cases at ${folder}`)

const cases: readonly ConsentCase[] = present
  ? readdirSync(folder).map(name => JSON.parse(readFileSync(folder + name, 'utf8')) as ConsentCase)
  : []

function questionOf({ context }: ConsentCase): ConsentQuestion {
  return {
    at: new Date(context.at),
    zone: 'UTC',
    action: context.action?.code ?? 'access',
    purposes: (context.purposeOfUse ?? []).map(({ code }) => code),
    actors: context.actor.map(actor => ({ role: 'recipient', ...actor })),
    recipientClasses: [],
    directory: directory(context.directory ?? [], context.unresolvable ?? []),
  }
}

interface Outcome {
  readonly decision: CombinedVerdict
  readonly resources: Readonly<Record<string, CombinedVerdict>>
}

/**
 * The request as a whole: where a class of data is asked for, what becomes of the data of that class; otherwise what
 * holds for data that no selector singles out, the rest being permitted with redaction.
 */
function outcomeOf(subject: ConsentCase): Outcome {
  const { context, consents } = subject
  const question = questionOf(subject)
  const onFile: readonly ConsentOnFile[] = consents.map(resource => ({
    ref: { reference: `Consent/${resource.id}` },
    resource,
  }))
  const directives = reader.read(onFile, question.at, question.zone)
  const judge = (resource: Resource) => combineVerdicts(reader.ask(directives, question, labelled(resource)))
  const held = context.resources ?? []
  const resources = Object.fromEntries(held.map(item => [`${item.resourceType}/${item.id}`, judge(item)]))
  const neutral: Resource = {
    resourceType: context.class?.[0]?.code ?? 'Basic',
    id: 'any',
    subject: context.patient,
  }
  const judged = Object.values(resources)
  if (context.class === undefined || judged.length === 0) return { decision: judge(neutral), resources }
  return { decision: judged.find(effect => effect === 'permit') ?? (judged[0] as CombinedVerdict), resources }
}

/** In the words of the answer: what no Consent covers has no consent; what cannot be read is withheld. */
function said(outcome: CombinedVerdict, expected: string): string {
  if (outcome === 'not-covered') return 'no-consent'
  return outcome === 'indeterminate' && expected === 'deny' ? 'deny' : outcome
}

function releases(outcome: CombinedVerdict): string {
  return outcome === 'permit' ? 'permit' : 'deny'
}

describe.skipIf(!present)('the shared Consent cases', () => {
  for (const subject of cases.filter(({ disputed }) => !disputed)) {
    it(`${subject.id}: ${subject.title} is decided as stated`, () => {
      const outcome = outcomeOf(subject)
      expect(said(outcome.decision, subject.expected.decision)).toBe(subject.expected.decision)
      for (const [reference, effect] of Object.entries(subject.expected.resources ?? {})) {
        expect([reference, releases(outcome.resources[reference] as CombinedVerdict)]).toEqual([
          reference,
          effect,
        ])
      }
    })
  }

  it('the disputed ones are decided without an error, and are printed with our outcome', () => {
    const disputed = cases.filter(subject => subject.disputed)
    for (const subject of disputed) {
      const { decision, resources } = outcomeOf(subject)
      const { expected } = subject
      console.log(
        `${subject.id}: stated ${expected.decision} ${JSON.stringify(expected.resources ?? {})}, ours ${decision} ${JSON.stringify(resources)}`,
      )
      expect(['permit', 'deny', 'no-consent', 'not-covered', 'indeterminate']).toContain(decision)
    }
    expect(disputed.length).toBeGreaterThan(0)
  })
})
