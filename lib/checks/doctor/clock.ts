import type { Context } from '../../tasks/context.ts'
import type { Judged } from '../../util/status.ts'
import { vps } from '../../vps/remote/vps.ts'
import { skew, told } from '../probes/clock.ts'
import { type Check, fail, pass, warn } from './check.ts'

/** Azure refuses tokens from about five minutes on; half a minute already makes logs hard to compare. */
const limits = { doubtful: 30_000, wrong: 300_000 }

/** Both tell whole seconds: on average half a one more has passed. */
const halfSecond = 500

/** This machine's clock against Azure's, and the VPS's against this one. */
export const clock: Check = {
  id: 'clock',
  title: 'Clocks',
  category: 'clock',
  next: 'Switch time synchronisation on (timedatectl set-ntp true).',
  async look({ context }) {
    const [azure, vps] = await Promise.allSettled([
      skew(() => azureTime(context), halfSecond),
      skew(() => vpsTime(context), halfSecond),
    ])
    if (azure.status === 'rejected' && vps.status === 'rejected') throw azure.reason
    return judgeClocks([
      ...(azure.status === 'fulfilled' ? [{ name: 'this machine', ms: -azure.value }] : []),
      ...(vps.status === 'fulfilled' ? [{ name: 'the VPS', ms: vps.value }] : []),
    ])
  },
}

/** @param known how far each clock is ahead, ms; one is missing when the other side could not be asked */
export function judgeClocks(known: readonly { name: string; ms: number }[]): Judged {
  const whole = known.length === 2
  const said = known.map(({ name, ms }) => `${name} ${told(ms)}`).join(', ')
  const detail = whole ? said : `${said}; the other could not be asked`
  const most = Math.max(...known.map(({ ms }) => Math.abs(ms)))
  if (most > limits.wrong) return fail(detail)
  if (most > limits.doubtful) return warn(detail)
  return whole ? pass(detail) : { verdict: 'UNKNOWN', detail }
}

async function azureTime({ runner }: Context): Promise<number> {
  const url = 'https://management.azure.com/'
  const { headers } = await runner.request({
    method: 'HEAD',
    url,
    effect: 'read',
    as: 'az',
    timeoutMs: 10_000,
  })
  return assertTime('Azure', Date.parse(headers.date ?? ''))
}

async function vpsTime({ config, runner }: Context): Promise<number> {
  const { stdout } = await runner.run(vps(config).sudo`date +%s`)
  return assertTime('The VPS', stdout.trim() === '' ? Number.NaN : Number(stdout) * 1000)
}

function assertTime(who: string, time: number): number {
  if (Number.isFinite(time)) return time
  throw new Error(`${who} did not tell its time`)
}
