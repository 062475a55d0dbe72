import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../../../lib/config/config.ts'
import { createNetworkOptions } from '../../../lib/config/network.ts'
import { makeRequest } from '../../../lib/net/http.ts'

export interface Load {
  /**
   * Ends the load and returns how many requests were answered with 200, the longest, and the beginning of the other
   * responses.
   */
  stop(): Promise<{ answered: number; longestMs: number; failed: string[] }>
}

/** Readers who request pages and the API from the site continuously, each request on a new connection. */
export function steadyLoad(config: Config, readers = 4): Load {
  const reach = createNetworkOptions(config)
  const over = new AbortController()
  const failed: string[] = []
  let answered = 0
  let longestMs = 0
  async function read(path: string): Promise<void> {
    const request = {
      method: 'GET',
      url: `https://${config.domain}${path}`,
      effect: 'read',
      timeoutMs: 20_000,
    } as const
    while (!over.signal.aborted) {
      const started = performance.now()
      try {
        const { status, body } = await makeRequest(request, reach, new AbortController().signal)
        if (status === 200) answered++
        else failed.push(`${path}: ${status} ${body.slice(0, 200)}`)
      } catch (thrown) {
        failed.push(`${path}: ${(thrown as Error).message}`)
      }
      longestMs = Math.max(longestMs, Math.round(performance.now() - started))
      await pause(250)
    }
  }
  const paths = ['/', '/api/workflows', '/api/ai/status', '/api/agents']
  const running = Array.from({ length: readers }, (_, index) => read(paths[index % paths.length]!))
  return {
    async stop() {
      over.abort()
      await Promise.all(running)
      return { answered, longestMs, failed }
    },
  }
}
