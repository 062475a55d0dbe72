import { getRememberedHost } from '../../config/backendHost.ts'
import { backendPort, type Limits } from '../../config/config.ts'
import { byLimits, type Check, type CheckContext, type QuickContext, type Result, unknown } from '../check.ts'
import { get } from './http.ts'

/** How far a clock is ahead of another one, in ms. */
interface Offset {
  name: string
  ms: number
}

const synchronise = 'Enable time synchronisation there (timedatectl set-ntp true).'

/** Compares this machine's clock with nginx's and the backend's, by the Date header of their answers (whole seconds). */
export const clock: Check<QuickContext> = {
  id: 'clock',
  title: 'Clocks',
  tags: ['health'],
  needs: 'nothing',
  silence: 'UNKNOWN',
  advice: synchronise,
  async run(checking) {
    const { config } = checking.context
    const host = getRememberedHost(config)
    const servers = [
      { name: 'the VPS', url: `http://${config.domain}/` },
      ...(host ? [{ name: 'the backend', url: `http://${host}:${backendPort}/` }] : []),
    ]
    const asked = await Promise.allSettled(
      servers.map(async ({ name, url }) => ({ name, ms: await aheadOfUs(checking, url) })),
    )
    const answers = asked.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const known = answers.filter(({ ms }) => !Number.isNaN(ms))
    const result = judgeServers(known, config.health.clockSeconds)
    return answers.length > 0 ? { ...result, plain: true } : { ...result, silent: true }
  },
}

const patienceMs = 5000
/** Servers report whole seconds, so on average half a second more has passed. */
const halfSecond = 500

/**
 * The offset in milliseconds, measured at the first byte of the answer, because the rest may take longer. NaN
 * when the answer has no date.
 */
async function aheadOfUs(checking: QuickContext, url: string): Promise<number> {
  const began = Date.now()
  const { headers, phases } = await get(checking, url, { method: 'HEAD', timeoutMs: patienceMs })
  return Date.parse(headers.date ?? '') + halfSecond - (began + (phases.firstByte ?? phases.total))
}

/**
 * When two servers differ from this machine by the same amount, this machine's clock is wrong.
 * @param others how far each clock is ahead of this machine's
 */
export function judgeServers(others: readonly Offset[], limits: Limits): Result {
  const [first] = others
  if (!first) return unknown('no server reported its time')
  const seconds = Math.round(furthest(others) / 100) / 10
  const verdict = byLimits(seconds, limits)
  const figures = [{ name: 'clock', value: seconds, unit: 's', limits }] as const
  return { verdict, detail: verdict === 'OK' ? 'right' : describeWrong(others, first, limits), figures }
}

function describeWrong(others: readonly Offset[], first: Offset, limits: Limits): string {
  if (others.length === 1) return `${formatOffset(first)}, or this machine is wrong`
  if (others.every(({ ms }) => Math.abs(ms - first.ms) < 2000))
    return formatOffset({ name: 'this machine', ms: -first.ms })
  const wrong = others.filter(({ ms }) => byLimits(Math.abs(ms) / 1000, limits) !== 'OK')
  return wrong.map(formatOffset).join(', ')
}

const furthest = (offsets: readonly Offset[]): number => Math.max(...offsets.map(({ ms }) => Math.abs(ms)))

const formatOffset = ({ name, ms }: Offset): string =>
  Math.abs(ms) < 2000
    ? `${name} is right`
    : `${name} is ${Math.abs(Math.round(ms / 1000))} s ${ms > 0 ? 'ahead' : 'behind'}`

/**
 * In ms. Azure refuses tokens when a clock is off by about five minutes. Half a minute already makes logs
 * hard to compare.
 */
const loginLimits = { warning: 30_000, critical: 300_000 }

/** Compares this machine's clock with Azure's, and the VPS's clock with this machine's. */
export const clockForLogins: Check = {
  id: 'clock',
  title: 'Clocks',
  tags: ['doctor', 'clock'],
  needs: 'ssh',
  advice: 'Enable time synchronisation (timedatectl set-ntp true).',
  async run(checking) {
    const [azure, vps] = await Promise.allSettled([
      measureOffset(() => azureTime(checking)),
      measureOffset(() => vpsTime(checking)),
    ])
    if (azure.status === 'rejected' && vps.status === 'rejected') throw azure.reason
    return judgeForLogins([
      ...(azure.status === 'fulfilled' ? [{ name: 'this machine', ms: -azure.value }] : []),
      ...(vps.status === 'fulfilled' ? [{ name: 'the VPS', ms: vps.value }] : []),
    ])
  },
}

/** @param known how far each clock is ahead; a clock that could not be read is missing */
export function judgeForLogins(known: readonly Offset[]): Result {
  const whole = known.length === 2
  const detail = `${known.map(formatOffset).join(', ')}${whole ? '' : '; the other clock could not be read'}`
  const verdict = byLimits(furthest(known), loginLimits)
  return { verdict: whole || verdict !== 'OK' ? verdict : 'UNKNOWN', detail }
}

async function measureOffset(ask: () => Promise<number>): Promise<number> {
  const before = Date.now()
  const there = await ask()
  return there + halfSecond - (before + Date.now()) / 2
}

async function azureTime({ context: { runner } }: CheckContext): Promise<number> {
  const url = 'https://management.azure.com/'
  const request = { method: 'HEAD', url, effect: 'read', as: 'az', timeoutMs: 10_000 } as const
  const { headers } = await runner.request(request)
  return assertTime('Azure', Date.parse(headers.date ?? ''))
}

async function vpsTime({ context: { runner, server } }: CheckContext): Promise<number> {
  const { vps } = await import('../../vps/remote/vps.ts')
  const { stdout } = await runner.run(vps(server).sudo`date +%s`)
  return assertTime('The VPS', stdout.trim() === '' ? Number.NaN : Number(stdout) * 1000)
}

function assertTime(who: string, time: number): number {
  if (Number.isFinite(time)) return time
  throw new Error(`${who} did not report its time`)
}
