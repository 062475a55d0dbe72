import { setTimeout as pause } from 'node:timers/promises'
import { type Command, look, onVps } from '../command/command.ts'
import { OpsError } from '../command/errors.ts'
import type { ProcessResult } from '../command/process.ts'
import { backendPort } from '../config/backend.ts'
import type { Context } from '../steps/context.ts'
import type { Tell } from '../steps/step.ts'
import { switchBackend, switchCommand } from './nginx.ts'
import { surveyOf } from './survey.ts'

/** nginx on the VPS as what stands before the backend. */
export interface BackendTarget {
  /** The host that /api/ goes to; undefined while nginx serves no site yet. */
  target(): Promise<string | undefined>
  /** What `switchTo` runs. */
  linesTo(host: string): Promise<Command[]>
  /**
   * Points it elsewhere, once that host answers the VPS as this release; returns when nginx has loaded it.
   * Throws with the old one still in force.
   */
  switchTo(host: string, release: string, tell: Tell): Promise<void>
  /** What the VPS hears from /health of that host; without a status it heard nothing, and `body` says why. */
  health(host: string): Promise<{ status: number | undefined; body: string }>
}

export function proxyOf(context: Context): BackendTarget {
  return {
    async target() {
      return (await surveyOf(context)).nginx.backend || undefined
    },
    async linesTo(host) {
      return [switchCommand(context.config, await surveyOf(context), host)]
    },
    async switchTo(host, release, tell) {
      await untilSeen(context, host, release, tell)
      const { inspect, apply } = switchBackend(context, host)
      const difference = await inspect({ pending: () => false, unsure: () => false })
      if (difference.state === 'ok') return
      if (difference.state === 'unknown') throw new OpsError({ what: difference.why, exitCode: 3 })
      await apply(difference, tell)
      tell(`nginx sends /api/ to ${host}`)
    },
    async health(host) {
      return answerOf(await context.runner.run(healthFromVps(host)))
    },
  }
}

/** What `healthFromVps` printed. Python names the status of an error, and not its body. */
export function answerOf({ code, stdout, stderr }: Pick<ProcessResult, 'code' | 'stdout' | 'stderr'>) {
  if (code === 0) return { status: 200, body: stdout }
  const body = stderr.trim().split('\n').at(-1) || `exit ${code}`
  const status = /HTTP Error (\d{3})/.exec(body)?.[1]
  return { status: status === undefined ? undefined : Number(status), body }
}

/** Longer than any name server may keep the address that a container group had before. */
const seenWithinMs = 180_000

/**
 * Waits until the VPS itself reaches the host and hears this release (any, when /health names none). This machine may
 * know the new address of a name while the VPS's name server still keeps the old one.
 */
async function untilSeen(context: Context, host: string, release: string, tell: Tell): Promise<void> {
  const deadline = Date.now() + seenWithinMs
  for (let told = ''; ; await pause(1000)) {
    const { code, stdout, stderr } = await context.runner.run(healthFromVps(host))
    const named = /"release"\s*:\s*"([^"]*)"/.exec(stdout)?.[1]
    if (code === 0 && (named === undefined || named === release)) return
    const seen = code === 0 ? `release ${named}` : (stderr.trim().split('\n').at(-1) ?? `exit ${code}`)
    if (Date.now() > deadline) {
      throw new OpsError({
        what: `The VPS does not reach the new backend ${host}, so nginx was left as it is`,
        said: seen,
        next: 'See whether the VPS may open port 5000 to the outside and resolves the name, then run the same line again.',
      })
    }
    if (seen !== told) tell(`the VPS does not see the release at ${host} yet: ${seen}`)
    told = seen
  }
}

/** Python is there wherever certbot is. */
export const healthFromVps = (host: string): Command =>
  onVps(
    look(
      [
        ...[
          'python3',
          '-c',
          'import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read(9999).decode())',
        ],
        `http://${host}:${backendPort}/health`,
      ],
      { accept: [0, 1], timeoutMs: 20_000 },
    ),
  )
