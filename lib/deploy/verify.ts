import type { Azure } from '../azure/resources.ts'
import { OpsError } from '../command/errors.ts'
import type { CheckResult } from '../health/check.ts'
import { containersCheck } from '../health/containersCheck.ts'
import { backendHealthCheck } from '../health/coreChecks.ts'
import { faultWords, goodWords, lookUntilKnown, mustBeThere } from '../health/settle.ts'
import { apiChecks, siteChecks } from '../health/siteChecks.ts'
import { keepVerified } from '../ionos/keep.ts'
import { liveRelease } from '../ionos/publish.ts'
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

  /** Throws when this machine's own network, or its login, is what failed. */
  async function mustHear(failed: readonly CheckResult[]): Promise<void> {
    if (parts.ionos) await mustBeThere(context)
    if (parts.azure && (!parts.ionos || failed.every(({ id }) => id === 'containers'))) {
      parts.azure.forget('groups')
      await parts.azure.groups()
    }
  }

  return {
    id: 'verify',
    title: 'Verify',
    part: 'together',
    after,
    async inspect(ahead) {
      if (after.some((id) => ahead.pending(id))) return unknown('checked after the changes')
      const settled = await lookUntilKnown(context, checks, { mustHear })
      const { failed } = settled
      const seen = failed.length === 0 && settled.hidden === 0 && parts.ionos
      const kept = seen ? await keepVerified(context, liveRelease(context)) : ''
      if (failed.length === 0) return ok(goodWords(checks, settled) + kept, settled.hidden > 0)
      throw new OpsError({
        what: `${failed.length} of ${checks.length} checks failed`,
        said: faultWords(failed),
        next: 'Look at what they name; the same line verifies again.',
      })
    },
  }
}
