import { openHistory, type Sample } from '../lib/monitoring/store/store.ts'

/** The targets that health checks. */
const targets = [
  ...['static', 'api', 'backend', 'api-ai', 'api-treasury', 'api-workflows', 'api-councils', 'api-agents'],
  ...['redirects', 'dns', 'certificate', 'clock', 'containers', 'database', 'queue'],
]

/** Numbers that look random and are the same in every run (linear congruential generator, Numerical Recipes). */
function dice(): () => number {
  let state = 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/**
 * Writes check runs, one a minute until `end`, as health does: with their roll-ups. Latencies scatter as real ones do;
 * now and then something is down for some minutes.
 * @returns how many check runs and samples
 */
export async function writeSamples(
  file: string,
  end: number,
  atLeast: number,
): Promise<{ looks: number; samples: number }> {
  // Kept as individual samples throughout, so that the file holds the requested number.
  const history = await openHistory(file, { sampleDays: 400, days: 400 })
  const looks = Math.ceil(atLeast / targets.length)
  const roll = dice()
  const downUntil = new Map<string, number>()
  for (let written = 0; written < looks; written += 1000) {
    history.transaction(() => {
      for (let turn = written; turn < Math.min(looks, written + 1000); turn++) {
        const at = end - (looks - turn) * 60_000
        history.record({ at, samples: targets.map((target) => getSample(target, at)) })
      }
    })
  }
  history.close()
  return { looks, samples: looks * targets.length }

  function getSample(target: string, at: number): Sample {
    if (roll() < 1 / 20_000) downUntil.set(target, at + roll() * 1_800_000)
    if (at < (downUntil.get(target) ?? 0))
      return { target, verdict: 'CRITICAL', ms: null, cause: 'no answer' }
    const ms = 40 + Math.round(-90 * Math.log(1 - roll()))
    return { target, verdict: ms > 500 ? 'WARNING' : 'OK', ms, cause: ms > 500 ? `${ms} ms` : '' }
  }
}
