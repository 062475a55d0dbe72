import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import type { Rehearsal } from './rehearsal.ts'

export interface VisitorReport {
  pages: number
  assets: number
  longestMs: number
  failures: string[]
}

export interface Visitors {
  seen(): VisitorReport
  stop(): Promise<VisitorReport>
}

/** `count` concurrent readers, each fetching one page after the other with all assets that it names, as browsers do. */
export function startVisitors(
  { config, state }: Rehearsal,
  pages: readonly string[],
  count: number,
): Visitors {
  const agent = new Agent({ keepAlive: true, maxSockets: count, ca: readFileSync(config.network.caFile) })
  const seen: VisitorReport = { pages: 0, assets: 0, longestMs: 0, failures: [] }
  let reading = true
  const fetchOne = (path: string) =>
    new Promise<string | undefined>((resolve) => {
      const started = performance.now()
      const fail = (why: string) => {
        seen.failures.push(`${path}: ${why}`)
        resolve(undefined)
      }
      get(
        {
          agent,
          host: state.vps,
          servername: config.domain,
          path,
          headers: { host: config.domain },
          timeout: 10_000,
        },
        (response) => {
          let body = ''
          response.setEncoding('utf8')
          response.on('data', (chunk) => {
            body += chunk
          })
          response.on('error', (error) => fail(error.message))
          response.on('end', () => {
            seen.longestMs = Math.max(seen.longestMs, Math.round(performance.now() - started))
            response.statusCode === 200 ? resolve(body) : fail(`${response.statusCode}`)
          })
        },
      )
        .on('timeout', () => fail('no answer within 10 s'))
        .on('error', (error) => fail(error.message))
    })

  async function read(turn: number): Promise<void> {
    for (let next = turn; reading; next++) {
      const page = await fetchOne(pages[next % pages.length]!)
      seen.pages++
      for (const [, asset] of page?.matchAll(/(?:src|href)="(\/_next\/[^"]+)"/g) ?? []) {
        if ((await fetchOne(asset!)) !== undefined) seen.assets++
      }
    }
  }
  const all = Promise.all(Array.from({ length: count }, (_, turn) => read(turn)))
  return {
    seen: () => seen,
    async stop() {
      reading = false
      await all
      agent.destroy()
      return seen
    },
  }
}
