import { type Excluded, type History, openHistory, type Planned } from '../../lib/monitoring/store/store.ts'
import type { Verdict } from '../../lib/util/verdict.ts'

const minute = 60_000
export const day = 1440 * minute

export const targets = [
  ...['static', 'api', 'api-agents', 'api-ai', 'api-councils', 'api-treasury', 'api-workflows'],
  ...['backend', 'database', 'queue', 'https://inner.example:8443/secret'],
]

/** A period in which some targets are not OK; `excluded` when it does not count. */
export interface Stretch {
  from: number
  to: number
  targets: readonly string[]
  verdict: Verdict
  cause?: string
  excluded?: Excluded
}

/** Words that must never appear on a public page. */
export const hostile =
  '<script>alert(1)</script> ECONNREFUSED 10.1.2.3:5432 codexdominion-db.postgres.database.azure.com "x" & y'

/**
 * A fabricated history: a check run every `every` ms from `from` to `to`, with times that follow a simple rule, the
 * given periods, nothing in `gaps`, an incident for each period that is not excluded, and the planned work.
 */
export async function createHistory(
  file: string,
  made: {
    from: number
    to: number
    every: (at: number) => number
    stretches?: readonly Stretch[]
    gaps?: readonly { from: number; to: number }[]
    planned?: readonly Planned[]
    /** The incident of the last period is still open. */
    open?: boolean
  },
): Promise<void> {
  const { from, to, every, stretches = [], gaps = [], planned = [] } = made
  const history = await openHistory(file, { sampleDays: 35, days: 400 })
  const within = (at: number) => (span: { from: number; to: number }) => span.from <= at && at < span.to
  let at = from
  while (at <= to) {
    // One transaction for many check runs: each by itself would wait for the disk.
    const until = Math.min(to, at + 5 * day)
    history.transaction(() => {
      for (; at <= until; at += every(at)) {
        if (gaps.some(within(at))) continue
        const bad = stretches.filter(within(at))
        const excluded = bad.find((stretch) => stretch.excluded)?.excluded
        history.record({
          at,
          samples: targets.map((target, index) => {
            const fault = bad.find((stretch) => stretch.targets.includes(target))
            if (!fault) return { target, verdict: 'OK', ms: getTime(at, index), cause: '' }
            const ms = fault.verdict === 'WARNING' ? 640 : null
            return { target, verdict: fault.verdict, ms, cause: fault.cause ?? hostile }
          }),
          ...(excluded ? { excluded } : {}),
        })
      }
    })
  }
  history.transaction(() => {
    history.recordPlanned(planned)
    noteIncidents(history, stretches, made.open ?? false)
  })
  history.close()
}

function noteIncidents(history: History, stretches: readonly Stretch[], open: boolean): void {
  const counted = stretches.filter(({ excluded }) => !excluded)
  for (const [index, { from, to, targets, verdict, cause = hostile }] of counted.entries()) {
    const id = history.openIncident({ from, rank: verdict === 'CRITICAL' ? 3 : 1, targets, cause })
    if (!open || index < counted.length - 1) history.changeIncident(id, { to })
  }
}

/** Milliseconds; slower by day than by night, and never the same twice in a row. */
const getTime = (at: number, index: number): number => {
  const wave = Math.sin((at / day) * 2 * Math.PI) + 1
  return Math.round((index === 0 ? 40 : 120) + 30 * wave + ((at / minute) % 7) * (index === 0 ? 3 : 11))
}
