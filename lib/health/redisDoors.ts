import { redisAddress } from '../azure/containerGroup.ts'
import type { Context } from '../steps/context.ts'

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
