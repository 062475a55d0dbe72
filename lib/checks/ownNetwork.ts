import type { Context } from '../tasks/context.ts'
import { getMessage } from '../util/errors.ts'
import type { CheckInfo, Observation } from './check.ts'

const timeoutMs = 3000

export type OwnNetwork = 'up' | 'down' | 'not asked'

const showsNetwork = (check: CheckInfo): boolean => check.showsNetwork ?? true

/** Could somebody on the way be the reason of what it saw: by silence, or by answering in the other side's place? */
export const mayBeOwnNetwork = ({ probe, silent, unproven, plain, verdict }: Observation): boolean =>
  Boolean(silent || unproven || (plain && showsNetwork(probe) && verdict !== 'OK'))

/**
 * Is this machine's own network the reason of the silence, or of answers that prove nothing? Asked only when nobody else
 * was heard: any answer that came over the network shows that it works, but one that a captive portal could have given (a
 * certificate that nobody trusts, a page in plain HTTP).
 *
 * The targets have nothing to do with either cloud. One that shows a valid certificate for its name or address is enough;
 * that a connection comes about is not, because a portal or a transparent proxy accepts any.
 */
export async function ownNetwork(
  { config, runner }: Context,
  all: readonly Observation[],
): Promise<{ state: OwnNetwork; why: string }> {
  if (!all.some(mayBeOwnNetwork)) return { state: 'not asked', why: '' }
  const answered = ({ probe, silent, unproven, plain, verdict }: Observation) =>
    showsNetwork(probe) && !silent && !unproven && !plain && verdict !== 'UNKNOWN'
  if (all.some(answered)) return { state: 'up', why: '' }
  const targets = config.health.neutralTargets
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
    () => ({ state: 'up' as const, why: '' }),
    (none: AggregateError) => ({ state: 'down' as const, why: none.errors.map(getMessage).join('; ') }),
  )
}

function parseTarget(target: string): { host: string; port: number; tls: boolean } {
  const bare = target.replace(/^tcp:\/\//, '')
  const colon = bare.lastIndexOf(':')
  return { host: bare.slice(0, colon), port: Number(bare.slice(colon + 1)), tls: bare === target }
}
