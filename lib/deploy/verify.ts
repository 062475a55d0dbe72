import { setTimeout as pause } from 'node:timers/promises'
import type { Azure } from '../azure/resources.ts'
import { OpsError } from '../command/errors.ts'
import { type CheckResult, runChecks } from '../health/check.ts'
import { containersCheck } from '../health/containersCheck.ts'
import { backendHealthCheck } from '../health/coreChecks.ts'
import { hiddenByMaintenance, plannedMaintenance } from '../health/planned.ts'
import { apiChecks, siteChecks } from '../health/siteChecks.ts'
import type { Context } from '../steps/context.ts'
import { ok, type Step, unknown } from '../steps/step.ts'

/** What a visitor must see when the deploy says it is done, and that backend and workers run. */
export function verifyStep(
  context: Context,
  parts: { azure: Azure | undefined; ionos: boolean },
  after: readonly string[],
): Step {
  const checks = [
    ...(parts.azure ? [backendHealthCheck(context), containersCheck(context, parts.azure)] : []),
    ...(parts.ionos ? siteChecks(context) : []),
    ...(parts.azure && parts.ionos ? apiChecks(context, false) : []),
  ]
  return {
    id: 'verify',
    title: 'Verify',
    part: 'together',
    after,
    async inspect(ahead) {
      if (after.some((id) => ahead.pending(id))) return unknown('checked after the changes')
      const { failed, hidden, planned } = await failing()
      if (failed.length === 0 && hidden > 0) {
        const seen = checks.length - hidden
        return ok(`${planned}: ${seen} checks; ${hidden} more see only its page, until maintenance-mode off`)
      }
      if (failed.length === 0) return ok(`${checks.length} checks`)
      throw new OpsError({
        what: `${failed.length} of ${checks.length} checks failed`,
        said: failed.map(({ id, detail }) => `${id}: ${detail}`).join('\n'),
        next: 'Look at what they name; the same line verifies again.',
      })
    },
  }

  /** A reload or a new address takes some seconds to be seen everywhere; a fault stays. */
  async function failing(): Promise<{ failed: CheckResult[]; hidden: number; planned?: string | undefined }> {
    for (let tries = 1; ; tries++) {
      const failed = (await runChecks(checks)).filter(({ ok }) => !ok)
      if (failed.length === 0) return { failed, hidden: 0 }
      const planned = await plannedMaintenance(context)
      const broken = failed.filter((check) => !(planned && hiddenByMaintenance(check)))
      if (broken.length === 0 || tries === 4)
        return { failed: broken, hidden: failed.length - broken.length, planned }
      await pause(tries * 1000)
    }
  }
}
