import { rootCommand } from '../../ionos/remoteScript.ts'
import { type Check, doubtful, fine, wrong } from '../check.ts'

/** Azure refuses tokens from about five minutes on; half a minute already makes logs hard to compare. */
const limits = { doubtful: 30_000, wrong: 300_000 }

/** This machine's clock against Azure's, and the VPS's against this one. */
export const clock: Check = {
  id: 'clock',
  title: 'Clocks',
  category: 'clock',
  next: 'Switch time synchronisation on (timedatectl set-ntp true).',
  async look({ context: { config, runner } }) {
    const [azure, vps] = await Promise.allSettled([
      skew(async () => {
        const url = 'https://management.azure.com/'
        const { headers } = await runner.request({
          method: 'HEAD',
          url,
          effect: 'read',
          as: 'az',
          timeoutMs: 10_000,
        })
        return Date.parse(headers.date ?? '')
      }, 500),
      skew(async () => {
        const { stdout } = await runner.run(rootCommand(config, 'read', ['date', '+%s']))
        return Number(stdout) * 1000
      }, 500),
    ])
    const known = [
      { name: 'this machine', found: azure, sign: -1 },
      { name: 'the VPS', found: vps, sign: 1 },
    ].flatMap(({ name, found, sign }) =>
      found.status === 'fulfilled' && Number.isFinite(found.value) ? [{ name, ms: sign * found.value }] : [],
    )
    if (known.length < 2) {
      const failed = [azure, vps].find(({ status }) => status === 'rejected') as
        | PromiseRejectedResult
        | undefined
      if (known.length === 0) throw failed?.reason ?? new Error('neither Azure nor the VPS told its time')
    }
    const said = known.map(({ name, ms }) => `${name} ${told(ms)}`).join(', ')
    const most = Math.max(...known.map(({ ms }) => Math.abs(ms)))
    const whole = known.length === 2 ? said : `${said}; the other could not be asked`
    if (most > limits.wrong) return wrong(whole)
    if (most > limits.doubtful) return doubtful(whole)
    return known.length === 2 ? fine(whole) : { verdict: 'UNKNOWN', detail: whole }
  },
}

/** How far the other clock is ahead of this one, ms. Both tell whole seconds: `half` of one is added. */
async function skew(ask: () => Promise<number>, half: number): Promise<number> {
  const before = Date.now()
  const there = await ask()
  return there + half - (before + Date.now()) / 2
}

const told = (ms: number): string =>
  Math.abs(ms) < 2000 ? 'is right' : `is ${Math.abs(Math.round(ms / 1000))} s ${ms > 0 ? 'ahead' : 'behind'}`
