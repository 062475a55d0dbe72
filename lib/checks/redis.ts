import { redisAddress } from '../azure/resources/redis.ts'
import type { Context } from '../tasks/context.ts'
import { unknownError } from '../util/errors.ts'

/** A reply of Redis: RESP version 2 (redis.io, "Redis serialization protocol specification"). */
export type RedisReply = string | number | null | { error: string } | RedisReply[]

export const timeoutMs = 10_000

/**
 * Says several commands at once on one TLS connection, after AUTH with the key; gives a reply each, AUTH's left out. What is
 * said, and what is answered, stands in no transcript.
 * Throws the socket's own error when there is no connection, and OpsError (exit 3) when the replies are not whole.
 */
export async function askRedis(
  { config, runner }: Context,
  key: string,
  commands: readonly (readonly string[])[],
): Promise<RedisReply[]> {
  const all = [['AUTH', key], ...commands]
  const { host, port } = redisAddress(config)
  const { answer } = await runner.dial({
    host,
    port,
    tls: true,
    say: all.map(written).join(''),
    whole: (text) => readReplies(text, all.length) !== undefined,
    timeoutMs,
    effect: 'read',
  })
  const replies = readReplies(answer, all.length)
  if (replies) return replies.slice(1)
  throw unknownError(`Redis ${host} hung up before it had answered`)
}

/** A command as RESP: an array of bulk strings, their lengths in bytes. */
const written = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

/** The first replies of a text (latin1); undefined when they are not all there yet. */
export function readReplies(text: string, count: number): RedisReply[] | undefined {
  let at = 0
  const line = (): string => {
    const end = text.indexOf('\r\n', at)
    if (end < 0) throw new Unfinished()
    const found = text.slice(at, end)
    at = end + 2
    return found
  }
  function reply(): RedisReply {
    const said = line()
    const rest = said.slice(1)
    switch (said[0]) {
      case '+':
        return rest
      case '-':
        return { error: rest }
      case ':':
        return Number(rest)
      case '$':
        return rest === '-1' ? null : bulk(lengthIn(said))
      case '*':
        return rest === '-1' ? null : Array.from({ length: lengthIn(said) }, reply)
      default:
        throw noRedis(said)
    }
  }
  function bulk(length: number): string {
    if (text.length < at + length + 2) throw new Unfinished()
    const found = text.slice(at, at + length)
    at += length + 2
    return Buffer.from(found, 'latin1').toString()
  }
  try {
    return Array.from({ length: count }, reply)
  } catch (thrown) {
    if (thrown instanceof Unfinished) return undefined
    throw thrown
  }
}

function lengthIn(said: string): number {
  if (!/^.\d{1,9}$/.test(said)) throw noRedis(said)
  return Number(said.slice(1))
}

const noRedis = (said: string) => unknownError('What answers is no Redis', said.slice(0, 80))

class Unfinished extends Error {}

/**
 * What is wrong with the doors of Redis, asked without a key: it must answer over TLS alone, and ask for a key. Undefined
 * when nothing is. Rejects with the socket's own error when nothing answers over TLS.
 */
export async function faultOfDoors({ config, runner }: Context): Promise<string | undefined> {
  const ping = { ...redisAddress(config), say: 'PING\r\n', timeoutMs: 10_000, effect: 'read' } as const
  const { answer } = await runner.dial({ ...ping, tls: true })
  if (!/^(-NOAUTH|-ERR|\+PONG)/.test(answer)) return 'no Redis answers over TLS'
  if (answer.startsWith('+PONG')) return 'Redis asks for no key'
  const plain = await runner.dial({ ...ping, tls: false }).catch(() => undefined)
  return plain && /^[+-]/.test(plain.answer) ? 'a plain connection is answered' : undefined
}
