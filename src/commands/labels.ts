import { openEngine } from '../engine.ts'
import { markdownOf, recognised } from './labels-page.ts'
import { loadSite } from './site.ts'
import { CONFIG_OPTION, type CommandSpec, textOption, UsageError } from './table.ts'

const FORMATS = ['markdown', 'json']

/** Prints what is recognised as sensitive, and what is knowingly not, from the data in force. */
export const labelsCommand: CommandSpec = {
  name: 'labels',
  summary: 'print what is recognised as sensitive, and what is not',
  description:
    'Tells of each category of labels/ (and of the site, with its configuration) the labels it puts, by which codes, ' +
    'words, instruments and notes, what needs context, what a record may take back, what is not recognised, and where ' +
    'the facts come from. labels/RECOGNISED.md is this page of the built-in rules.',
  operands: [],
  options: [
    CONFIG_OPTION,
    { flags: '--category <id>', description: 'one category only, e.g. hiv' },
    { flags: '--format <format>', description: 'markdown or json', defaultValue: 'markdown' },
  ],
  examples: [
    'consentry labels --category substance-use',
    'consentry labels --format json | jq ".categories[] | {id, notRecognised}"',
    'consentry labels > labels/RECOGNISED.md',
  ],
  run: async (_operands, options, terminal) => {
    const only = textOption(options, 'category')
    const format = textOption(options, 'format') ?? 'markdown'
    if (!FORMATS.includes(format)) throw new UsageError(`--format: expected one of ${FORMATS.join(', ')}`)
    const { labels } = openEngine(loadSite(textOption(options, 'config')).policy)
    const ids = labels.categories.map(({ id }) => id)
    if (only !== undefined && !ids.includes(only))
      throw new UsageError(`--category: expected one of the categories: ${ids.toSorted().join(', ')}`)
    const page = recognised(labels, only)
    terminal.out(format === 'json' ? `${JSON.stringify(page, null, 2)}\n` : markdownOf(page))
    return 0
  },
}
