import type { Azure } from '../azure/client.ts'
import { type Observation, select } from '../checks/check.ts'
import { createCheckContext } from '../checks/context.ts'
import { checks as allChecks } from '../checks/list.ts'
import { assertReachable, describeFailed, describePassed, retryUntilKnown } from '../checks/retry.ts'
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
  const checking = createCheckContext(context, parts.azure ? { azure: parts.azure } : {})
  const checks = select(allChecks, 'verify').filter(
    ({ tags }) => (parts.azure || !tags.includes('azure')) && (parts.ionos || !tags.includes('ionos')),
  )

  /** Throws when this machine's own network, or its login, is what failed. */
  async function assertAnswered(failed: readonly Observation[]): Promise<void> {
    if (parts.ionos) await assertReachable(context)
    if (parts.azure && (!parts.ionos || failed.every(({ probe }) => probe.needs === 'az'))) {
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
      const settled = await retryUntilKnown(checking, checks, { assertAnswered })
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
