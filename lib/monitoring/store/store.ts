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
  incidentsIn,
  insertIncident,
  plannedIn,
  readNote,
  recordAttempt,
  upsertPlanned,
  type Waiting,
  waitingAlerts,
  writeNote,
} from './records.ts'
import { forget, type Retention, rollUp } from './retention.ts'
import { type Rollup, readTallies, type TallyRange, targetNames } from './rollups.ts'
import { insertLook, type Latest, latestSamples, samplesIn } from './samples.ts'
import type { Connection } from './sqlite.ts'
import type { Look, Planned, Vantage } from './types.ts'

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
  damageSaid(): void
  /**
   * Reads and writes as one: nothing of it is there when `work` throws or the process is killed, and no other process
   * writes meanwhile. Inside another one it is part of that. Must bear being called again: a file that turns out to be
   * damaged is set aside, and `work` is done on a new one.
   */
  transaction<Value>(work: () => Value): Value
  /** Several readings of one and the same moment. Writes nothing, holds up nobody. */
  snapshot<Value>(work: () => Value): Value
  /** Writes a look, rolls up and forgets what is due. Its texts must be free of secrets. */
  record(look: Look): void
  /** Notes planned stretches; a known id is as it is now, and what it touches is counted again. */
  plan(list: readonly Planned[]): void
  /** Those that touch a range, the oldest first. */
  planned(range: Span): Planned[]
  /** The newest sample of each target. */
  latest(vantage?: Vantage, now?: number): Latest[]
  /** The samples of targets within a range, by target and time; undefined when they are no longer all there. */
  samples(range: Span, targets: readonly string[]): Latest[] | undefined

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
  outbox(): Waiting[]
  putOff(alert: Omit<Waiting, 'id' | 'tries'>): number
  triedAgain(id: number, error: string): void
  sent(id: number): void

  /** For lib/slo: counted hours, the range that was counted, and the names of the series (0: the site). */
  tallies(range: TallyRange): { span: Span; tallies: Rollup[]; targets: Map<number, string> }
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
    opened.follow()
    try {
      return once(begin, work)
    } catch (thrown) {
      if (readOnly || !isDamage(thrown)) throw opened.fault(thrown)
      opened.renew(thrown)
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
    damageSaid: opened.damageSaid,
    transaction: (work) => write(() => work()),
    snapshot: (work) => read(() => work()),
    record: (look) =>
      write((connection) => {
        insertLook(connection, look)
        if (rollUp(connection, look.at) === 0) return
        forget(connection, look.at, options)
        if (looked === connection) return
        assertIntact(connection)
        looked = connection
      }),
    plan: (list) => write((connection) => upsertPlanned(connection, list)),
    planned: (range) => read((connection) => plannedIn(connection, range)),
    latest: (vantage = 'here', now = Date.now()) =>
      read((connection) => latestSamples(connection, vantage, now)),

    samples: (range, targets) => read((connection) => samplesIn(connection, range, targets)),

    currentIncident: () => read(currentIncident),
    openIncident: (incident) => write((connection) => insertIncident(connection, incident)),
    raiseIncident: (id, change) => write((connection) => changeIncident(connection, id, change)),
    closeIncident: (id, at) => write((connection) => changeIncident(connection, id, { to: at })),
    incidents: (range) => read((connection) => incidentsIn(connection, range)),

    note: (key) => read((connection) => readNote(connection, key)),
    setNote: (key, value) => write((connection) => writeNote(connection, key, value)),
    lastRun: () => read((connection) => readNote<LastRun>(connection, 'last run')),
    setLastRun: (run) => write((connection) => writeNote(connection, 'last run', run)),

    outbox: () => read(waitingAlerts),
    putOff: (alert) => write((connection) => enqueue(connection, alert)),
    triedAgain: (id, error) => write((connection) => recordAttempt(connection, id, error)),
    sent: (id) => write((connection) => dequeue(connection, id)),

    tallies: (range) =>
      read((connection) => ({
        ...readTallies(connection, range),
        targets: targetNames(connection, range.vantage ?? 'here'),
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
