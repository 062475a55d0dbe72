import { backendPort, parseRelease, type Server } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { ProcessResult } from '../../shell/spawn.ts'
import { performTask } from '../../tasks/engine.ts'
import { eachServer, formatServer, type Log, type VpsContext } from '../../tasks/task.ts'
import { mapLimit } from '../../util/concurrency.ts'
import { OpsError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { vps } from '../remote/vps.ts'
import { inspectServer, inspectServers } from '../serverState.ts'
import { switchBackendCommand, switchBackendTask } from './tasks.ts'

type Destination = Readonly<Record<'group' | 'host' | 'release', string>>

/**
 * nginx on all servers as the proxy of the backend (BackendProxy in lib/azure/containers/actions.ts).
 * @param verify tests the site behind the new host; when it throws, nginx is switched back
 */
export function nginxUpstream(context: VpsContext, verify?: (to: Destination) => Promise<string>) {
  const servers = eachServer(context)
  const onAll = (work: (each: VpsContext) => Promise<void>) => mapLimit(servers.length, servers, work)
  return {
    /** Undefined before nginx serves a site. */
    async target(): Promise<string | undefined> {
      const hosts = (await inspectServers(context)).map(({ nginx }) => nginx.backend)
      return [...new Set(hosts.filter(Boolean))].join(', ') || undefined
    },
    linesTo: (host: string | undefined) =>
      Promise.all(servers.map(async (each) => switchBackendCommand(each, await inspectServer(each), host))),
    async switchTo(to: Destination, log: Log) {
      const { host, release } = to
      await onAll((each) => waitUntilReachable(each, host, release, log))
      const before = new Map<VpsContext, string>()
      try {
        await onAll(async (each) => {
          const { backend } = (await inspectServer(each)).nginx
          if (!(await performTask(switchBackendTask(each, host), each.runner, log))) return
          before.set(each, backend)
          log(`nginx sends /api/ to ${host}${formatServer(each)}`)
        })
        if (verify) log(await verify(to))
      } catch (thrown) {
        await onAll(async (each) => {
          const backend = before.get(each) || host
          if (backend === host) return
          await performTask(switchBackendTask(each, backend), each.runner, log)
          log(`nginx sends /api/ to ${backend} again${formatServer(each)}`)
        })
        throw thrown
      }
    },
    async health(host: string) {
      return parseHealth(await context.runner.run(healthCommand(context.server, host)))
    },
  }
}

/**
 * Parses the output of `healthCommand`. For an error, Python prints the status but not the body. No status means that
 * there was no answer: `body` says why, and `accepted` whether there was a connection (a failure before it is a
 * URLError, a later one is not: https://github.com/python/cpython/blob/3.11/Lib/urllib/request.py, do_open).
 */
export function parseHealth({ code, stdout, stderr }: Pick<ProcessResult, 'code' | 'stdout' | 'stderr'>): {
  status: number | undefined
  body: string
  accepted?: true
} {
  if (code === 0) return { status: 200, body: stdout }
  const body = stderr.trim().split('\n').at(-1) || `exit ${code}`
  const status = /HTTP Error (\d{3})/.exec(body)?.[1]
  if (status !== undefined) return { status: Number(status), body }
  const accepted = /^(TimeoutError|socket\.timeout|ConnectionResetError|http\.client\.\w+)\b/.test(body)
  return { status: undefined, body, ...(accepted ? { accepted } : {}) }
}

/** Longer than a name server may cache the previous address of a container group. */
const reachableWithinMs = 180_000

/**
 * Waits until the VPS reaches this release: its name server may cache the previous address longer than this machine's.
 */
async function waitUntilReachable(
  context: VpsContext,
  host: string,
  release: string,
  log: Log,
): Promise<void> {
  let seen = ''
  const attempt = async () => {
    const { status, body } = parseHealth(await context.runner.run(healthCommand(context.server, host)))
    const named = parseRelease(body)
    if (status === 200 && (named === undefined || named === release)) return true
    const before = seen
    seen = status === 200 ? `release ${named}` : body
    if (seen !== before)
      log(`the VPS${formatServer(context)} does not see the release at ${host} yet: ${seen}`)
    return undefined
  }
  const unreachable = () =>
    new OpsError({
      what: `The VPS cannot reach the new backend ${host}, so nginx was not changed${formatServer(context)}`,
      said: seen,
      next: 'Check that the VPS resolves the name and may make outgoing connections to port 5000, then run this command again.',
    })
  await poll(attempt, { intervalMs: 1000, timeoutMs: reachableWithinMs, describe: unreachable })
}

/** Uses Python, which certbot needs anyway. */
export const healthCommand = (server: Server, host: string): Command =>
  vps(server)({ accept: [0, 1], timeoutMs: 20_000 })`
    python3 -c ${printPage} http://${host}:${backendPort}/health`

const printPage =
  'import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read(9999).decode())'
