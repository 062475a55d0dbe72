import type { Connection } from './connection.ts'

/** An alert that is not sent yet. */
export interface Waiting {
  id: number
  channel: string
  /** As lib/alerts made it. */
  alert: unknown
  /** When it was put here, in ms since 1970. */
  since: number
  /** Putting it here is the first one. */
  tries: number
  /** Why it could not be sent, the last time; empty before. */
  error: string
}

export const putOff = (
  connection: Connection,
  { channel, alert, since, error }: Omit<Waiting, 'id' | 'tries'>,
): number =>
  connection.run(
    'INSERT INTO outbox (channel, alert, since, tries, error) VALUES (?, ?, ?, 1, ?)',
    ...[channel, JSON.stringify(alert), since, error],
  ).id

/** The oldest first. */
export const waitingAlerts = (connection: Connection): Waiting[] =>
  connection
    .all<Omit<Waiting, 'alert'> & { alert: string }>('SELECT * FROM outbox ORDER BY id')
    .map((row) => ({ ...row, alert: JSON.parse(row.alert) as unknown }))

export const triedAgain = (connection: Connection, id: number, error: string): void => {
  connection.run('UPDATE outbox SET tries = tries + 1, error = ? WHERE id = ?', error, id)
}

export const noLongerWaiting = (connection: Connection, id: number): void => {
  connection.run('DELETE FROM outbox WHERE id = ?', id)
}
