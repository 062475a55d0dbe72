import type { Connection } from './connection.ts'
import { hourMs, type Span } from './segments.ts'

/** How far the roll-ups have come. Both are whole hours, in ms since 1970. */
export interface Progress {
  /** Hours before it are rolled up, but for stale ones. */
  rolledTo: number
  /** From here on every single sample is there, with those before it that still hold. */
  rawFrom: number
}

/** Before the first roll-up nothing is rolled up, and everything is there. */
export function progressOf(connection: Connection): Progress {
  const row = connection.get<{ rolled: number; raw: number }>(
    'SELECT rolled_to AS rolled, raw_from AS raw FROM progress',
  )
  return { rolledTo: (row?.rolled ?? 0) * hourMs, rawFrom: (row?.raw ?? 0) * hourMs }
}

export function setProgress(connection: Connection, { rolledTo, rawFrom }: Progress): void {
  connection.run('DELETE FROM progress')
  connection.run('INSERT INTO progress VALUES (?, ?)', rolledTo / hourMs, rawFrom / hourMs)
}

/** Rolled-up hours that a late sample touches are counted again. */
export function lateSample(connection: Connection, { from, to }: Span): void {
  const { rolledTo, rawFrom } = progressOf(connection)
  const last = Math.ceil(Math.min(to, rolledTo) / hourMs)
  for (let hour = Math.floor(Math.max(from, rawFrom) / hourMs); hour < last; hour++)
    connection.run('INSERT OR IGNORE INTO stale (hour) VALUES (?)', hour)
}

/** So are those that a planned stretch touches, as far as their samples are still there. */
export function changedPlan(connection: Connection, { from, to }: Span): void {
  const { rawFrom } = progressOf(connection)
  connection.run(
    'INSERT OR IGNORE INTO stale (hour) SELECT DISTINCT hour FROM rollups WHERE hour >= ? AND hour < ?',
    ...[Math.floor(Math.max(from, rawFrom) / hourMs), Math.ceil(to / hourMs)],
  )
}
