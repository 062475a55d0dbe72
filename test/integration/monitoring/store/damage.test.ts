import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { getFileId, quarantine } from '../../../../lib/monitoring/store/open.ts'
import { readHistory } from '../../../../lib/monitoring/store/store.ts'
import {
  createHistoryPath,
  day,
  hour,
  look,
  minute,
  openTestHistory,
} from '../../../support/historyFixtures.ts'

const start = Date.UTC(2026, 0, 1)

/** A history of two days, closed. */
async function written(): Promise<string> {
  const file = createHistoryPath()
  const history = await openTestHistory(file)
  history.transaction(() => {
    for (let at = start; at < start + 2 * day; at += 5 * minute) history.record(look(at))
  })
  history.close()
  return file
}

/** The middle half of every page from the third on: SQLite opens such a file without an error. */
function garble(file: string): void {
  const handle = openSync(file, 'r+')
  const noise = Buffer.alloc(2048, 0xa7)
  for (let at = 3 * 4096; at < statSync(file).size; at += 4096) writeSync(handle, noise, 0, 2048, at)
  closeSync(handle)
}

test.each<[string, (file: string) => void]>([
  [
    'text',
    (file) => writeFileSync(file, 'not a database, but long enough to be looked at as one\n'.repeat(100)),
  ],
  ['truncated', (file) => truncateSync(file, 20_000)],
  ['cut in the first page', (file) => truncateSync(file, 300)],
  ['noise in its middle', garble],
])('%s: the history is quarantined and reported, and checks continue', async (_, damage) => {
  const file = await written()
  damage(file)
  const bytes = readFileSync(file)
  await expect(
    readHistory(file).then((history) =>
      history.rollups({ from: start, to: start + 2 * day, now: start + 3 * day }),
    ),
  ).rejects.toMatchObject({ exitCode: 3, message: `The history ${file} is damaged` })

  const history = await openTestHistory(file)
  // An hour later: the whole file is checked at the latest when an hour is rolled up.
  const at = start + 2 * day + 2 * hour
  history.transaction(() => {
    history.setNote('confirm', { looks: (history.note<{ looks: number }>('confirm')?.looks ?? 0) + 1 })
    history.record(look(at))
  })
  expect(history.damaged).toHaveLength(1)
  const [aside = ''] = history.damaged
  // A run that ends before it has reported this leaves it to the next one.
  const other = await openTestHistory(file)
  expect(other.damaged).toEqual([aside])
  other.close()
  history.markDamageReported()
  expect(history.damaged).toEqual([])
  expect(aside).toMatch(/health\.sqlite\.damaged-\d{8}T\d{6}Z$/)
  expect(readFileSync(aside).subarray(0, bytes.length).equals(bytes)).toBe(true)
  expect(history.latest().map((sample) => sample.at)).toEqual([at, at])
  expect(history.note('confirm')).toEqual({ looks: 1 })
  history.close()
  const names = readdirSync(path.dirname(file))
  expect(names.filter((name) => name.startsWith('health.sqlite') && !name.includes('damaged'))).toEqual([
    'health.sqlite',
    'health.sqlite.lock',
  ])
  const again = await openTestHistory(file)
  expect(again.damaged).toEqual([])
  expect(again.latest()).toHaveLength(2)
})

test('after another process quarantined the file, the new one is written', async () => {
  const file = await written()
  const history = await openTestHistory(file)
  history.record(look(start + 3 * day))
  quarantine(file, getFileId(file), new Date(start))
  history.record(look(start + 3 * day + minute))
  history.close()
  const after = await readHistory(file)
  expect(after.latest()[0]?.at).toBe(start + 3 * day + minute)
  after.close()
  const aside = await readHistory(`${file}.damaged-20260101T000000Z`)
  expect(aside.latest()[0]?.at).toBe(start + 3 * day)
  aside.close()
})

test('no process opens a file that is being quarantined; its write-ahead log moves first', async () => {
  const file = await written()
  writeFileSync(file, 'not a database, but long enough to be looked at as one\n'.repeat(100))
  writeFileSync(`${file}-wal`, 'its log')
  const holder = new DatabaseSync(`${file}.lock`)
  holder.exec('BEGIN EXCLUSIVE')
  await expect(openTestHistory(file, { waitMs: 100 })).rejects.toThrow(
    /was locked by another process for 0\.1 s/,
  )
  expect(readdirSync(path.dirname(file)).filter((name) => name.includes('damaged'))).toEqual([])
  holder.close()

  const log = `${file}.damaged-20260101T000000Z-wal`
  mkdirSync(log)
  expect(() => quarantine(file, getFileId(file), new Date(start))).toThrow(/-wal/)
  expect(existsSync(file)).toBe(true)
  rmdirSync(log)
  quarantine(file, getFileId(file), new Date(start))
  expect(readFileSync(log, 'utf8')).toBe('its log')

  writeFileSync(`${file}.lock`, 'not an SQLite file, but a rather long text, as somebody may put there')
  await expect(openTestHistory(file)).rejects.toMatchObject({
    exitCode: 3,
    message: `${file}.lock is not a lock file`,
  })
})

test('a file locked by another process is waited for, then reported', async () => {
  const file = await written()
  // Another process, as in reality: it holds the file for as long as it lives.
  const holder = spawn(process.execPath, [
    '-e',
    `const { DatabaseSync } = require('node:sqlite'); const d = new DatabaseSync(process.argv[1])
     d.exec('BEGIN EXCLUSIVE'); console.log('held'); setTimeout(() => d.exec('COMMIT'), Number(process.argv[2]))`,
    file,
    '1500',
  ])
  onTestFinished(() => {
    holder.kill('SIGKILL')
  })
  await once(holder.stdout, 'data')
  const impatient = await openTestHistory(file, { waitMs: 300 })
  expect(() => impatient.record(look(start + 3 * day))).toThrow(
    `The history ${file} was locked by another process for 0.3 s`,
  )
  // A reader need not wait.
  const reader = await readHistory(file)
  expect(reader.latest()).toHaveLength(2)
  reader.close()
  const patient = await openTestHistory(file, { waitMs: 20_000 })
  patient.record(look(start + 3 * day))
  expect(patient.latest()[0]?.at).toBe(start + 3 * day)
  expect(patient.damaged).toEqual([])
})

test("a newer file and another program's file are rejected and not changed", async () => {
  const newer = await written()
  const database = new DatabaseSync(newer)
  database.exec('PRAGMA user_version = 99')
  database.close()
  const foreign = createHistoryPath()
  mkdirSync(path.dirname(foreign))
  const other = new DatabaseSync(foreign)
  other.exec('CREATE TABLE theirs (x)')
  other.close()
  const bytes = new Map([newer, foreign].map((file) => [file, readFileSync(file)]))
  await expect(openTestHistory(newer)).rejects.toThrow(/newer version of this tool \(format 99/)
  await expect(readHistory(newer)).rejects.toMatchObject({ exitCode: 3 })
  await expect(openTestHistory(foreign)).rejects.toThrow(/SQLite file of another program/)
  for (const file of [newer, foreign]) {
    expect(readdirSync(path.dirname(file)).filter((name) => name.includes('damaged'))).toEqual([])
    expect(readFileSync(file).equals(bytes.get(file)!)).toBe(true)
  }
})

test('a missing history is reported, and nothing is created', async () => {
  const file = createHistoryPath()
  await expect(readHistory(file)).rejects.toMatchObject({
    exitCode: 3,
    message: `There is no history yet: ${file}`,
  })
  expect(existsSync(path.dirname(file))).toBe(false)
})

test('only the owner can read the file; an impossible path is reported', async () => {
  const file = await written()
  expect((statSync(file).mode & 0o777).toString(8)).toBe('600')
  expect((statSync(path.dirname(file)).mode & 0o777).toString(8)).toBe('700')
  const blocked = path.join(file, 'health.sqlite')
  await expect(openTestHistory(blocked)).rejects.toMatchObject({
    exitCode: 3,
    message: `The history ${blocked} cannot be opened or read`,
  })
})
