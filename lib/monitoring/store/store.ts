import path from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Verdict } from '../../util/verdict.ts'
import type { Span } from './intervals.ts'
import { openFile } from './open.ts'
import { prune, type Retention, rollUp } from './retention.ts'
import { listPlanned, type RollupRange, readRollups, readTargetNames, upsertPlanned } from './rollups.ts'
import { insertCheckRun, readLatest, readSamples } from './samples.ts'
import { type Connection, DamageError, isDamage } from './sqlite.ts'

/** Why a sample is excluded from availability: it counts neither as up nor as down. */
export type Excluded = 'network' | 'maintenance' | 'deploy'

export interface Sample {
  /** The probe's id (`static`, `api`, `api-councils`, `queue` …) or the URL of an additional target. */
  target: string
  verdict: Verdict
  /** Milliseconds until the complete answer had arrived; null when there was no answer or nothing was timed. */
  ms: number | null
  /** Why it is not OK, on one line; empty when it is. */
  cause: string
  /** Explained by planned work: this sample is excluded although the run counts. */
  keptOut?: boolean
}

/** Where a check ran: on this machine or on the VPS. Availability uses `here` unless stated otherwise. */
export type Origin = 'here' | 'vps'

/** The samples of one health check, all with the same time. */
export interface CheckRun {
  from?: Origin
  at: number
  samples: readonly Sample[]
  excluded?: Excluded
}

/** A period of planned work, from receipts and maintenance mode. Milliseconds since 1970. */
export interface Planned {
  /** The receipt's id, or the start time of the maintenance window. */
  id: string
  kind: 'deploy' | 'maintenance'
  from: number
  to: number
  /** `deploy-complete by anna@desk`, or the reason of the maintenance. */
  what: string
}

/** A confirmed fault. Times are milliseconds since 1970. */
export interface Incident {
  id: number
  from: number
  /** null while it is ongoing. */
  to: number | null
  /** The worst severity: 1 WARNING, 2 CRITICAL, 3 CRITICAL and visible to visitors. */
  rank: 1 | 2 | 3
  targets: readonly string[]
  /** One line. */
  cause: string
}

export interface QueuedAlert {
  id: number
  channel: string
  /** An `Alert`, see monitoring/alerts. */
  alert: unknown
  /** When it was queued, in ms since 1970. */
  since: number
  /** Queueing counts as the first attempt. */
  tries: number
  /** Why the last attempt failed; empty before. */
  error: string
}

/** The result of the last run of `health`. `at`: milliseconds since 1970. */
export interface LastRun {
  at: number
  exitCode: number
  line: string
}

/**
 * The history of checks in one SQLite file. All times are milliseconds since 1970, all ranges [from, to), all lists
 * oldest first. Every method throws OpsError (exit 3) with advice when the file is locked for long, not writable, or its
 * disk is full.
 */
export type History = Awaited<ReturnType<typeof open>>

export const historyFile = (config: Config): string => path.join(config.stateDir, 'health.sqlite')

/** Opens the history for writing: creates a missing file and quarantines a damaged one (see `damaged`). */
export const openHistory = (file: string, options: Retention & { waitMs?: number }): Promise<History> =>
  open(file, { ...options, readOnly: false })

/** Opens the history for reading. Throws (exit 3) when it is missing or damaged. */
export const readHistory = (file: string): Promise<History> =>
  open(file, { sampleDays: Number.MAX_SAFE_INTEGER, days: Number.MAX_SAFE_INTEGER, readOnly: true })

function createTransactions(opened: ReturnType<typeof openFile>, readOnly: boolean) {
  let within = false

  function once<Value>(begin: string, work: (connection: Connection) => Value): Value {
    const { connection } = opened
    connection.exec(begin)
    within = true
    try {
      const value = work(connection)
      connection.exec('COMMIT')
      return value
    } catch (thrown) {
      connection.series.clear()
      try {
        connection.exec('ROLLBACK')
      } catch {
        // SQLite has already rolled back (disk full, damage).
      }
      throw thrown
    } finally {
      within = false
    }
  }

  function all<Value>(begin: string, work: (connection: Connection) => Value): Value {
    if (within) return work(opened.connection)
    opened.reopenIfReplaced()
    try {
      return once(begin, work)
    } catch (thrown) {
      if (readOnly || !isDamage(thrown)) throw opened.toError(thrown)
      opened.quarantineAndReopen(thrown)
    }
    try {
      return once(begin, work)
    } catch (thrown) {
      throw opened.toError(thrown)
    }
  }
  return {
    read: <Value>(work: (connection: Connection) => Value): Value => all('BEGIN', work),
    write: <Value>(work: (connection: Connection) => Value): Value => all('BEGIN IMMEDIATE', work),
  }
}

async function open(file: string, options: Retention & { waitMs?: number; readOnly: boolean }) {
  const { waitMs = 5000, readOnly } = options
  const opened = openFile(file, { waitMs, readOnly })
  const { read, write } = createTransactions(opened, readOnly)
  /** The connection whose integrity was checked: once per process is enough. */
  let checked: Connection | undefined
  const note = <Value>(key: string): Value | undefined => {
    const row = read((connection) =>
      connection.get<{ value: string }>('SELECT value FROM notes WHERE key = ?', key),
    )
    return row && (JSON.parse(row.value) as Value)
  }
  const setNote = (key: string, value: unknown): void =>
    write((connection) => {
      if (value === undefined) connection.run('DELETE FROM notes WHERE key = ?', key)
      else connection.run('INSERT OR REPLACE INTO notes VALUES (?, ?)', key, JSON.stringify(value))
    })

  return {
    file,
    /** Quarantined files that were not reported yet, of this run or an earlier one. */
    damaged: opened.damaged as readonly string[],
    /** Records that they were reported. Until then every run finds them in `damaged` again. */
    markDamageReported: opened.markDamageReported,
    /**
     * Runs `work` in a transaction: nothing of it is stored when it throws or the process is killed, and no other
     * process writes meanwhile. Nested calls join the outer transaction. `work` may be called again: a file that turns
     * out to be damaged is quarantined, and `work` repeated on a new one.
     */
    transaction: <Value>(work: () => Value): Value => write(work),
    /** Reads a consistent snapshot without blocking others. */
    snapshot: <Value>(work: () => Value): Value => read(work),
    /** Records a run, then rolls up and prunes what is due. Its text must not contain secrets. */
    record: (look: CheckRun) =>
      write((connection) => {
        insertCheckRun(connection, look)
        if (rollUp(connection, look.at) === 0) return
        prune(connection, look.at, options)
        if (checked === connection) return
        assertIntact(connection)
        checked = connection
      }),
    /** Inserts or updates planned periods and recounts the affected hours. */
    recordPlanned: (list: readonly Planned[]) => write((connection) => upsertPlanned(connection, list)),
    planned: (range: Span) => read((connection) => listPlanned(connection, range)),
    latest: (vantage: Origin = 'here', now = Date.now()) =>
      read((connection) => readLatest(connection, vantage, now)),
    /** The samples of targets within a range, by target and time; undefined when some were already pruned. */
    samples: (range: Span, targets: readonly string[]) =>
      read((connection) => readSamples(connection, range, targets)),
    /** Roll-ups, the range that was actually counted, and the targets by series (0: the site). */
    rollups: (range: RollupRange) =>
      read((connection) => ({
        ...readRollups(connection, range),
        targets: readTargetNames(connection, range.vantage ?? 'here'),
      })),

    openIncident: ({ from, rank, targets, cause }: Omit<Incident, 'id' | 'to'>): number =>
      write((connection) =>
        connection.run(
          'INSERT INTO incidents (began, rank, targets, cause) VALUES (?, ?, ?, ?)',
          ...[from, rank, JSON.stringify(targets), cause],
        ),
      ),
    changeIncident: (id: number, change: Partial<Omit<Incident, 'id' | 'from'>>): void =>
      write((connection) => {
        const { rank = null, targets, cause = null, to = null } = change
        connection.run(
          `UPDATE incidents SET rank = coalesce(?, rank), targets = coalesce(?, targets), cause = coalesce(?, cause),
           ended = coalesce(?, ended) WHERE id = ?`,
          ...[rank, targets ? JSON.stringify(targets) : null, cause, to, id],
        )
      }),
    incidents: ({ from, to }: Span): Incident[] =>
      read((connection) =>
        connection
          .all<Omit<Incident, 'targets'> & { targets: string }>(
            `SELECT id, began AS "from", ended AS "to", rank, targets, cause FROM incidents
             WHERE began < ? AND (ended IS NULL OR ended > ?) ORDER BY began, id`,
            ...[to, from],
          )
          .map((row) => ({ ...row, targets: JSON.parse(row.targets) as string[] })),
      ),

    note,
    /** Stores a JSON value; `undefined` deletes it. */
    setNote,
    lastRun: () => note<LastRun>('last run'),
    setLastRun: (run: LastRun) => setNote('last run', run),

    outbox: (): QueuedAlert[] =>
      read((connection) =>
        connection
          .all<QueuedAlert & { alert: string }>('SELECT * FROM outbox ORDER BY id')
          .map((row) => ({ ...row, alert: JSON.parse(row.alert) as unknown })),
      ),
    enqueue: ({ channel, alert, since, error }: Omit<QueuedAlert, 'id' | 'tries'>): number =>
      write((connection) =>
        connection.run(
          'INSERT INTO outbox (channel, alert, since, tries, error) VALUES (?, ?, ?, 1, ?)',
          ...[channel, JSON.stringify(alert), since, error],
        ),
      ),
    recordAttempt: (id: number, error: string) =>
      write((connection) =>
        connection.run('UPDATE outbox SET tries = tries + 1, error = ? WHERE id = ?', error, id),
      ),
    dequeue: (id: number) => write((connection) => connection.run('DELETE FROM outbox WHERE id = ?', id)),
    close: () => opened.connection.close(),
  }
}

/** SQLite notices damage only where it reads. Throws when any page, index or value is inconsistent. */
function assertIntact(connection: Connection): void {
  const wrong = connection.all<{ quick_check: string }>('PRAGMA quick_check(3)')
  if (wrong[0]?.quick_check !== 'ok')
    throw new DamageError(wrong.map((row) => Object.values(row).join(' ')).join('; '))
}
