import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const src = new URL('../src/', import.meta.url).pathname
const ROOMS = [
  'identity',
  'interaction',
  'upstream',
  'consent',
  'label',
  'decide',
  'segment',
  'record',
  'office',
  'respond',
  'server',
  'data',
  'demo',
  'watch',
  'console',
]

function filesUnder(folder: string): string[] {
  return readdirSync(folder).flatMap(name => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesUnder(path) : path.endsWith('.ts') ? [path] : []
  })
}

/** Relative imports of a file, as paths from src/. Covers static, type, re-export, dynamic and `new URL` forms. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8')
  const targets = [...text.matchAll(/(?:from|import|import\()\s*['"](\.[^'"]+)['"]/g)].map(
    match => match[1] ?? '',
  )
  return targets.map(target => relative(src, resolve(dirname(file), target)))
}

/** Every import that breaks the star: `file imports target`. */
function breaches(files: readonly string[]): string[] {
  return files.flatMap(file => {
    const name = relative(src, file)
    const room = name.includes('/') ? (name.split('/')[0] ?? '') : ''
    return importsOf(file)
      .filter(target => !allowed(room, target.split('/')[0] ?? '', target))
      .map(target => `${name} imports ${target}`)
  })
}

function allowed(room: string, targetRoom: string, target: string): boolean {
  if (target.startsWith('..')) return false
  // Top-level files and the commands compose rooms into a house.
  if (room === '' || room === 'commands') return true
  if (targetRoom === room || targetRoom === 'model') return true
  return room === 'flow'
    ? ROOMS.includes(targetRoom) && targetRoom !== 'server' && targetRoom !== 'demo'
    : false
}

test('rooms import model/ and nothing else of src/; only flow/ and the composing files know the rooms', () => {
  const files = filesUnder(src)
  expect(files.length).toBeGreaterThan(40)
  expect(breaches(files)).toEqual([])
})

test('model/ imports nothing outside itself', () => {
  const outside = filesUnder(join(src, 'model'))
    .flatMap(importsOf)
    .filter(target => !target.startsWith('model/'))
  expect(outside).toEqual([])
})

test('the guard sees a breach when there is one', () => {
  expect(allowed('decide', 'consent', 'consent/reader.ts')).toBe(false)
  expect(allowed('segment', 'flow', 'flow/exchange.ts')).toBe(false)
  expect(allowed('decide', 'model', 'model/label.ts')).toBe(true)
})

test('only record/ makes receipts', () => {
  const makers = filesUnder(src).filter(file => /as (unknown as )?Receipt\b/.test(readFileSync(file, 'utf8')))
  expect(makers.map(file => relative(src, file).split('/')[0])).toEqual(['record'])
})
