import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { getMessage, OpsError, unknownError } from '../util/errors.ts'
import { parseJson, readIfPresent } from '../util/json.ts'
import { poll } from '../util/poll.ts'
import { acquireLock, isBusy } from './store/sqlite.ts'

/** How long a second run of a kind waits for the first, in milliseconds. Runs of different kinds may overlap. */
const kinds = {
  quick: { title: 'quick health check', patience: 5_000 },
  full: { title: 'full health check', patience: 20_000 },
  vps: { title: 'health check from the VPS', patience: 20_000 },
} as const
type RunKind = keyof typeof kinds

/**
 * Prevents runs from piling up: one of each kind at a time. The lock is a SQLite lock on an empty file, which works on
 * all three systems and ends with the process. `trouble` says why the lock could not be acquired; the check runs
 * anyway. Throws (exit 3) naming the run in progress after waiting `patience` milliseconds for it.
 */
export async function acquireRunLock(
  { stateDir }: Pick<Config, 'stateDir'>,
  kind: RunKind,
  patience: number = kinds[kind].patience,
): Promise<{ release(): void; trouble?: string }> {
  const file = path.join(stateDir, `health-${kind}.lock`)
  const holderFile = `${file}.holder`
  const lock = await poll(() => tryLock(file), {
    ...{ intervalMs: 100, timeoutMs: patience },
    describe: () => alreadyRunning(kind, holderFile),
  })
  if (typeof lock === 'string') return { release() {}, trouble: `a second run cannot be prevented: ${lock}` }
  const holder = { pid: process.pid, since: new Date().toISOString() }
  writeFileSync(holderFile, JSON.stringify(holder), { mode: 0o600 })
  return {
    release() {
      rmSync(holderFile, { force: true })
      lock()
    },
  }
}

/**
 * Returns a function that releases the lock; undefined when another process holds it; the reason when it
 * cannot be acquired.
 */
async function tryLock(file: string): Promise<(() => void) | string | undefined> {
  try {
    return acquireLock(file, 0)
  } catch (thrown) {
    if (isBusy(thrown)) return undefined
    const said = thrown instanceof OpsError ? thrown.failure.said : undefined
    return said ? `${getMessage(thrown)} (${said})` : getMessage(thrown)
  }
}

function alreadyRunning(kind: RunKind, holderFile: string): OpsError {
  // Undefined when it has just started or just ended.
  const holder = parseJson<{ pid: number; since: string }>(readIfPresent(holderFile) ?? '')
  const who = holder ? `process ${holder.pid}, since ${holder.since}` : 'unknown process'
  return unknownError(
    `Another ${kinds[kind].title} is already running (${who})`,
    undefined,
    'Wait for it to end. If it never does, find out from its transcript what it is waiting for, then kill it; no data is lost.',
  )
}
