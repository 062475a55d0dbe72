import { expect, test } from 'vitest'
import { countSamples, type Rollup } from '../../../../lib/monitoring/store/rollups.ts'
import { type Connection, openDatabase } from '../../../../lib/monitoring/store/sqlite.ts'
import type { CheckRun, Planned } from '../../../../lib/monitoring/store/store.ts'
import type { Verdict } from '../../../../lib/util/verdict.ts'
import {
  createHistoryPath,
  day,
  hour,
  look,
  minute,
  openTestHistory,
  rollUpAll,
  sample,
} from '../../../support/historyFixtures.ts'

const start = Date.UTC(2026, 2, 1)

/** Numbers that look random and are the same in every run (linear congruential generator, Numerical Recipes). */
function dice(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const targets = ['static', 'api', 'queue']

/** Ten days: irregular check runs, single targets, gaps, late runs, all verdicts, own network down. */
function randomLooks(roll: (below: number) => number): CheckRun[] {
  const looks: CheckRun[] = []
  for (let at = start; at < start + 10 * day; at += (1 + roll(20)) * minute) {
    if (roll(200) === 0) at += roll(600) * minute
    const verdict = (): Verdict => (['OK', 'OK', 'OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const)[roll(6)]!
    const asked = roll(10) === 0 ? [targets[roll(3)]!] : targets
    const samples = asked.map((target) => sample(target, verdict(), roll(5) === 0 ? null : roll(100_000)))
    looks.push({ ...look(at, ...samples), ...(roll(30) === 0 ? { excluded: 'network' } : {}) })
    if (roll(25) === 0) looks.push(look(at, sample('api', verdict(), roll(300))))
  }
  // Some are written long after others that started later.
  for (let turn = 0; turn < 40; turn++) {
    const [late] = looks.splice(roll(looks.length), 1)
    looks.splice(roll(looks.length), 0, late!)
  }
  return looks
}

const ordered = (rollups: readonly Rollup[]): Rollup[] =>
  rollups
    .map((rollup) => ({ ...rollup, times: rollup.times.toSorted((a, b) => a - b) }))
    .sort((a, b) => a.series - b.series || a.hour - b.hour)

/** Minute by minute, without interval arithmetic: what is known of a target at the start of each. */
function minuteByMinute(connection: Connection, planned: readonly Planned[], target: string): number[] {
  const rows = connection.all<{ at: number; holds: number; verdict: number; kept: number }>(
    `SELECT at, holds, verdict, kept_out AS kept FROM samples JOIN series ON series = id
     WHERE target = ? ORDER BY at, look`,
    target,
  )
  const counts = [0, 0, 0, 0]
  let next = 0
  for (let at = start; at < start + 10 * day; at += minute) {
    while (next < rows.length && rows[next]!.at <= at) next++
    const speaking = rows[next - 1]
    if (!speaking || speaking.at + speaking.holds <= at) continue
    const known = speaking.kept || speaking.verdict < 3
    const out = speaking.kept || planned.some(({ from, to }) => from <= at && at < to)
    if (known) counts[out ? 3 : speaking.verdict]!++
  }
  return counts
}

test.each([1, 2, 3])(
  'random looks: roll-ups, samples, and minute by minute say the same (seed %i)',
  async (seed) => {
    const roll = dice(seed)
    const file = createHistoryPath()
    const history = await openTestHistory(file)
    const planned: Planned[] = []
    const looks = randomLooks(roll)
    // One transaction: this test is about arithmetic, and on a busy disk each check run would be slow.
    history.transaction(() => looks.forEach(recordAndPlan))
    function recordAndPlan(each: CheckRun, index: number): void {
      history.record(each)
      // An interval becomes known later than its check runs, and again with a different end.
      if (index % 50 === 49) {
        const from = start + roll(10 * 24 * 60) * minute
        planned.push({ id: `${index}`, kind: 'deploy', from, to: from + roll(180) * minute, what: '' })
        history.recordPlanned(planned.slice(-1))
      }
      if (index % 130 === 129) {
        const changed = planned[roll(planned.length)]!
        if (roll(2) === 0) changed.from += (roll(120) - 60) * minute
        changed.to = changed.from + roll(300) * minute
        history.recordPlanned([{ ...changed }])
      }
    }
    const whole = { from: start, to: start + 10 * day, now: start + 10 * day }
    const mixed = history.rollups({ ...whole, times: true })
    await rollUpAll(file, start + 11 * day)
    const rolled = history.rollups({ ...whole, times: true })

    const connection = openDatabase(file, { waitMs: 1000, readOnly: true })
    expect(connection.get<{ n: number }>('SELECT count(*) AS n FROM stale')?.n).toBe(0)
    expect(connection.get<{ n: number }>('SELECT count(*) AS n FROM looks')?.n).toBe(looks.length)
    const single = countSamples(connection, 'here', whole)
    expect(ordered(mixed.rollups)).toEqual(ordered(single))
    expect(ordered(rolled.rollups)).toEqual(ordered(single))

    for (const [series, target] of rolled.targets) {
      const list = rolled.rollups.filter((rollup) => rollup.series === series)
      const sum = (key: 'ok' | 'warning' | 'down' | 'keptOut') =>
        list.reduce((total, rollup) => total + rollup[key], 0) / minute
      expect([sum('ok'), sum('warning'), sum('down'), sum('keptOut')], target).toEqual(
        minuteByMinute(connection, planned, target),
      )
    }
    connection.close()
  },
)

test('part of an hour is counted from samples, or as a whole hour once they are pruned', async () => {
  const history = await openTestHistory(undefined, { sampleDays: 2 })
  history.transaction(() => {
    for (let at = start; at < start + 4 * day; at += 10 * minute) {
      const down = at >= start + 30 * minute && at < start + 50 * minute
      history.record(look(at, sample('static'), sample('api', down ? 'CRITICAL' : 'OK')))
    }
  })
  const now = start + 4 * day
  await rollUpAll(history.file, now, { sampleDays: 2 })
  const down = (from: number, to: number) => {
    const { span, rollups } = history.rollups({ from, to, now })
    const minutes = rollups.filter(({ series }) => series === 0).reduce((sum, rollup) => sum + rollup.down, 0)
    return [(span.from - from) / minute, (span.to - to) / minute, minutes / minute]
  }
  expect(down(start + 40 * minute, start + 90 * minute)).toEqual([-40, 30, 20])
  expect(down(start, start + hour)).toEqual([0, 0, 20])
  expect(down(now - 100 * minute, now - 7 * minute)).toEqual([0, 0, 0])
  expect(down(now - hour, now + day)).toEqual([0, -1440, 0])
  expect(() => history.record(look(start + hour))).toThrow(/2026-03-01T01:00:00.000Z is older/)
})

test('data older than its retention is pruned a little at a time, and nothing else', async () => {
  const file = createHistoryPath()
  const history = await openTestHistory(file, { sampleDays: 2, days: 32 })
  history.transaction(() => {
    for (let at = start; at < start + 40 * day; at += 20 * minute) history.record(look(at))
    history.recordPlanned([
      { id: 'old', kind: 'deploy', from: start, to: start + minute, what: '' },
      { id: 'new', kind: 'deploy', from: start + 39 * day, to: start + 39 * day + minute, what: '' },
    ])
    const incident = { rank: 3, targets: ['api'], cause: 'api 503' } as const
    history.changeIncident(history.openIncident({ from: start, ...incident }), { to: start + minute })
    history.openIncident({ from: start + minute, ...incident })
  })
  const now = start + 40 * day
  await rollUpAll(history.file, now, { sampleDays: 2, days: 32 })
  const connection = openDatabase(file, { waitMs: 1000, readOnly: true })
  const oldest = (sql: string) =>
    (connection.get<{ value: number }>(`SELECT ${sql} AS value`)?.value ?? 0) - now
  expect(oldest('(SELECT min(at) FROM samples)') / hour).toBe(-48 - 3)
  expect(oldest('(SELECT min(at) FROM looks)') / hour).toBe(-48 - 3)
  expect(oldest('(SELECT min(hour) * 3600000 FROM rollups)') / day).toBe(-32)
  connection.close()
  // The deploy and the closed incident are deleted with the first hour; the open incident is kept.
  expect(history.planned({ from: 0, to: now }).map(({ id }) => id)).toEqual(['new'])
  expect(history.incidents({ from: 0, to: now }).map(({ from, to }) => [from, to])).toEqual([
    [start + minute, null],
  ])
})

test('a clock that was wrong for an hour prunes little', async () => {
  const history = await openTestHistory(undefined, { sampleDays: 2, days: 32 })
  history.transaction(() => {
    for (let at = start; at < start + 20 * day; at += 20 * minute) history.record(look(at))
    // Ten years ahead, a check run every five minutes, then correct again.
    for (let turn = 0; turn < 12; turn++) history.record(look(start + 3650 * day + turn * 5 * minute))
    for (let at = start + 20 * day; at < start + 21 * day; at += 20 * minute) history.record(look(at))
  })
  const now = start + 21 * day
  const { rollups } = history.rollups({ from: start, to: now, now })
  const known = rollups.filter(({ series }) => series === 0).reduce((sum, { ok }) => sum + ok, 0)
  expect((now - start - known) / hour).toBeLessThanOrEqual(3 * 6)
  const after = history.rollups({ from: start + 20 * day, to: now, now })
  const ok = after.rollups.filter(({ series }) => series === 0).reduce((sum, rollup) => sum + rollup.ok, 0)
  expect(ok / hour).toBe(24)
})
