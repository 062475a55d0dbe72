import { findRedisFault, redisAddress } from '../../azure/resources/redis.ts'
import { formatScriptLine } from '../../config/config.ts'
import type { Context } from '../../tasks/task.ts'
import { judgedFailure } from '../../util/verdict.ts'
import { type Check, type CheckContext, fail, pass, type Result, unknown, warn } from '../check.ts'
import { unanswered } from '../connectionErrors.ts'
import { askRedis, getReplyError, type RedisReply, timeoutMs } from './redisProtocol.ts'

/** Redis requires TLS and a key, it answers with the key, and Azure does not report it as failed. */
export const redis: Check = {
  id: 'redis',
  title: 'Redis',
  tags: ['health'],
  needs: 'az',
  async run(checking) {
    const [result, fault] = await Promise.all([talk(checking), findFaultInAzure(checking)])
    return fault ? fail(fault.what, fault.next) : result
  },
}

/** The same without the key. */
export const redisTls: Check = {
  id: 'redis-tls',
  title: 'Redis only over TLS',
  tags: ['acceptance'],
  needs: 'nothing',
  async run({ context }) {
    const fault = await findOpenDoor(context)
    return fault ? fail(fault) : pass('TLS and a key are required; a plain connection is refused')
  },
}

/** Silence from Azure proves nothing, so the check also asks Redis itself. */
async function findFaultInAzure({ context: { config }, azure }: CheckContext) {
  try {
    const found = await azure.redis()
    return found && findRedisFault(config, found, (await azure.account()).id)
  } catch {
    return undefined
  }
}

async function talk({ context, redisKey }: CheckContext): Promise<Result> {
  const { host } = redisAddress(context.config)
  const asked = redisKey()
  asked.catch(() => {}) // awaited below
  try {
    const fault = await findOpenDoor(context)
    if (fault !== undefined) return fail(fault)
  } catch (thrown) {
    return unanswered(host, thrown, 'UNKNOWN')
  }
  let key: string
  try {
    key = await asked
  } catch (thrown) {
    const { detail, next } = judgedFailure(thrown)
    return unknown(`it requires a key, which could not be read: ${detail}`, next)
  }
  const started = performance.now()
  const [pong = null] = await askRedis(context, key, [['PING']])
  return judgePing(pong, Math.round(performance.now() - started))
}

/**
 * Finds out whether Redis can be used without TLS or without a key, and describes how. Undefined
 * when it cannot. Rejects with the socket's own error when nothing answers over TLS.
 */
async function findOpenDoor({ config, runner }: Context): Promise<string | undefined> {
  const ping = { ...redisAddress(config), say: 'PING\r\n', timeoutMs, effect: 'read' } as const
  const { answer } = await runner.dial({ ...ping, tls: true })
  if (!/^(-NOAUTH|-ERR|\+PONG)/.test(answer)) return 'Redis does not answer over TLS'
  if (answer.startsWith('+PONG')) return 'Redis does not require a key'
  const plain = await runner.dial({ ...ping, tls: false }).catch(() => undefined)
  return plain && /^[+-]/.test(plain.answer) ? 'a plain connection is answered' : undefined
}

/** Judges the answer to PING after AUTH. `ms` includes the time to connect. */
export function judgePing(pong: RedisReply, ms: number): Result {
  if (pong === 'PONG') {
    const figures = [{ name: 'redis', value: ms, unit: 'ms' }] as const
    return { ...pass(`PONG in ${ms} ms, only over TLS and with a key`), ms, figures }
  }
  return fail(`it rejects the key that Azure reports: ${getReplyError(pong) ?? String(pong)}`)
}

/** The portal's list shows a failed Redis like a healthy one. With another clustering policy, Redis accepts no jobs. */
export const redisState: Check = {
  id: 'redis-state',
  title: 'Redis',
  tags: ['doctor', 'data-tier'],
  needs: 'az',
  advice: 'Recreate it.',
  async run({ context: { config }, azure }) {
    const { kind, name } = config.redis
    const { redis } = await azure.dataTier()
    if (!redis) return pass(`${name} does not exist yet`)
    const fault = findRedisFault(config, redis, (await azure.account()).id)
    if (fault) return fail(fault.what, fault.next)
    const state = String(redis.properties.provisioningState)
    if (kind === 'managed' && !redis.database)
      return warn(`${name} is ${state} and has no database yet`, formatScriptLine('provision'))
    const policy = redis.database?.properties.clusteringPolicy
    return pass(`${name} is ${state}${policy ? `, clustering policy ${String(policy)}` : ''}`)
  },
}
