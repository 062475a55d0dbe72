import { connect } from 'node:net'
import { poll } from '../../lib/util/poll.ts'

/**
 * Whether something accepts TCP connections there within the time limit. Gives up early when `alive` returns
 * false.
 */
export async function waitForPort(
  host: string,
  port: number,
  milliseconds: number,
  alive: () => boolean = () => true,
): Promise<boolean> {
  const attempt = async () => {
    if (!alive()) return false
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ host, port, timeout: 1000 })
      socket.once('connect', () => resolve(true))
      for (const event of ['error', 'timeout']) socket.once(event, () => resolve(false))
      socket.once('close', () => socket.destroy())
    })
    return open || undefined
  }
  return (await poll(attempt, { intervalMs: 50, timeoutMs: milliseconds })) ?? false
}
