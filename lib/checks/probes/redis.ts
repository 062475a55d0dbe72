import type { Azure } from '../../azure/client.ts'
import { findRedisFault, redisAddress } from '../../azure/resources/redis.ts'
import type { Context } from '../../tasks/context.ts'
import { judgedFailure } from '../../util/status.ts'
import { unanswered } from '../connectionErrors.ts'
import type { Probe, Reading } from '../probe.ts'
import { coreProbe } from '../probe.ts'
import { askRedis, faultOfDoors, type RedisReply } from '../redis.ts'

/**
 * TLS and a key are asked for, with the key it answers, and Azure does not call it failed.
 * @param key asks Azure for it
 */
export const redisProbe = (context: Context, azure: Azure, key: () => Promise<string>): Probe => ({
  ...coreProbe,
  id: 'redis',
  title: 'Redis',
  async ask() {
    const [reading, fault] = await Promise.all([talk(context, key), faultOf(context, azure)])
    return fault ? { verdict: 'CRITICAL', detail: fault.what, next: fault.next } : reading
  },
})

/** What Azure itself says is wrong; silence says nothing, for the probe has asked Redis. */
async function faultOf({ config }: Context, azure: Azure) {
  try {
    const redis = await azure.redis()
    return redis && findRedisFault(config, redis, (await azure.account()).id)
  } catch {
    return undefined
  }
}

async function talk(context: Context, key: () => Promise<string>): Promise<Reading> {
  const { host } = redisAddress(context.config)
  const asked = key()
  asked.catch(() => {}) // heard below
  try {
    const fault = await faultOfDoors(context)
    if (fault !== undefined) return { verdict: 'CRITICAL', detail: fault }
  } catch (thrown) {
    return unanswered(host, thrown, 'UNKNOWN')
  }
  let known: string
  try {
    known = await asked
  } catch (thrown) {
    const { detail, next } = judgedFailure(thrown)
    return { verdict: 'UNKNOWN', detail: `it asks for a key, which is not known: ${detail}`, next }
  }
  const started = performance.now()
  const [pong = null] = await askRedis(context, known, [['PING']])
  return judgePing(pong, Math.round(performance.now() - started))
}

/** What PING was answered after AUTH; ms with the connection's set-up. */
export function judgePing(pong: RedisReply, ms: number): Reading {
  if (pong === 'PONG')
    return {
      verdict: 'OK',
      detail: `PONG in ${ms} ms, over TLS and with a key only`,
      ms,
      figures: [{ name: 'redis', value: ms, unit: 'ms' }],
    }
  const said = typeof pong === 'object' && pong && 'error' in pong ? pong.error : String(pong)
  return { verdict: 'CRITICAL', detail: `it does not take the key that Azure gives: ${said}` }
}
