import type { Azure } from '../azure/client.ts'
import type { CheckResult } from '../checks/check.ts'
import { backendHealthCheck, containersCheck } from '../checks/deploy/core.ts'
import { assertReachable, describeFailed, describePassed, lookUntilKnown } from '../checks/deploy/retry.ts'
import { apiChecks, siteChecks } from '../checks/deploy/site.ts'
import type { Context } from '../tasks/context.ts'
import { ok, type Task, unknown } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { keepVerified } from '../vps/frontend/pin.ts'
import { liveRelease } from '../vps/frontend/publish.ts'

/** What a visitor must see when the deploy says it is done, and that backend and workers run. */
export function verifyTask(
  context: Context,
  parts: { azure: Azure | undefined; ionos: boolean },
  after: readonly string[],
): Task {
  const checks = [
    ...(parts.azure ? [backendHealthCheck(context), containersCheck(context, parts.azure)] : []),
    ...(parts.ionos ? siteChecks(context) : []),
    ...(parts.azure && parts.ionos ? apiChecks(context, false) : []),
  ]

  /** Throws when this machine's own network, or its login, is what failed. */
  async function assertReply(failed: readonly CheckResult[]): Promise<void> {
    if (parts.ionos) await assertReachable(context)
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
      if (after.some((id) => ahead.willChange(id))) return unknown('checked after the changes')
      const settled = await lookUntilKnown(context, checks, { mustHear: assertReply })
      const { failed } = settled
      const seen = failed.length === 0 && settled.hidden === 0 && parts.ionos
      const kept = seen ? await keepVerified(context, liveRelease(context)) : ''
      if (failed.length === 0) return ok(describePassed(checks, settled) + kept, settled.hidden > 0)
      throw new OpsError({
        what: `${failed.length} of ${checks.length} checks failed`,
        said: describeFailed(failed),
        next: 'Look at what they name; the same line verifies again.',
      })
    },
  }
}
