import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { formatScriptLine } from '../config/config.ts'
import type { VpsContext } from '../tasks/task.ts'
import { getExitCode, settleAll } from '../util/concurrency.ts'
import { parseFutureTime } from '../util/time.ts'
import { formatMaintenance } from '../vps/maintenance/page.ts'
import { parseMessage, type Wanted } from '../vps/maintenance/task.ts'
import { inspectServer } from '../vps/serverState.ts'
import { whoami } from './context.ts'

/** Parses the flags. Throws (exit 2) when `until` is not in the future or `message` is not allowed. */
export const wantedMaintenance = (
  mode: 'on' | 'off',
  { message, until }: { message?: string; until?: string },
): Wanted =>
  mode === 'off'
    ? { on: false }
    : {
        ...{ on: true, by: whoami() },
        ...(message === undefined ? {} : { message: parseMessage(message) }),
        ...(until === undefined ? {} : { until: parseFutureTime('--until', until) }),
      }

/**
 * Prints the marker on the VPS and what a visitor gets. Returns the exit code: 0 for on and off, 3 or 4 for unknown.
 */
export async function maintenanceStatus(run: Run<CommonFlags>, context: VpsContext): Promise<number> {
  const url = `https://${context.config.domain}/`
  const answers = await settleAll({
    vps: async () => (await inspectServer(context)).maintenance ?? null,
    site: async () => {
      const request = { method: 'GET', url, effect: 'read', timeoutMs: 10_000 } as const
      const { status, headers } = await context.runner.request(request)
      return { status, retryAfter: headers['retry-after'] ?? null }
    },
  })
  const { vps, site } = answers
  const state = vps.value ? `on: ${formatMaintenance(vps.value)}\n         "${vps.value.message}"` : 'off'
  const marker = vps.failure ? `unknown: ${vps.failure.message}` : state
  const seen = site.failure
    ? `unknown: ${site.failure.message}`
    : `${url} answers ${site.value.status}${site.value.retryAfter ? `, Retry-After: ${site.value.retryAfter}` : ''}`
  const contradiction = vps.value && site.value && site.value.status !== 503
  run.result(
    [
      `marker   ${marker}`,
      `visitors ${seen}`,
      ...(contradiction
        ? [`→ The page is on, but visitors do not get it. Run: ${formatScriptLine('configure-nginx')}`]
        : []),
    ].join('\n'),
    {
      ok: !vps.failure && !site.failure,
      on: vps.failure ? null : vps.value !== null,
      maintenance: vps.value ?? null,
      site: site.value ?? null,
      unknown: Object.entries(answers).flatMap(([name, { failure }]) =>
        failure ? [{ name, why: failure.message }] : [],
      ),
    },
  )
  return getExitCode(answers)
}
