import { connect } from 'node:net'

/** Whether something accepts TCP connections there within the time; gives up early when `alive` says so. */
export async function waitForPort(
  host: string,
  port: number,
  milliseconds: number,
  alive: () => boolean = () => true,
): Promise<boolean> {
  const end = Date.now() + milliseconds
  while (Date.now() < end && alive()) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ host, port, timeout: 1000 })
      socket.once('connect', () => resolve(true))
      for (const event of ['error', 'timeout']) socket.once(event, () => resolve(false))
      socket.once('close', () => socket.destroy())
    })
    if (open) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}
