import type { Azure } from '../azure/client.ts'
import { getTag } from '../azure/resources/containerGroups.ts'
import { containersRunning } from '../checks/azure/containers.ts'
import { type Observation, select } from '../checks/check.ts'
import { createCheckContext } from '../checks/context.ts'
import { checks as allChecks } from '../checks/list.ts'
import { assertReachable, describeFailed, describePassed, retryUntilKnown } from '../checks/retry.ts'
import { apiAreas } from '../checks/site/api.ts'
import { servedBackend } from '../checks/site/servedRelease.ts'
import { formatScriptLine } from '../config/config.ts'
import { type Context, ok, type Task, unknown } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { readBadReleases, unmarkBadCommand } from '../vps/badReleases.ts'
import { pinVerified, type Switched } from '../vps/frontend/switch.ts'

export interface VerifyOptions {
  /** Undefined: Azure is not verified. */
  azure: Azure | undefined
  ionos: boolean
  /** The task that made a frontend release live; when all checks pass, the release is pinned as verified. */
  swap?: Task<Switched> | undefined
  after: readonly Task[]
}

/** Verifies what visitors get, and that backend and workers run. */
export function verifyTask(context: Context, { azure, ionos, swap, after }: VerifyOptions): Task {
  const checking = createCheckContext(context, azure ? { azure } : {})
  const checks = select(allChecks, 'verify').filter(
    ({ tags }) => (azure || !tags.includes('azure')) && (ionos || !tags.includes('ionos')),
  )

  /** Throws when the cause is this machine's network or its login. */
  async function assertAnswered(failed: readonly Observation[]): Promise<void> {
    if (ionos) await assertReachable(context)
    if (azure && (!ionos || failed.every(({ probe }) => probe.needs === 'az'))) {
      azure.forget('groups')
      await azure.groups()
    }
  }

  return {
    id: 'verify',
    title: 'Verify',
    part: 'together',
    after,
    async inspect(ahead) {
      if (after.some((task) => ahead.willChange(task))) return unknown('checked after the changes')
      const settled = await retryUntilKnown(checking, checks, { assertAnswered })
      const { failed } = settled
      const seen = failed.length === 0 && settled.hidden === 0 && ionos
      const live = swap && ahead.fact(swap).to
      const kept = seen ? await pinVerified(context, live || undefined) : ''
      if (failed.length === 0) return ok(describePassed(checks, settled) + kept, settled.hidden > 0)
      throw new OpsError({
        what: `${failed.length} of ${checks.length} checks failed`,
        said: describeFailed(failed),
        next: 'Fix what they name, then run this command again to verify.',
      })
    },
  }
}

/** Verifies the new image: through the site, in the containers, and the API. */
export function verifyBackendTask(
  context: Context,
  azure: Azure,
  image: Task<{ image: string }>,
  after: readonly Task[],
): Task {
  return {
    id: 'verify-backend',
    title: 'Verify what is served',
    part: 'together',
    after: [image, ...after],
    async inspect(ahead) {
      if (after.some((task) => ahead.willChange(task))) return unknown('checked after the release')
      const tag = getTag(ahead.fact(image).image)
      const checks = [servedBackend(tag), containersRunning, ...apiAreas]
      const settled = await retryUntilKnown(createCheckContext(context, { azure }), checks, { tries: 6 })
      if (settled.failed.length > 0) {
        throw new OpsError({
          what: `${settled.failed.length} of ${checks.length} checks failed with ${tag}`,
          said: describeFailed(settled.failed),
          next: `${formatScriptLine('rollback', 'backend', '--list')}   (lists the releases)`,
        })
      }
      const { backend: marks } = await readBadReleases(context)
      if (settled.hidden > 0 || !marks.has(tag))
        return ok(`${tag}, ${describePassed(checks, settled)}`, settled.hidden > 0)
      return {
        state: 'change',
        what: `${tag} passes its checks: its mark as bad is removed`,
        effects: [unmarkBadCommand(context.config, 'backend', tag)],
      }
    },
  }
}
