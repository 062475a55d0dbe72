import { setTimeout as pause } from 'node:timers/promises'
import { messageOf, unknownError } from '../command/errors.ts'
import type { Context } from '../steps/context.ts'
import { type Check, type CheckResult, runChecks } from './check.ts'
import { hiddenByMaintenance, plannedMaintenance } from './planned.ts'

export interface Settled {
  /** What is wrong for good. */
  failed: CheckResult[]
  /** How many see only the maintenance page, and the words for that maintenance. */
  hidden: number
  planned?: string | undefined
}

/** Looks up to `tries` times, a second longer apart each: a change takes some seconds to be seen everywhere; a fault stays. */
export async function lookUntilGood(context: Context, checks: readonly Check[], tries = 4): Promise<Settled> {
  for (let turn = 1; ; turn++) {
    const failed = (await runChecks(checks)).filter(({ ok }) => !ok)
    if (failed.length === 0) return { failed, hidden: 0 }
    const planned = await plannedMaintenance(context)
    const broken = failed.filter((check) => !(planned && hiddenByMaintenance(check)))
    if (broken.length === 0 || turn === tries)
      return { failed: broken, hidden: failed.length - broken.length, planned }
    await pause(turn * 1000)
  }
}

/** What the checks saw, as a step says it. */
export const goodWords = (checks: readonly Check[], { hidden, planned }: Settled): string =>
  hidden === 0
    ? `${checks.length} checks`
    : `${planned}: ${checks.length - hidden} checks; ${hidden} more see only its page, until maintenance-mode off`

export const faultWords = (failed: readonly CheckResult[]): string =>
  failed.map(({ id, detail }) => `${id}: ${detail}`).join('\n')

/** Throws (exit 3) when the site gives this machine no answer at all: then failed checks say nothing about the site. */
export async function mustAnswer({ config, runner }: Context): Promise<void> {
  const url = `https://${config.domain}/`
  try {
    await runner.request({ method: 'HEAD', url, effect: 'read', timeoutMs: 10_000 })
  } catch (thrown) {
    throw unknownError(
      `${url} gives this machine no answer, so nothing can be said about what visitors get`,
      messageOf(thrown),
      'See whether the site is there from another network; then run the same line again.',
    )
  }
}
