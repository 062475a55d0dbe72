import { formatKeyFile } from '../../config/config.ts'
import { unknownError } from '../../util/errors.ts'
import type { Connection } from './sqlite.ts'

/** `PRAGMA application_id` of our files ("cdop"), so that another program's file is never mistaken for one. */
const applicationId = 0x63646f70

/*
 * Times are milliseconds since 1970, hours are whole ones since 1970, all UTC. Verdicts: 0 OK, 1 WARNING, 2 CRITICAL,
 * 3 UNKNOWN. Series 0 is the site as a whole, which has roll-ups but no samples.
 */
const migrations: readonly string[] = [
  `
  CREATE TABLE series (
    id INTEGER PRIMARY KEY, vantage TEXT NOT NULL, target TEXT NOT NULL, UNIQUE (vantage, target)
  ) STRICT;
  INSERT INTO series VALUES (0, '', '');
  CREATE TABLE looks (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, vantage TEXT NOT NULL, excluded TEXT NOT NULL, samples INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX looks_at ON looks (at);
  CREATE TABLE samples (
    series INTEGER NOT NULL, at INTEGER NOT NULL, look INTEGER NOT NULL, holds INTEGER NOT NULL,
    verdict INTEGER NOT NULL CHECK (verdict BETWEEN 0 AND 3), kept_out INTEGER NOT NULL CHECK (kept_out IN (0, 1)),
    ms INTEGER, cause TEXT NOT NULL,
    PRIMARY KEY (series, at, look)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE rollups (
    series INTEGER NOT NULL, hour INTEGER NOT NULL,
    ok INTEGER NOT NULL, warning INTEGER NOT NULL, down INTEGER NOT NULL, kept_out INTEGER NOT NULL,
    samples INTEGER NOT NULL, times BLOB NOT NULL,
    PRIMARY KEY (series, hour)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX rollups_hour ON rollups (hour);
  CREATE TABLE progress (rolled_to INTEGER NOT NULL, raw_from INTEGER NOT NULL) STRICT;
  CREATE TABLE stale (hour INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE planned (
    id TEXT NOT NULL, kind TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL, what TEXT NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT;
  CREATE INDEX planned_ended ON planned (ended);
  CREATE TABLE incidents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, began INTEGER NOT NULL, ended INTEGER,
    rank INTEGER NOT NULL CHECK (rank BETWEEN 1 AND 3), targets TEXT NOT NULL, cause TEXT NOT NULL
  ) STRICT;
  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, alert TEXT NOT NULL, since INTEGER NOT NULL,
    tries INTEGER NOT NULL, error TEXT NOT NULL
  ) STRICT;
  CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
]

const readNumber = (connection: Connection, sql: string): number =>
  Object.values(connection.get<Record<string, number>>(sql) ?? {})[0] ?? 0

/** Migrates a file to the newest schema; safe when another process migrates it at the same time. */
export function migrate(connection: Connection, file: string): void {
  if (readVersion(connection, file) === migrations.length) return
  connection.exec('PRAGMA journal_mode = WAL')
  connection.exec('BEGIN IMMEDIATE')
  try {
    const version = readVersion(connection, file)
    for (const sql of migrations.slice(version)) connection.exec(sql)
    connection.exec(
      `PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${migrations.length}; COMMIT`,
    )
  } catch (thrown) {
    connection.exec('ROLLBACK')
    throw thrown
  }
}

/** The number of migrations a file has had. Throws (exit 3) for a newer version's file or another program's. */
export function readVersion(connection: Connection, file: string): number {
  const version = readNumber(connection, 'PRAGMA user_version')
  const application = readNumber(connection, 'PRAGMA application_id')
  const tables = readNumber(connection, 'SELECT count(*) FROM sqlite_schema')
  if (application !== applicationId && (tables > 0 || version > 0)) {
    throw unknownError(
      `${file} is a SQLite file of another program`,
      undefined,
      `Move it away, or set STATE_DIR in ${formatKeyFile('STATE_DIR')} to another folder; then run this command again.`,
    )
  }
  if (version > migrations.length) {
    throw unknownError(
      `${file} was written by a newer version of this tool (format ${version}; this version knows up to ${migrations.length})`,
      undefined,
      'Update this tool (git pull, npm ci); the file was not changed.',
    )
  }
  return version
}
