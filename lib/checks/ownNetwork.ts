import type { Context } from '../tasks/task.ts'
import { getMessage } from '../util/errors.ts'
import type { CheckInfo, Observation } from './check.ts'

const timeoutMs = 3000

export type OwnNetwork = 'up' | 'down' | 'not asked'

const showsNetwork = (check: CheckInfo): boolean => check.showsNetwork ?? true

/**
 * Whether something between this machine and the other side may have caused the result, by dropping the request or by
 * answering it.
 */
export const mayBeOwnNetwork = ({ probe, silent, unproven, plain, verdict }: Observation): boolean =>
  Boolean(silent || unproven || (plain && showsNetwork(probe) && verdict !== 'OK'))

/**
 * Whether this machine's own network explains the silence, or answers that prove nothing. Neutral targets are
 * contacted only when no other answer shows that the network works. An answer that a captive portal could
 * have given (an untrusted certificate, a page in plain HTTP) shows nothing.
 *
 * The targets belong to neither cloud. One that shows a valid certificate for its name or address is enough;
 * a mere connection is not, because a portal or a transparent proxy accepts any.
 */
export async function ownNetwork(
  context: Context,
  all: readonly Observation[],
): Promise<{ state: OwnNetwork; why: string }> {
  if (!all.some(mayBeOwnNetwork)) return { state: 'not asked', why: '' }
  const answered = ({ probe, silent, unproven, plain, verdict }: Observation) =>
    showsNetwork(probe) && !silent && !unproven && !plain && verdict !== 'UNKNOWN'
  if (all.some(answered)) return { state: 'up', why: '' }
  const targets = context.config.health.neutralTargets
  // The checks use IPv4 wherever they can, so its targets decide.
  const overIpv4 = targets.filter((target) => !isIpv6Target(target))
  const { reached, why } = await reachesAny(context, overIpv4.length > 0 ? overIpv4 : targets)
  return { state: reached ? 'up' : 'down', why }
}

/** Whether a neutral target is an IPv6 address: `[2620:fe::fe]:443`. */
export const isIpv6Target = (target: string): boolean => target.includes('[')

/** Whether at least one of the targets answers; if not, `why` says what each of them did. */
export async function reachesAny(
  { runner }: Context,
  targets: readonly string[],
): Promise<{ reached: boolean; why: string }> {
  const asked = targets.map(async (target) => {
    const { host, port, tls } = parseTarget(target)
    try {
      await runner.dial({ host, port, tls, timeoutMs, effect: 'read' })
    } catch (thrown) {
      const said = getMessage(thrown)
      throw new Error(said.includes(target) ? said : `${target}: ${said}`)
    }
  })
  return Promise.any(asked).then(
    () => ({ reached: true, why: '' }),
    (none: AggregateError) => ({ reached: false, why: none.errors.map(getMessage).join('; ') }),
  )
}

function parseTarget(target: string): { host: string; port: number; tls: boolean } {
  const bare = target.replace(/^tcp:\/\//, '')
  const colon = bare.lastIndexOf(':')
  const host = bare.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  return { host, port: Number(bare.slice(colon + 1)), tls: bare === target }
}
