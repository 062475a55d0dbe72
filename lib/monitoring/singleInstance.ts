import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { getMessage, type OpsError, unknownError } from '../util/errors.ts'
import { makeFolder } from '../util/files.ts'
import { poll } from '../util/poll.ts'
import { loadSqlite } from './store/sqlite.ts'

/** Runs of different kinds go on beside each other: the quick one from cron is not held up by a full one by hand. */
export type RunKind = keyof typeof kinds

/** How each is called, and for how many milliseconds a second one waits: most are over by then. */
const kinds = {
  quick: { words: 'quick health check', patience: 5_000 },
  full: { words: 'full health check', patience: 20_000 },
  vps: { words: 'health check from the VPS', patience: 20_000 },
} as const

export interface RunLock {
  release(): void
  /** Why two runs at once cannot be kept apart this time; the look is worth more than that. */
  trouble?: string
}

interface Holder {
  pid: number
  since: string
}

/**
 * Keeps runs from piling up: one of each kind at a time. What holds the guard is a lock of SQLite's on an empty file of its
 * own, on all three systems: it ends with the process, however that ends.
 * Throws (exit 3) naming the run that is under way, after `patience` milliseconds of waiting for it.
 */
export async function acquireRunLock(
  { stateDir }: Pick<Config, 'stateDir'>,
  kind: RunKind,
  patience: number = kinds[kind].patience,
): Promise<RunLock> {
  const file = path.join(stateDir, `health-${kind}.lock`)
  const holderFile = `${file}.holder`
  const lock = await poll(() => tryLock(file), {
    ...{ intervalMs: 100, timeoutMs: patience },
    describe: () => alreadyRunning(kind, readHolder(holderFile)),
  })
  if (typeof lock === 'string') return { release() {}, trouble: `nothing keeps a second run away: ${lock}` }
  const holder: Holder = { pid: process.pid, since: new Date().toISOString() }
  writeFileSync(holderFile, JSON.stringify(holder), { mode: 0o600 })
  return {
    release() {
      rmSync(holderFile, { force: true })
      lock()
    },
  }
}

/** What releases it; undefined when another process has it; why it cannot be had at all. */
async function tryLock(file: string): Promise<(() => void) | string | undefined> {
  const { DatabaseSync } = loadSqlite()
  try {
    makeFolder(path.dirname(file), 0o700)
    // SQLite itself would make it as readable as the umask allows.
    closeSync(openSync(file, 'a', 0o600))
    const database = new DatabaseSync(file, { timeout: 0 })
    try {
      database.exec('BEGIN EXCLUSIVE')
      return () => database.close()
    } catch (thrown) {
      database.close()
      // SQLITE_BUSY (https://sqlite.org/rescode.html)
      if (((thrown as { errcode?: number }).errcode ?? 0) % 256 === 5) return undefined
      throw thrown
    }
  } catch (thrown) {
    return `${file}: ${getMessage(thrown)}`
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    return undefined // it has just begun, or just ended
  }
}

function alreadyRunning(kind: RunKind, holder: Holder | undefined): OpsError {
  const who = holder ? `process ${holder.pid}, since ${holder.since}` : 'a process that has not said which'
  return unknownError(
    `Another ${kinds[kind].words} is under way (${who})`,
    undefined,
    'Wait for it. If it never ends, see what it waits for in its transcript, and end it: it loses nothing.',
  )
}
