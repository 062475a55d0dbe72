import { redisAddress } from '../../azure/resources/redis.ts'
import type { Context } from '../../tasks/task.ts'
import { unknownError } from '../../util/errors.ts'

/** A reply of Redis: RESP version 2 (redis.io, "Redis serialization protocol specification"). */
export type RedisReply = string | number | null | { error: string } | RedisReply[]

export const timeoutMs = 10_000

/**
 * Sends several commands at once on one TLS connection, after AUTH with the key. Returns one reply for each
 * command, without that of AUTH. Neither commands nor replies are written to the transcript. Throws the
 * socket's own error when there is no connection, and OpsError (exit 3) when the replies are incomplete.
 */
export async function askRedis(
  { config, runner }: Context,
  key: string,
  commands: readonly (readonly string[])[],
): Promise<RedisReply[]> {
  const all = [['AUTH', key], ...commands]
  const address = redisAddress(config)
  const { answer } = await runner.dial({
    ...{ ...address, tls: true, timeoutMs, effect: 'read' },
    say: all.map(serialise).join(''),
    whole: (text) => readReplies(text, all.length) !== undefined,
  })
  const replies = readReplies(answer, all.length)
  if (replies) return replies.slice(1)
  throw unknownError(`Redis ${address.host} closed the connection before it had answered`)
}

/** The error of a reply; undefined when the reply is not an error. */
export const getReplyError = (reply: RedisReply | undefined): string | undefined =>
  typeof reply === 'object' && reply && 'error' in reply ? reply.error : undefined

/** Encodes a command as RESP: an array of bulk strings, with their lengths in bytes. */
const serialise = (words: readonly string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`

/** Parses the first replies in a string (latin1); undefined when they have not all arrived yet. */
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

const noRedis = (said: string) => unknownError('The server that answers is not Redis', said.slice(0, 80))

class Unfinished extends Error {}
