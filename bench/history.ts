import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  buildDailyBars,
  buildSloReport,
  getLatencySeries,
  getPercentiles,
} from '../lib/monitoring/slo/sloReport.ts'
import { countSamples } from '../lib/monitoring/store/rollups.ts'
import { openDatabase } from '../lib/monitoring/store/sqlite.ts'
import { historyFile, openHistory, readHistory } from '../lib/monitoring/store/store.ts'
import { describeMachine, median, undisturbed } from './figures.ts'
import { writeSamples } from './samples.ts'

/**
 * One million samples (or the number in the first argument): how long `slo` takes for a month of them compared with
 * counting the same month from its individual samples, and how long `status-page` takes. Exit 1 when `slo` takes a
 * second or more, or `status-page` three.
 */
const wanted = Number(process.argv[2] ?? 1_000_000)
const rounds = 5
const home = path.join(import.meta.dirname, '..')
const folder = mkdtempSync(path.join(tmpdir(), 'dominion-bench-'))
const day = 86_400_000
const now = Date.now()
const month = { from: now - 30 * day, to: now, now }

function timed<Value>(work: () => Value): { ms: number; value: Value } {
  const started = performance.now()
  const value = work()
  return { ms: performance.now() - started, value }
}
const show = (what: string, ms: number, more = ''): void =>
  console.log(`| ${what} | ${ms.toFixed(0)} | ${more} |`)

try {
  const settings = {
    POSTGRES_PASSWORD: 'not-a-secret-0',
    APP_SECRET_KEY: '0'.repeat(32),
    IONOS_HOST: '127.0.0.1',
  }
  const example = readFileSync(path.join(home, '.env.example'), 'utf8')
  const text = Object.entries(settings).reduce(
    (lines, [key, value]) => lines.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`),
    example,
  )
  writeFileSync(path.join(folder, '.env'), text, { mode: 0o600 })
  const { loadConfig } = await import('../lib/config/load.ts')
  const file = historyFile(await loadConfig(folder, undefined))

  const started = performance.now()
  const { looks, samples } = await writeSamples(file, now, wanted)
  const made = performance.now() - started
  console.log(`${describeMachine()}, Node ${process.version}; medians of ${rounds}\n`)
  console.log(`${samples} samples of ${looks} check runs, ${(statSync(file).size / 1e6).toFixed(1)} MB\n`)
  console.log('| | ms | |\n| --- | --- | --- |')
  show('written, with roll-ups', made, `${(made / looks).toFixed(2)} per check run`)

  const terms = { sloPercent: 99.9, getLimits: () => undefined }
  const connection = openDatabase(file, { waitMs: 5000, readOnly: true })
  const times: Record<'report' | 'scan' | 'script' | 'page' | 'bars' | 'plots', number[]> = {
    ...{ report: [], scan: [], script: [], page: [], bars: [], plots: [] },
  }
  async function measure(round: number): Promise<void> {
    // A fresh reader each time: no prepared statements, nothing in SQLite's own cache.
    const history = await readHistory(file)
    const report = timed(() => buildSloReport(history, terms, month))
    const bars = timed(() => buildDailyBars(history, { days: 90, now }))
    const plots = timed(() =>
      ['static', 'api'].map((target) => getLatencySeries(history, target, { ...month, now, hours: 24 })),
    )
    history.close()
    const scan = timed(() => {
      const rollups = countSamples(connection, 'here', month)
      return [...Map.groupBy(rollups, ({ series }) => series).values()].map(getPercentiles)
    })
    const line = ['slo', '--since', new Date(month.from).toISOString(), '--json']
    const dominion = (args: string[]) =>
      timed(() =>
        spawnSync(process.execPath, [path.join(home, 'bin', 'dominion.js'), ...args], {
          cwd: folder,
          encoding: 'utf8',
        }),
      )
    const script = dominion(line)
    const page = dominion(['status-page', '--out', path.join(folder, `${round}.html`)])
    if (page.value.status !== 0) throw new Error(page.value.stderr)
    if (script.value.status !== 0) throw new Error(script.value.stderr)
    times.report.push(report.ms)
    times.bars.push(bars.ms)
    times.plots.push(plots.ms)
    times.scan.push(scan.ms)
    times.script.push(script.ms)
    times.page.push(page.ms)
  }
  await undisturbed(async () => {
    for (let round = 0; round < rounds; round++) await measure(round)
  })
  const ratio = median(times.report.map((ms, round) => ms / times.scan[round]!))
  show('report of 30 days', median(times.report), `${ratio.toFixed(2)} × the scan`)
  show('the same from individual samples, a full scan', median(times.scan))
  show('`dominion slo` of 30 days, the whole script', median(times.script))
  show('`dominion status-page --out`, the whole script', median(times.page))
  show('bars of 90 days', median(times.bars))
  show('latencies of 30 days for two plots', median(times.plots))
  show('SQLite checks the whole file', timed(() => connection.get('PRAGMA quick_check')).ms, 'once an hour')
  connection.close()

  const history = await openHistory(file, { sampleDays: 400, days: 400 })
  const recorded = Array.from({ length: 20 }, (_, turn) => {
    const targets = history
      .latest()
      .map(({ target }) => ({ target, verdict: 'OK', ms: 70, cause: '' }) as const)
    return timed(() => history.record({ at: now + turn, samples: targets })).ms
  })
  history.close()
  show('one more check run of 15 samples, on the disk', median(recorded))
  if (median(times.script) >= 1000) {
    console.error('\nslo takes a second or more')
    process.exitCode = 1
  }
  if (median(times.page) >= 3000) {
    console.error('\nstatus-page takes three seconds or more')
    process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
