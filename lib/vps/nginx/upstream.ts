import type { Config } from '../../config/config.ts'
import { backendPort, parseRelease } from '../../config/endpoints.ts'
import type { Command } from '../../shell/command.ts'
import type { ProcessResult } from '../../shell/spawn.ts'
import type { Context } from '../../tasks/context.ts'
import { performTask } from '../../tasks/engine.ts'
import type { Log } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { vps } from '../remote/vps.ts'
import { inspectServer } from '../serverState.ts'
import { switchBackendCommand, switchBackendTask } from './tasks.ts'

/** nginx on the VPS as what stands before the backend: the BackendProxy of lib/azure/containers/actions.ts. */
export function nginxUpstream(context: Context) {
  return {
    /** Undefined while nginx serves no site yet. */
    async target(): Promise<string | undefined> {
      return (await inspectServer(context)).nginx.backend || undefined
    },
    async linesTo(host: string) {
      return [switchBackendCommand(context.config, await inspectServer(context), host)]
    },
    async switchTo(host: string, release: string, log: Log) {
      await waitUntilReachable(context, host, release, log)
      if (await performTask(switchBackendTask(context, host), context.runner, log))
        log(`nginx sends /api/ to ${host}`)
    },
    async health(host: string) {
      return parseHealth(await context.runner.run(healthCommand(context.config, host)))
    },
  }
}

/**
 * What the VPS hears from /health of a host, as `healthFromVps` printed it. Python names the status of an error, and not
 * its body; without a status it heard nothing, and `body` says why. `accepted`: there was a connection all the same. (What
 * goes wrong before is a URLError, what goes wrong after is not: https://github.com/python/cpython/blob/3.11/Lib/urllib/request.py,
 * do_open.)
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

/** Longer than any name server may keep the address that a container group had before. */
const reachableWithinMs = 180_000

/**
 * Waits until the VPS itself reaches the host and hears this release (any, when /health names none). This machine may
 * know the new address of a name while the VPS's name server still keeps the old one.
 */
async function waitUntilReachable(context: Context, host: string, release: string, log: Log): Promise<void> {
  let seen = ''
  const attempt = async () => {
    const { status, body } = parseHealth(await context.runner.run(healthCommand(context.config, host)))
    const named = parseRelease(body)
    if (status === 200 && (named === undefined || named === release)) return true
    const before = seen
    seen = status === 200 ? `release ${named}` : body
    if (seen !== before) log(`the VPS does not see the release at ${host} yet: ${seen}`)
    return undefined
  }
  const unreachable = () =>
    new OpsError({
      what: `The VPS does not reach the new backend ${host}, so nginx was left as it is`,
      said: seen,
      next: 'See whether the VPS may open port 5000 to the outside and resolves the name, then run this command again.',
    })
  await poll(attempt, { intervalMs: 1000, timeoutMs: reachableWithinMs, describe: unreachable })
}

/** Python is there wherever certbot is. */
export const healthCommand = (config: Config, host: string): Command =>
  vps(config)({ accept: [0, 1], timeoutMs: 20_000 })`
    python3 -c ${printPage} http://${host}:${backendPort}/health`

const printPage =
  'import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read(9999).decode())'
