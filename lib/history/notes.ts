import type { Connection } from './connection.ts'

/** What is kept under a key, undefined when nothing is. */
export function readNote<Value>(connection: Connection, key: string): Value | undefined {
  const row = connection.get<{ value: string }>('SELECT value FROM notes WHERE key = ?', key)
  return row && (JSON.parse(row.value) as Value)
}

/** Keeps a value that JSON can hold; undefined takes the key away. */
export function writeNote(connection: Connection, key: string, value: unknown): void {
  if (value === undefined) connection.run('DELETE FROM notes WHERE key = ?', key)
  else
    connection.run(
      'INSERT INTO notes VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      ...[key, JSON.stringify(value)],
    )
}
