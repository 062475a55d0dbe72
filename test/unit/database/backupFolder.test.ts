import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  type Backup,
  makePartial,
  publishBackup,
  readBackups,
  removeLeftovers,
  selectExpired,
} from '../../../lib/database/backup/folder.ts'
import {
  getManifestPath,
  type Manifest,
  readManifest,
  writeManifest,
} from '../../../lib/database/backup/manifest.ts'
import { getFailure, loadTestConfig, temporaryFolder } from '../../support/helpers.ts'

const manifest = (taken: string, proven?: string): Manifest => ({
  format: 1,
  environment: 'default',
  server: 'codexdominion-db',
  database: 'codexdb',
  serverVersion: '16.4',
  toolVersion: '16.4',
  taken,
  by: 'ops@desk',
  bytes: 4,
  sha256: 'x',
  locale: { encoding: 'UTF8', provider: 'c', collate: 'C', ctype: 'C', locale: null },
  content: { tables: [], objects: {} },
  ...(proven ? { proven: { at: proven, server: 'codexdominion-db', seconds: 1 } } : {}),
})
const day = (number: number) => `2026-11-0${number}T00:00:00.000Z`
const backup = (number: number, proven?: number): Backup => ({
  file: `${number}.dump`,
  manifest: manifest(day(number), proven ? day(proven) : undefined),
})

test('retention: keeps the newest and the last verified one, however old', () => {
  const names = (list: Backup[]) => list.map(({ file }) => file)
  const all = [backup(5), backup(4), backup(3), backup(2), backup(1)]
  expect(names(selectExpired(all, 2))).toEqual(['3.dump', '2.dump', '1.dump'])
  expect(selectExpired(all, 5)).toEqual([])
  expect(names(selectExpired([backup(5), backup(4), backup(3, 3), backup(2, 6), backup(1, 2)], 2))).toEqual([
    '3.dump',
    '1.dump',
  ])
  // A newer verified backup releases the older one.
  expect(names(selectExpired([backup(5, 7), backup(4), backup(2, 6)], 1))).toEqual(['4.dump', '2.dump'])
})

test('a backup is moved into place complete, and never over another', () => {
  const folder = temporaryFolder()
  const name = 'codexdb-20261101T000000Z.dump'
  const made = (text: string) => {
    const within = makePartial(path.join(folder, 'backups'), name)
    writeFileSync(path.join(within, name), text, { mode: 0o600 })
    writeManifest(path.join(within, name), manifest(day(1)))
    return within
  }
  const within = made('data')
  expect(statSync(within).mode & 0o777).toBe(0o700)
  const file = publishBackup(within, path.join(folder, 'backups'), name)
  expect(readManifest(file)).toEqual(manifest(day(1)))
  expect(statSync(getManifestPath(file)).mode & 0o777).toBe(0o600)
  // A live process cleans up the rest of its folder itself; the next run removes that of a dead one.
  writeFileSync(path.join(within, name), 'other')
  writeManifest(path.join(within, name), manifest(day(2)))
  expect(() => publishBackup(within, path.join(folder, 'backups'), name)).toThrow(
    'two were started in the same second',
  )
  expect(readFileSync(file, 'utf8')).toBe('data')
})

test('leftovers of ended processes are removed, but none of running ones or other machines', () => {
  const folder = temporaryFolder()
  const here = hostname().replaceAll(/[^A-Za-z0-9-]/g, '-')
  const stamped = (number: number) => `codexdb-2026110${number}T000000Z.dump`
  const partial = (number: number, machine: string, pid: number) =>
    `.${stamped(number)}.${machine}.${pid}.partial`
  const living = partial(1, here, process.pid)
  const elsewhere = partial(2, 'other-desk', 4194000)
  const dead = partial(3, here, 4194000)
  for (const name of [living, elsewhere, dead]) mkdirSync(path.join(folder, name))
  const files = [
    `${stamped(1)}.json`,
    `${stamped(3)}.json`,
    `${stamped(4)}.json`,
    'notes.dump.json',
    stamped(5),
  ]
  for (const name of [...files, `${stamped(5)}.json`]) writeFileSync(path.join(folder, name), '')
  expect(removeLeftovers(folder).sort()).toEqual([dead, `${stamped(3)}.json`, `${stamped(4)}.json`])
  expect(readdirSync(folder).sort()).toEqual(
    [living, elsewhere, `${stamped(1)}.json`, 'notes.dump.json', stamped(5), `${stamped(5)}.json`].sort(),
  )
})

test('only backups of this database and environment count; one without information is named', async () => {
  const folder = temporaryFolder()
  const put = (name: string, about: Manifest | string) => {
    writeFileSync(path.join(folder, name), 'data')
    if (typeof about === 'string') writeFileSync(path.join(folder, `${name}.json`), about)
    else writeManifest(path.join(folder, name), about)
  }
  put('a.dump', manifest(day(1)))
  put('b.dump', manifest(day(3)))
  put('other.dump', { ...manifest(day(2)), server: 'another-db' })
  // A rehearsal's server has the same name as the real one.
  put('rehearsed.dump', { ...manifest(day(4)), environment: 'rehearsal' })
  const { environment: _, ...early } = manifest(day(5))
  put('early.dump', early)
  put('broken.dump', '{"format": 1')
  const { backups, unknown } = readBackups(folder, await loadTestConfig())
  expect(backups.map(({ file }) => path.basename(file))).toEqual(['b.dump', 'a.dump'])
  expect(unknown.sort()).toEqual(['broken.dump', 'early.dump'].map((name) => path.join(folder, name)))
  expect(existsSync(path.join(folder, 'other.dump'))).toBe(true)
})

test('a folder that cannot be written to is named', async () => {
  const file = path.join(temporaryFolder(), 'file')
  writeFileSync(file, '')
  expect(await getFailure((async () => makePartial(path.join(file, 'in'), 'x.dump'))())).toMatchObject({
    what: `The folder ${path.join(file, 'in')} cannot be written to`,
    exitCode: 1,
  })
})
