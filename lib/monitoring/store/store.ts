import path from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Span } from './intervals.ts'
import { openFile } from './open.ts'
import {
  changeIncident,
  currentIncident,
  dequeue,
  enqueue,
  type Incident,
  insertIncident,
  listIncidents,
  listOutbox,
  listPlanned,
  type QueuedAlert,
  readNote,
  recordAttempt,
  upsertPlanned,
  writeNote,
} from './records.ts'
import { prune, type Retention, rollUp } from './retention.ts'
import { type Rollup, type RollupRange, readRollups, readTargetNames } from './rollups.ts'
import { insertCheckRun, readLatest, readSamples, type StoredSample } from './samples.ts'
import { type Connection, DamageError, isDamage } from './sqlite.ts'
import type { CheckRun, Origin, Planned } from './types.ts'

/** The result of the last run of `health`. */
export interface LastRun {
  /** Milliseconds since 1970. */
  at: number
  exitCode: number
  line: string
}

/**
 * The history of checks in one SQLite file. All times are milliseconds since 1970, all ranges [from, to). Every
 * method throws OpsError (exit 3) with advice when the file is locked for long, not writable, or its disk is full.
 */
export interface History {
  readonly file: string
  /** Quarantined files that were not reported yet, of this run or an earlier one. */
  readonly damaged: readonly string[]
  /** Records that they were reported. Until then every run finds them in `damaged` again. */
  markDamageReported(): void
  /**
   * Runs `work` in a transaction: nothing of it is stored when it throws or the process is killed, and no other
   * process writes meanwhile. Nested calls join the outer transaction. `work` may be called again: a file that turns
   * out to be damaged is quarantined, and `work` repeated on a new one.
   */
  transaction<Value>(work: () => Value): Value
  /** Reads a consistent snapshot without blocking others. */
  snapshot<Value>(work: () => Value): Value
  /** Records a run, then rolls up and prunes what is due. Its texts must not contain secrets. */
  record(look: CheckRun): void
  /** Inserts or updates planned periods and recounts the affected hours. */
  recordPlanned(list: readonly Planned[]): void
  /** Those that touch a range, the oldest first. */
  planned(range: Span): Planned[]
  /** The newest sample of each target. */
  latest(vantage?: Origin, now?: number): StoredSample[]
  /** The samples of targets within a range, by target and time; undefined when some were already pruned. */
  samples(range: Span, targets: readonly string[]): StoredSample[] | undefined

  /** The ongoing incident, if any. */
  currentIncident(): Incident | undefined
  /** Inserts an incident and returns its id. */
  openIncident(incident: Omit<Incident, 'id' | 'to'>): number
  raiseIncident(id: number, change: Partial<Pick<Incident, 'rank' | 'targets' | 'cause'>>): void
  closeIncident(id: number, at: number): void
  /** Those that touch a range, the oldest first. */
  incidents(range: Span): Incident[]

  /** A JSON value stored by name; `undefined` deletes it. */
  note<Value>(key: string): Value | undefined
  setNote(key: string, value: unknown): void
  lastRun(): LastRun | undefined
  setLastRun(run: LastRun): void

  /** Alerts that were not sent yet, oldest first. */
  outbox(): QueuedAlert[]
  enqueue(alert: Omit<QueuedAlert, 'id' | 'tries'>): number
  recordAttempt(id: number, error: string): void
  dequeue(id: number): void

  /** Roll-ups, the range that was actually counted, and the targets by series (0: the site). */
  rollups(range: RollupRange): { span: Span; rollups: Rollup[]; targets: Map<number, string> }
  close(): void
}

/** The history file of an environment. */
export const historyFile = (config: Config): string => path.join(config.stateDir, 'health.sqlite')

/** Opens the history for writing: creates a missing file and quarantines a damaged one (see `damaged`). */
export const openHistory = (file: string, options: Retention & { waitMs?: number }): Promise<History> =>
  open(file, { ...options, readOnly: false })

/** Opens the history for reading. Throws (exit 3) when it is missing or damaged. */
export const readHistory = (file: string, options: { waitMs?: number } = {}): Promise<History> =>
  open(file, {
    ...options,
    sampleDays: Number.MAX_SAFE_INTEGER,
    days: Number.MAX_SAFE_INTEGER,
    readOnly: true,
  })

async function open(
  file: string,
  options: Retention & { waitMs?: number; readOnly: boolean },
): Promise<History> {
  const { waitMs = 5000, readOnly } = options
  const opened = openFile(file, { waitMs, readOnly })
  let within = false
  /** The connection whose integrity was checked: once per process is enough. */
  let checked: Connection | undefined

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
  const read = <Value>(work: (connection: Connection) => Value): Value => all('BEGIN', work)
  const write = <Value>(work: (connection: Connection) => Value): Value => all('BEGIN IMMEDIATE', work)

  return {
    file,
    damaged: opened.damaged,
    markDamageReported: opened.markDamageReported,
    transaction: (work) => write(() => work()),
    snapshot: (work) => read(() => work()),
    record: (look) =>
      write((connection) => {
        insertCheckRun(connection, look)
        if (rollUp(connection, look.at) === 0) return
        prune(connection, look.at, options)
        if (checked === connection) return
        assertIntact(connection)
        checked = connection
      }),
    recordPlanned: (list) => write((connection) => upsertPlanned(connection, list)),
    planned: (range) => read((connection) => listPlanned(connection, range)),
    latest: (vantage = 'here', now = Date.now()) =>
      read((connection) => readLatest(connection, vantage, now)),

    samples: (range, targets) => read((connection) => readSamples(connection, range, targets)),

    currentIncident: () => read(currentIncident),
    openIncident: (incident) => write((connection) => insertIncident(connection, incident)),
    raiseIncident: (id, change) => write((connection) => changeIncident(connection, id, change)),
    closeIncident: (id, at) => write((connection) => changeIncident(connection, id, { to: at })),
    incidents: (range) => read((connection) => listIncidents(connection, range)),

    note: (key) => read((connection) => readNote(connection, key)),
    setNote: (key, value) => write((connection) => writeNote(connection, key, value)),
    lastRun: () => read((connection) => readNote<LastRun>(connection, 'last run')),
    setLastRun: (run) => write((connection) => writeNote(connection, 'last run', run)),

    outbox: () => read(listOutbox),
    enqueue: (alert) => write((connection) => enqueue(connection, alert)),
    recordAttempt: (id, error) => write((connection) => recordAttempt(connection, id, error)),
    dequeue: (id) => write((connection) => dequeue(connection, id)),

    rollups: (range) =>
      read((connection) => ({
        ...readRollups(connection, range),
        targets: readTargetNames(connection, range.vantage ?? 'here'),
      })),
    close: () => opened.connection.close(),
  }
}

/** SQLite notices damage only where it reads. Throws when any page, index or value is inconsistent. */
function assertIntact(connection: Connection): void {
  const wrong = connection.all<{ quick_check: string }>('PRAGMA quick_check(3)')
  if (wrong[0]?.quick_check !== 'ok')
    throw new DamageError(wrong.map((row) => Object.values(row).join(' ')).join('; '))
}
