import { exitCode, OpsError } from '../util/errors.ts'
import { formatDuration } from '../util/format.ts'
import { judgedFailure } from '../util/status.ts'
import type { Observation, Probe, Reading } from './probe.ts'

/** One probe's verdict, after its time-out at the latest. Rejects only when the whole look is stopped. */
export async function observe(probe: Probe, stop: AbortSignal): Promise<Observation> {
  stop.throwIfAborted()
  const started = performance.now()
  const ends = new AbortController()
  const over = Promise.withResolvers<Reading>()
  const timer = setTimeout(() => {
    const detail = `no answer within ${formatDuration(probe.timeoutMs)}`
    over.resolve({ verdict: probe.silence, detail, silent: true })
    ends.abort()
  }, probe.timeoutMs)
  const stopped = () => {
    over.reject(stop.reason)
    ends.abort()
  }
  stop.addEventListener('abort', stopped, { once: true })
  try {
    const reading = await Promise.race([over.promise, probe.ask(ends.signal).catch(unknowable)])
    return { probe, ...reading, took: Math.round(performance.now() - started) }
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', stopped)
  }
}

/** What could not be looked at is UNKNOWN, whatever the reason. */
function unknowable(thrown: unknown): Reading {
  const silent = !(thrown instanceof OpsError) || thrown.exitCode === exitCode.unknown
  return { ...judgedFailure(thrown), verdict: 'UNKNOWN', ...(silent ? { silent } : {}) }
}
