import { type FSWatcher, watch } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** Every file of the rules by path, with what tells one version of it from another. */
export type Fingerprint = ReadonlyMap<string, string>

/** Where rules lie. */
export interface RuleFolders {
  readonly folders: readonly string[]
  readonly files: readonly string[]
}

/** Folders in folders that are looked into. */
const DEPTH = 4

/**
 * The JSON files under the folders, and the named ones, as they are now. Hidden names, which editors and mounts use while
 * they write, are left out. Throws Error naming a folder or file that is not there.
 */
export async function fingerprintOf({ folders, files }: RuleFolders): Promise<Fingerprint> {
  const found = new Map<string, string>()
  for (const folder of folders) await collect(folder, DEPTH, found)
  for (const file of files) {
    const version = await versionOf(file)
    if (version === undefined) throw new Error(`${file}: expected a file that can be read`)
    found.set(file, version)
  }
  return found
}

async function collect(folder: string, depth: number, found: Map<string, string>): Promise<void> {
  let names: readonly string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    throw new Error(
      `${folder}: expected a folder that can be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
    )
  }
  for (const name of names) {
    if (name.startsWith('.')) continue
    const path = join(folder, name)
    if (name.endsWith('.json')) {
      const version = await versionOf(path)
      if (version !== undefined) found.set(path, version)
    } else if (depth > 0 && (await isFolder(path))) await collect(path, depth - 1, found)
  }
}

/** Size, inode and times to the nanosecond; links are followed. Undefined for what is no file, or gone meanwhile. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const stats = await stat(path, { bigint: true })
    const { size, ino, mtimeNs, ctimeNs } = stats
    return stats.isFile() ? `${size} ${ino} ${mtimeNs} ${ctimeNs}` : undefined
  } catch {
    return undefined
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    stats => stats.isDirectory(),
    () => false,
  )
}

/** How long after the first word of a change it is looked, so that one save is one look; ms. */
const DEBOUNCE_MS = 250
/** How often it is looked where the system tells nothing, as on network volumes; ms. */
const POLL_MS = 5000

export interface RuleWatch {
  /** Listens to the folders that are there now. */
  readonly refresh: (files: Iterable<string>) => void
  readonly close: () => void
}

/**
 * Calls `changed` soon after something in the folders changed, and every few seconds whatever happens: a watch that the
 * system does not keep costs time, never a change. Keeps no process alive.
 */
export function watchRules(
  { folders, files }: RuleFolders,
  changed: () => void,
  { pollMs = POLL_MS }: { readonly pollMs?: number } = {},
): RuleWatch {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined
  const heard = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      changed()
    }, DEBOUNCE_MS).unref()
  }
  const poll = setInterval(changed, pollMs).unref()
  const drop = (folder: string): void => {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }
  const refresh = (known: Iterable<string>): void => {
    const wanted = new Set([...folders, ...[...files, ...known].map(file => dirname(file))])
    for (const folder of watchers.keys()) if (!wanted.has(folder)) drop(folder)
    for (const folder of wanted) {
      if (watchers.has(folder)) continue
      try {
        const watcher = watch(folder, { persistent: false }, heard)
        watcher.on('error', () => drop(folder))
        watchers.set(folder, watcher)
      } catch {
        // The poll finds it.
      }
    }
  }
  refresh([])
  return {
    refresh,
    close: () => {
      clearInterval(poll)
      clearTimeout(timer)
      for (const folder of [...watchers.keys()]) drop(folder)
    },
  }
}
