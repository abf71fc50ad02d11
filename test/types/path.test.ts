import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const root = new URL('../../', import.meta.url).pathname
const folder = mkdtempSync(join(root, 'test/types/tmp-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Errors `tsc` reports in one file, by its exit text. */
function errorsIn(file: string): string[] {
  try {
    execFileSync(
      join(root, 'node_modules/.bin/tsc'),
      [
        '--noEmit',
        '--ignoreConfig',
        '--strict',
        '--exactOptionalPropertyTypes',
        '--target',
        'es2024',
        '--module',
        'nodenext',
        '--types',
        'node',
        '--allowImportingTsExtensions',
        '--skipLibCheck',
        file,
      ],
      { cwd: root, encoding: 'utf8' },
    )
    return []
  } catch (error) {
    return String((error as { stdout?: string }).stdout)
      .split('\n')
      .filter(line => line.includes(': error TS'))
  }
}

const source = readFileSync(join(root, 'test/types/path.types.ts'), 'utf8')
const laws = source.split('\n').filter(line => line.startsWith('// @ts-expect-error')).length

test('leaving a room out, or answering without a record, does not compile', () => {
  expect(errorsIn('test/types/path.types.ts')).toEqual([])
})

test('without the directives each of those lines is an error', () => {
  const bare = source.replaceAll('// @ts-expect-error', '// was:').replaceAll("'../../src/", "'../../../src/")
  const file = join(folder, 'bare.ts')
  writeFileSync(file, bare)
  expect(laws).toBeGreaterThanOrEqual(10)
  expect(errorsIn(file).length).toBe(laws)
})
