import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { assertNotHindered } from '../../../lib/database/backup/verify.ts'
import {
  databaseArgument,
  dumpCommand,
  explainTool,
  extractGrants,
  formatInstallHint,
  grantsCommand,
  listCommand,
  parseRestoreErrors,
  requirePgTool,
  restoreCommand,
  type ServerAccess,
} from '../../../lib/database/pgTools.ts'
import { display } from '../../../lib/shell/command.ts'
import {
  findSecretFile,
  getFailure,
  loadTestConfig,
  openRunner,
  temporaryFolder,
} from '../../support/helpers.ts'

const reached = async (password = 'Gr8-password'): Promise<ServerAccess> => ({
  config: await loadTestConfig(),
  address: '198.51.100.4',
  password,
  authorities: '/state of/a&b/authorities.pem',
})

const url = (database: string) =>
  `--dbname=postgresql://codexadmin@codexdominion-db.postgres.database.azure.com:5432/${database}?hostaddr=198.51.100.4&sslmode=verify-full&sslrootcert=%2Fstate%20of%2Fa%26b%2Fauthorities.pem&gssencmode=disable&connect_timeout=10&keepalives_idle=30&application_name=codex-dominion-ops&passfile=<pgpass>`

test('pg_dump: one snapshot, one compressed file, the certificate checked against the name', async () => {
  const command = dumpCommand(await reached(), '00000003-0000001B-1', '/b/x.dump')
  expect(display(command)).toBe(
    `pg_dump --format=custom --no-password --lock-wait-timeout=60s --snapshot=00000003-0000001B-1 --file=/b/x.dump ${url('codexdb')}`,
  )
  expect(command).toMatchObject({ effect: 'record', on: 'here', env: { LC_ALL: 'C' } })
})

test('pg_restore: the contents, everything but rights, then the rights alone', async () => {
  expect(listCommand('x.dump')).toMatchObject({ argv: ['pg_restore', '--list', 'x.dump'], effect: 'read' })
  const restore = restoreCommand(await reached(), 'beside', 'x.dump')
  expect(display(restore)).toBe(`pg_restore --no-password --no-owner --no-privileges ${url('beside')} x.dump`)
  expect(restore).toMatchObject({ effect: 'change', accept: [0, 1] })
  const toc = [
    '; comment',
    '215; 1259 16400 TABLE public agents codexadmin',
    '3401; 0 16400 TABLE DATA public agents codexadmin',
    '3402; 0 0 ACL public TABLE agents codexadmin',
    '1771; 826 16461 DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES codexadmin',
  ].join('\n')
  const rights = grantsCommand(await reached(), 'beside', 'x.dump', extractGrants(toc))!
  expect(display(rights)).toBe(
    `pg_restore --no-password --no-owner --use-list=<rights.list> ${url('beside')} x.dump`,
  )
  expect(
    findSecretFile(rights.argv)
      .content.split('\n')
      .map((line) => line.slice(0, 4)),
  ).toEqual(['3402', '1771', ''])
  expect(grantsCommand(await reached(), 'beside', 'x.dump', extractGrants('; nothing'))).toBeUndefined()
})

test('the password is only in the passfile, with field separators escaped', async () => {
  const argument = databaseArgument(await reached(`Aa1':%$ \\"x`), 'codexdb')
  expect(argument.content).toBe(
    `codexdominion-db.postgres.database.azure.com:5432:*:codexadmin:Aa1'\\:%$ \\\\"x\n`,
  )
  expect(argument.prefix).not.toContain('Aa1')
})

test('errors of a restore count, but not the one that a newer pg_restore causes on every older server', () => {
  const said = `pg_restore: while INITIALIZING:
pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"
Command was: SET transaction_timeout = 0;
pg_restore: error: could not execute query: ERROR:  relation "agents" already exists
pg_restore: warning: errors ignored on restore: 2`
  expect(parseRestoreErrors(said)).toEqual([
    'pg_restore: error: could not execute query: ERROR:  relation "agents" already exists',
  ])
})

test('an outside cause of a failed restore is not called a damaged backup', async () => {
  const broken = 'pg_restore: error: could not execute query: server closed the connection unexpectedly'
  expect(await getFailure((async () => assertNotHindered([broken]))())).toMatchObject({
    what: 'The database cannot be reached, or the connection was lost',
    said: broken,
    exitCode: 3,
  })
  const refused = 'pg_restore: error: connection failed: FATAL:  password authentication failed for user "x"'
  expect(await getFailure((async () => assertNotHindered([refused]))())).toMatchObject({ exitCode: 4 })
  const damaged = ['pg_restore: error: could not uncompress data: (null)']
  expect(assertNotHindered(damaged)).toEqual(damaged)
})

test.each([
  ['linux', 17, 'apt-get install postgresql-client-17'],
  ['darwin', 16, 'brew install libpq'],
  ['win32', 16, 'Command Line Tools'],
] as const)('on %s it says how to get the tools', (platform, major, words) => {
  expect(formatInstallHint(major, platform)).toContain(words)
  expect(formatInstallHint(major, platform)).toContain(String(major))
})

test('a tool as new as the server is accepted; an older one is refused', async () => {
  const folder = temporaryFolder()
  const answer = (version: string) =>
    writeFileSync(path.join(folder, 'pg_dump'), `#!/bin/sh\necho "pg_dump (PostgreSQL) ${version}"\n`, {
      mode: 0o755,
    })
  const ask = async () =>
    requirePgTool(
      { config: await loadTestConfig(), runner: openRunner({ env: { PATH: `${folder}:/bin` } }) },
      'pg_dump',
      16,
    )
  answer('17.2 (Debian 17.2-1.pgdg120+1)')
  expect(await ask()).toBe('17.2')
  answer('16beta1')
  expect(await ask()).toBe('16beta1')
  answer('15.18')
  expect(await getFailure(ask())).toMatchObject({
    what: 'pg_dump is version 15.18; a server of version 16 needs 16 or newer',
    exitCode: 2,
  })
})

test.each([
  ['pg_dump: error: could not write to file: No space left on device', { what: 'The disk is full' }],
  ['FATAL:  password authentication failed for user "codexadmin"', { exitCode: 4 }],
  ['connection to server at "h" (198.51.100.4), port 5432 failed: Connection refused', { exitCode: 3 }],
  [
    'pg_restore: error: could not execute query: FATAL:  terminating connection due to administrator command',
    { exitCode: 3 },
  ],
  ['pg_restore: error: error returned by PQputCopyData: SSL SYSCALL error: EOF detected', { exitCode: 3 }],
  ['FATAL:  sorry, too many clients already', { exitCode: 3 }],
  [
    'pg_restore: error: COPY failed for table "metrics": ERROR:  could not extend file "base/16/17": No space left on device',
    { what: "The server's disk is full, or nearly full" },
  ],
  ['pg_dump: error: aborting because of server version mismatch', { exitCode: 2 }],
])('%s: what it means', (said, meaning) => {
  expect(explainTool(said)).toMatchObject(meaning)
})
