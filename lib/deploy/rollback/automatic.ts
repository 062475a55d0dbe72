import type { Azure } from '../../azure/client.ts'
import { type BackendProxy, createExecutor, isTarget } from '../../azure/containers/actions.ts'
import {
  containerTasks,
  type ReleaseOptions,
  type RunningImages,
  workersTask,
} from '../../azure/containers/release.ts'
import { readLogTail } from '../../azure/containers/waitFor.ts'
import {
  type ContainerGroup,
  findHost,
  getImage,
  getTag,
  groupNames,
  isWorkerName,
} from '../../azure/resources/containerGroups.ts'
import { getImageName } from '../../azure/resources/registry.ts'
import { createCheckContext } from '../../checks/context.ts'
import { perServer } from '../../checks/perServer.ts'
import { assertResponding, describeFailed, retryChecks } from '../../checks/retry.ts'
import { apiAreas } from '../../checks/site/api.ts'
import { servedBackend } from '../../checks/site/servedRelease.ts'
import { performTask } from '../../tasks/engine.ts'
import { knowing, type Log, ok, type Task, type VpsContext } from '../../tasks/task.ts'
import { getMessage, OpsError } from '../../util/errors.ts'
import { markBadRelease, readBadReleases } from '../../vps/badReleases.ts'
import { nginxUpstream } from '../../vps/nginx/upstream.ts'
import { readKeptReceipts, receiptsKept } from '../receipts/receipts.ts'
import { verifiedReleases } from './candidates.ts'

/**
 * Attempts, each pause a second longer than the previous one; the larger number takes longer than the 10 s for which
 * nginx caches an address.
 */
const attempts = { few: 4, many: 6 }

/** Checks the API through the site, as visitors use it. Throws with the container's last log lines when a check fails. */
export async function assertServing(
  context: VpsContext,
  azure: Azure,
  group: string,
  release: string,
  tries = attempts.many,
): Promise<string> {
  const checks = perServer(context, [servedBackend(release), ...apiAreas])
  const { failed, hidden } = await retryChecks(createCheckContext(context, { azure }), checks, tries)
  if (failed.length === 0) return `${release} answers through the site (${checks.length - hidden} checks)`
  await assertResponding(context)
  throw new OpsError({
    what: `${failed.length} of ${checks.length} checks through the site failed with ${release}`,
    said: [describeFailed(failed), `last lines of ${group}:`, await readLogTail(context, azure, group)].join(
      '\n',
    ),
    next: 'Fix the application (see its log above), then run this command again.',
    application: true,
  })
}

/** Switches nginx, verifies the site behind it, and switches back when the site does not work. */
export const verifyingProxy = (context: VpsContext, azure: Azure): BackendProxy =>
  nginxUpstream(context, ({ group, release }) => assertServing(context, azure, group, release, attempts.few))

/**
 * The image to return to if `wanted` does not work: the one that the backend ran at the start of the release. After an
 * interrupted run the backend may already be new, or gone. Then, unless `wanted` was ever verified, it is the
 * image that a worker still runs, or the last verified one, if it is not marked as bad. Undefined if there is
 * none. Throws when the VPS does not report what was verified and what is bad.
 */
export async function imageBefore(
  context: VpsContext,
  wanted: string,
  { backend, workers }: RunningImages,
): Promise<string | undefined> {
  if (backend !== undefined && backend !== wanted) return backend
  const [{ kept, answers }, { backend: marks }] = await Promise.all([
    readKeptReceipts(context, receiptsKept),
    readBadReleases(context),
  ])
  if (answers.vps.failure) throw answers.vps.failure
  const seen = verifiedReleases(kept.map(({ receipt }) => receipt)).backend
  if (seen.has(getTag(wanted))) return undefined
  const newestFirst = [...seen].sort(([, a], [, b]) => (a < b ? 1 : -1))
  const named = newestFirst.map(([tag]) => getImageName(context.config, tag))
  return [...workers, ...named].find((image) => image !== wanted && !marks.has(getTag(image)))
}

/**
 * When the new image does not work, releases the previous one to backend and workers the same way, and marks the new one
 * as bad if the previous one answers. A failure of Azure, the VPS or nginx says nothing about the image and changes nothing.
 */
export function automaticRollback(
  context: VpsContext,
  azure: Azure,
  inPlace: boolean,
): Required<Pick<ReleaseOptions, 'verify' | 'recover'>> {
  return {
    async verify(image, log) {
      if (inPlace) log(await assertServing(context, azure, groupNames.backend, getTag(image)))
    },
    async recover(thrown, wanted, before, log) {
      if (!(thrown instanceof OpsError) || !thrown.failure.application) return thrown
      const to = await imageBefore(context, wanted, before).catch((unread) => {
        log(`the previous image is unknown: ${getMessage(unread)}`)
      })
      return to ? rollBack(context, azure, { from: wanted, to, inPlace }, thrown, log) : thrown
    },
  }
}

/** Returns the backend and the workers to the previous image where they have changed, and removes the surge group. */
async function restorePrevious(
  context: VpsContext,
  azure: Azure,
  to: string,
  inPlace: boolean,
  log: Log,
): Promise<void> {
  const image: Task<{ image: string }> = {
    ...{ id: 'image', title: 'Previous image', part: 'azure' },
    inspect: async () => ({ ...ok(to), fact: { image: to } }),
  }
  const proxy = nginxUpstream(context)
  const options = { image, proxy, needsProxy: true, inPlace }
  const isOther = (group: ContainerGroup) => getImage(group) !== to
  azure.forget('groups')
  const groups = await azure.groups()
  const restore = (task: Task) => performTask(task, context.runner, log, knowing(image, { image: to }))
  if (groups.some((group) => group.name === groupNames.backend && isOther(group)))
    await restore(containerTasks(context, azure, options)[0])
  // The previous backend still runs: remove only the surge group.
  else {
    const surge = groups.find(({ name }) => name === groupNames.surge)
    if (surge && !(await isTarget(proxy, findHost(surge) ?? '')))
      await createExecutor(context, azure, proxy).run({ do: 'delete', name: groupNames.surge }, log)
  }
  if (groups.some((group) => isWorkerName(group.name) && isOther(group)))
    await restore(workersTask(context, azure, options))
}

async function rollBack(
  context: VpsContext,
  azure: Azure,
  { from, to, inPlace = false }: { from: string; to: string; inPlace?: boolean | undefined },
  { failure }: OpsError,
  log: Log,
): Promise<OpsError> {
  const [bad, good] = [getTag(from), getTag(to)]
  log(`${failure.what}; rolling back to ${good}`)
  try {
    await restorePrevious(context, azure, to, inPlace, log)
    const checking = createCheckContext(context, { azure })
    const checks = perServer(context, [servedBackend(good)])
    const { failed } = await retryChecks(checking, checks, attempts.many)
    if (failed.length > 0) throw new OpsError({ what: describeFailed(failed) })
  } catch (thrown) {
    return new OpsError({
      ...failure,
      what: `${failure.what}. Rolling back to ${good} failed, too: ${getMessage(thrown)}`,
      next: 'The old image fails too, so the new one was not marked as bad. Check the database, Redis and the network, then run this command again.',
    })
  }
  const marked = await markBadRelease(context, 'backend', bad, failure.what).then(
    () => `${bad} is marked as bad`,
    (thrown) => `${bad} could not be marked as bad: ${getMessage(thrown)}`,
  )
  return new OpsError({ ...failure, what: `${failure.what}. ${good} is serving again; ${marked}` })
}
