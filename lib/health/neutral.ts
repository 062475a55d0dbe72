import { messageOf } from '../command/errors.ts'
import type { Context } from '../steps/context.ts'
import type { Observation } from './probe.ts'

const timeoutMs = 3000

export type OwnNetwork = 'up' | 'down' | 'not asked'

/**
 * Is this machine's own network the reason of the silence? Asked only when somebody was silent and nobody else was heard:
 * any answer that came over the network shows that it works. Bare TCP connections to targets that have nothing to do with
 * either cloud; one that connects is enough.
 */
export async function ownNetwork(
  { config, runner }: Context,
  all: readonly Observation[],
): Promise<{ state: OwnNetwork; why: string }> {
  if (!all.some(({ silent }) => silent)) return { state: 'not asked', why: '' }
  const answered = ({ probe, silent, verdict }: Observation) =>
    probe.showsNetwork && !silent && verdict !== 'UNKNOWN'
  if (all.some(answered)) return { state: 'up', why: '' }
  const targets = config.health.neutralTargets
  const asked = targets.map(async (target) => {
    const { host, port } = addressOf(target)
    try {
      await runner.dial({ host, port, tls: false, timeoutMs, effect: 'read' })
    } catch (thrown) {
      const said = messageOf(thrown)
      throw new Error(said.includes(target) ? said : `${target}: ${said}`)
    }
  })
  return Promise.any(asked).then(
    () => ({ state: 'up' as const, why: '' }),
    (none: AggregateError) => ({ state: 'down' as const, why: none.errors.map(messageOf).join('; ') }),
  )
}

function addressOf(target: string): { host: string; port: number } {
  const colon = target.lastIndexOf(':')
  return { host: target.slice(0, colon), port: Number(target.slice(colon + 1)) }
}
