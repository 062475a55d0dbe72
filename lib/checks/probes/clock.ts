import type { Limits } from '../../config/config.ts'
import { backendPort, stableHost } from '../../config/endpoints.ts'
import type { Context } from '../../tasks/context.ts'
import type { Probe, Reading } from '../probe.ts'
import { byLimits } from '../thresholds.ts'
import { get, webProbe } from './http.ts'

/** This machine's clock against nginx's and the backend's, by the Date of their answers (whole seconds). */
export const clockProbe = (context: Context): Probe => ({
  ...webProbe,
  id: 'clock',
  title: 'Clocks',
  visible: false,
  hiddenByMaintenance: false,
  silence: 'UNKNOWN',
  async ask(signal) {
    const { config } = context
    const servers = [
      { name: 'the VPS', url: `http://${config.domain}/` },
      { name: 'the backend', url: `http://${stableHost(config)}:${backendPort}/` },
    ]
    const asked = await Promise.all(
      servers.map(async ({ name, url }) => ({
        name,
        ms: await aheadOfUs(context, url, signal).catch(() => undefined),
      })),
    )
    const reading = judgeClocks(
      asked.flatMap(({ name, ms }) => (ms === undefined || Number.isNaN(ms) ? [] : [{ name, ms }])),
      config.health.clockSeconds,
    )
    return asked.some(({ ms }) => ms !== undefined)
      ? { ...reading, plain: true }
      : { ...reading, silent: true }
  },
})

/** One that hangs leaves the other one's word. */
const patienceMs = 5000

/** By the moment at which the answer began: an answer may take its time. NaN when it tells no time. */
async function aheadOfUs(context: Context, url: string, signal: AbortSignal): Promise<number> {
  const began = Date.now()
  const { headers, phases } = await get(context, url, signal, { method: 'HEAD', timeoutMs: patienceMs })
  return Date.parse(headers.date ?? '') + 500 - (began + (phases.firstByte ?? phases.total))
}

/** How far the other clock is ahead of this one, ms. It tells whole seconds: `half` of one is added. */
export async function skew(ask: () => Promise<number>, half: number): Promise<number> {
  const before = Date.now()
  const there = await ask()
  return there + half - (before + Date.now()) / 2
}

export const told = (ms: number): string =>
  Math.abs(ms) < 2000 ? 'is right' : `is ${Math.abs(Math.round(ms / 1000))} s ${ms > 0 ? 'ahead' : 'behind'}`

/**
 * Two servers that differ from this machine by the same have the right time, and this machine has not.
 * @param others how far each is ahead of this machine, ms
 */
export function judgeClocks(others: readonly { name: string; ms: number }[], limits: Limits): Reading {
  const [first] = others
  if (!first) return { verdict: 'UNKNOWN', detail: 'no server told its time' }
  const most = Math.max(...others.map(({ ms }) => Math.abs(ms)))
  const seconds = Math.round(most / 100) / 10
  const verdict = byLimits(seconds, limits)
  const figures = [{ name: 'clock', value: seconds, unit: 's', limits }] as const
  if (verdict === 'OK') return { verdict, detail: 'right', figures }
  const together = others.every(({ ms }) => Math.abs(ms - first.ms) < 2000)
  if (others.length > 1 && together)
    return { verdict, detail: `this machine ${told(-first.ms)}`, next: synchronise, figures }
  if (others.length === 1)
    return {
      verdict,
      detail: `${first.name} ${told(first.ms)}, or this machine is wrong`,
      next: synchronise,
      figures,
    }
  const wrong = others.filter(({ ms }) => byLimits(Math.abs(ms) / 1000, limits) !== 'OK')
  return {
    verdict,
    detail: wrong.map(({ name, ms }) => `${name} ${told(ms)}`).join(', '),
    next: synchronise,
    figures,
  }
}

const synchronise = 'Switch time synchronisation on there (timedatectl set-ntp true).'
