import { hourMs } from '../store/intervals.ts'
import { type Rollup, siteSeries } from '../store/rollups.ts'
import type { History } from '../store/store.ts'
import { countMinutes, getAvailability, type Minutes } from './availability.ts'

/** The worst state of a day: down, then warning, then up; excluded or unknown when there was nothing else. */
export type DayState = 'up' | 'warning' | 'down' | 'keptOut' | 'notKnown'

/** One day (UTC) of one target. */
export interface DayBar {
  /** 2026-11-23 */
  day: string
  state: DayState
  /** null when no time counts. */
  percent: number | null
  minutes: Minutes
}

interface DailyBars {
  /** One bar per day, oldest first, today last. */
  site: DayBar[]
  targets: { target: string; days: DayBar[] }[]
}

const dayMs = 24 * hourMs

/** The last `days` days, including today. */
export function buildDailyBars(
  history: History,
  { days, now = Date.now() }: { days: number; now?: number },
): DailyBars {
  const today = Math.floor(now / dayMs) * dayMs
  const range = { from: today - (days - 1) * dayMs, to: today + dayMs, now, hours: 24 }
  const { rollups, targets } = history.rollups(range)
  const cells = new Map<string, Rollup[]>()
  for (const rollup of rollups) {
    const key = toKey(rollup.series, Math.floor(rollup.hour / 24))
    const cell = cells.get(key)
    if (cell) cell.push(rollup)
    else cells.set(key, [rollup])
  }
  const buildBars = (series: number): DayBar[] =>
    Array.from({ length: days }, (_, index) => {
      const from = range.from + index * dayMs
      const counted = { from, to: Math.min(from + dayMs, now), end: from + dayMs }
      const minutes = countMinutes(cells.get(toKey(series, from / dayMs)) ?? [], counted)
      const day = new Date(from).toISOString().slice(0, 10)
      return { day, state: getDayState(minutes), percent: getAvailability(minutes), minutes }
    })
  const seen = new Set(rollups.map(({ series }) => series))
  return {
    site: buildBars(siteSeries),
    targets: [...targets]
      .filter(([series]) => seen.has(series))
      .map(([series, target]) => ({ target, days: buildBars(series) })),
  }
}

const toKey = (series: number, day: number): string => `${series} ${day}`

function getDayState({ up, warning, down, keptOut }: Minutes): DayState {
  if (down > 0) return 'down'
  if (warning > 0) return 'warning'
  if (up > 0) return 'up'
  return keptOut > 0 ? 'keptOut' : 'notKnown'
}
