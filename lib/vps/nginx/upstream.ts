import { backendPort, parseRelease, type Server } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { ProcessResult } from '../../shell/spawn.ts'
import { performTask } from '../../tasks/engine.ts'
import { eachServer, formatServer, type Log, type VpsContext } from '../../tasks/task.ts'
import { mapLimit } from '../../util/concurrency.ts'
import { getMessage, isUnanswered, OpsError } from '../../util/errors.ts'
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
          const isSwitched = await performTask(switchBackendTask(each, host), each.runner, log).catch(
            (thrown) => {
              // It may have been switched before the connection was lost.
              if (servers.length > 1 && isUnanswered(thrown)) before.set(each, backend)
              throw thrown
            },
          )
          if (!isSwitched) return
          before.set(each, backend)
          log(`nginx sends /api/ to ${host}${formatServer(each)}`)
        })
        if (verify) log(await verify(to))
      } catch (thrown) {
        const left: string[] = []
        await onAll(async (each) => {
          const backend = before.get(each) || host
          if (backend === host) return
          try {
            await performTask(switchBackendTask(each, backend), each.runner, log)
            log(`nginx sends /api/ to ${backend} again${formatServer(each)}`)
          } catch (failed) {
            if (servers.length === 1) throw failed
            left.push(`${each.server.address}: ${getMessage(failed)}`)
          }
        })
        throw left.length > 0 ? createSplitError(thrown, host, left) : thrown
      }
    },
    async health(host: string) {
      return parseHealth(await context.runner.run(healthCommand(context.server, host)))
    },
  }
}

/** The failure of a switch, and the servers that could not be switched back. */
function createSplitError(thrown: unknown, host: string, left: readonly string[]): OpsError {
  const failure = thrown instanceof OpsError ? thrown.failure : { what: getMessage(thrown) }
  return new OpsError({
    ...failure,
    what: `${failure.what}. nginx may still send /api/ to ${host} where it could not be switched back`,
    said: [failure.said, ...left].filter(Boolean).join('\n'),
  })
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
