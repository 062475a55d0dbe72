import path from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Span } from './intervals.ts'
import { DamageError, isDamage, openFile } from './open.ts'
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
import type { Connection } from './sqlite.ts'
import type { CheckRun, Origin, Planned } from './types.ts'

/** How the last run of health ended. */
export interface LastRun {
  /** Milliseconds since 1970. */
  at: number
  exitCode: number
  line: string
}

/**
 * What was seen when, in one SQLite file. All times are milliseconds since 1970, all ranges [from, to). Every method
 * throws OpsError (exit 3) with what to do when the file is held for long, cannot be written, or its disk is full.
 */
export interface History {
  readonly file: string
  /** Where damaged files were put by this run, or by one that ended before it said so: to be said. */
  readonly damaged: readonly string[]
  /** It was said. Until then every run finds it in `damaged` again. */
  markDamageReported(): void
  /**
   * Reads and writes as one: nothing of it is there when `work` throws or the process is killed, and no other process
   * writes meanwhile. Inside another one it is part of that. Must bear being called again: a file that turns out to be
   * damaged is set aside, and `work` is done on a new one.
   */
  transaction<Value>(work: () => Value): Value
  /** Several readings of one and the same moment. Writes nothing, holds up nobody. */
  snapshot<Value>(work: () => Value): Value
  /** Writes a look, rolls up and forgets what is due. Its texts must be free of secrets. */
  record(look: CheckRun): void
  /** Notes planned stretches; a known id is as it is now, and what it touches is counted again. */
  recordPlanned(list: readonly Planned[]): void
  /** Those that touch a range, the oldest first. */
  planned(range: Span): Planned[]
  /** The newest sample of each target. */
  latest(vantage?: Origin, now?: number): StoredSample[]
  /** The samples of targets within a range, by target and time; undefined when they are no longer all there. */
  samples(range: Span, targets: readonly string[]): StoredSample[] | undefined

  /** The incident that lasts, if one does. */
  currentIncident(): Incident | undefined
  /** Begins one; gives its id. */
  openIncident(incident: Omit<Incident, 'id' | 'to'>): number
  raiseIncident(id: number, change: Partial<Pick<Incident, 'rank' | 'targets' | 'cause'>>): void
  closeIncident(id: number, at: number): void
  /** Those that touch a range, the oldest first. */
  incidents(range: Span): Incident[]

  /** A value kept by name (JSON). `undefined` takes it away. */
  note<Value>(key: string): Value | undefined
  setNote(key: string, value: unknown): void
  lastRun(): LastRun | undefined
  setLastRun(run: LastRun): void

  /** Alerts that could not be sent, the oldest first. */
  outbox(): QueuedAlert[]
  enqueue(alert: Omit<QueuedAlert, 'id' | 'tries'>): number
  recordAttempt(id: number, error: string): void
  dequeue(id: number): void

  /** For lib/slo: counted hours, the range that was counted, and the names of the series (0: the site). */
  rollups(range: RollupRange): { span: Span; rollups: Rollup[]; targets: Map<number, string> }
  close(): void
}

/** The history of an environment. */
export const historyFile = (config: Config): string => path.join(config.stateDir, 'health.sqlite')

/** Opens the history for health: made when it is not there, set aside when it is damaged (then see `damaged`). */
export const openHistory = (file: string, options: Retention & { waitMs?: number }): Promise<History> =>
  open(file, { ...options, readOnly: false })

/** Opens the history for who only looks. Throws (exit 3) when there is none yet, or it is damaged. */
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
  const opened = await openFile(file, { waitMs, readOnly })
  let within = false
  /** The file whose soundness was looked at: once an hour is enough, and once a process. */
  let looked: Connection | undefined

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
        // SQLite has rolled back by itself (disk full, damage).
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
      if (readOnly || !isDamage(thrown)) throw opened.fault(thrown)
      opened.quarantineAndReopen(thrown)
    }
    try {
      return once(begin, work)
    } catch (thrown) {
      throw opened.fault(thrown)
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
        if (looked === connection) return
        assertIntact(connection)
        looked = connection
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

/** SQLite sees damage only where it reads. Throws when any page, index or value is not as it must be. */
function assertIntact(connection: Connection): void {
  const wrong = connection.all<{ quick_check: string }>('PRAGMA quick_check(3)')
  if (wrong[0]?.quick_check !== 'ok')
    throw new DamageError(wrong.map((row) => Object.values(row).join(' ')).join('; '))
}
