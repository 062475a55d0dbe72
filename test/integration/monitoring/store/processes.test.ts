import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openDatabase } from '../../../../lib/monitoring/store/sqlite.ts'
import { openHistory } from '../../../../lib/monitoring/store/store.ts'
import { createHistoryPath } from '../../../support/historyFixtures.ts'
import { runInNamespaces } from '../../../support/namespaces.ts'

/** Processes start slowly on a machine that is busy. */
const timeout = 180_000
const writer = path.join(import.meta.dirname, '../../../support/historyWriter.ts')

interface Writer {
  process: ChildProcess
  /** Check runs that it reported as stored. */
  written(): number
  /** Its exit code and its stderr. */
  ended: Promise<[number | null, string]>
}

function startWriter(file: string, name: string, count: number): Writer {
  const child = spawn(process.execPath, [writer, file, name, String(count)])
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const ended = new Promise<[number | null, string]>((resolve) =>
    child.on('close', (code) => resolve([code, err])),
  )
  return { process: child, written: () => out.split('\n').length - 1, ended }
}

async function getContent(file: string) {
  const connection = openDatabase(file, { waitMs: 1000, readOnly: true })
  const one = (sql: string) => Object.values(connection.get<Record<string, unknown>>(sql)!)[0]
  const content = {
    sound: one('PRAGMA integrity_check'),
    looks: one('SELECT count(*) FROM looks'),
    counted: Number(one(`SELECT coalesce((SELECT value FROM notes WHERE key = 'looks'), 0)`)),
    samples: one('SELECT count(*) FROM samples'),
    halves: one(
      `SELECT count(*) FROM looks WHERE samples <> (SELECT count(*) FROM samples WHERE look = looks.id)`,
    ),
  }
  connection.close()
  return content
}

test('two concurrent processes lose nothing, starting without a file', { timeout }, async () => {
  const file = createHistoryPath()
  const writers = ['queue', 'disk'].map((name) => startWriter(file, name, 200))
  expect(await Promise.all(writers.map(({ ended }) => ended))).toEqual([
    [0, ''],
    [0, ''],
  ])
  expect(await getContent(file)).toEqual({ sound: 'ok', looks: 400, counted: 400, samples: 1200, halves: 0 })
})

test('a process killed at any moment leaves an intact file and no partial run', { timeout }, async () => {
  const file = createHistoryPath()
  const history = await openHistory(file, { sampleDays: 35, days: 400 })
  history.close()
  let said = 0
  for (let turn = 0; turn < 8; turn++) {
    const killed = startWriter(file, 'queue', 10_000)
    const until = performance.now() + 10_000
    while (killed.written() === 0 && performance.now() < until) await pause(2)
    // At a different moment each time, spread over some check runs.
    await pause(turn * 1.7)
    killed.process.kill('SIGKILL')
    await killed.ended
    expect(killed.written()).toBeGreaterThan(0)
    said += killed.written()
    const { looks, counted, samples, halves, sound } = await getContent(file)
    expect({ sound, halves }).toEqual({ sound: 'ok', halves: 0 })
    expect(samples).toBe(Number(looks) * 3)
    expect(counted).toBe(looks)
    // For each kill, one check run may be stored without having been reported.
    expect(Number(looks) - said).toBeGreaterThanOrEqual(0)
    expect(Number(looks) - said).toBeLessThanOrEqual(2 * (turn + 1))
  }
})

test('a full disk is reported, and nothing partial is stored', { timeout }, async () => {
  const file = createHistoryPath()
  const kept = path.join(path.dirname(path.dirname(file)), 'kept')
  // A disk of 1 MB in its own namespace, which ends with its process.
  const script = `mkdir "$1" && mount -t tmpfs -o size=1m none "$1" && "$3" "$4" "$1/health.sqlite" queue 100000
    code=$?; cp -r "$1" "$2"; exit $code`
  const argv = ['sh', '-c', script, 'sh', path.dirname(file), kept, process.execPath, writer]
  const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user']
  const { code, stderr, stdout } = await runInNamespaces([...asRoot, '--mount'], argv)
  expect([code, stderr]).toEqual([1, expect.stringContaining(`The disk of the history ${file} is full`)])
  const written = stdout.split('\n').length - 1
  expect(written).toBeGreaterThan(10)
  expect(await getContent(path.join(kept, 'health.sqlite'))).toEqual({
    ...{ sound: 'ok', looks: written, counted: written, samples: written * 3, halves: 0 },
  })
})
