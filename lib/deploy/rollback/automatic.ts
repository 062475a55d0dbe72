import type { Azure } from '../../azure/client.ts'
import { type BackendProxy, createExecutor } from '../../azure/containers/actions.ts'
import { containerTasks, type ReleaseOptions } from '../../azure/containers/release.ts'
import { logTail } from '../../azure/containers/waitFor.ts'
import {
  type ContainerGroup,
  getImage,
  getTag,
  groupNames,
  isWorkerName,
} from '../../azure/resources/containerGroups.ts'
import { repository } from '../../azure/resources/registry.ts'
import { createCheckContext } from '../../checks/context.ts'
import { assertResponding, describeFailed, retryChecks } from '../../checks/retry.ts'
import { apiAreas } from '../../checks/site/api.ts'
import { servedBackend } from '../../checks/site/servedRelease.ts'
import { surgeHost } from '../../config/endpoints.ts'
import type { Context } from '../../tasks/context.ts'
import { type Log, nothingAhead, type Task } from '../../tasks/task.ts'
import { getMessage, OpsError } from '../../util/errors.ts'
import { badReleases, markBad } from '../../vps/badReleases.ts'
import { switchBackend } from '../../vps/nginx/tasks.ts'
import { nginxUpstream } from '../../vps/nginx/upstream.ts'
import { readHistory } from '../receipts/read.ts'
import { receiptsKept } from '../receipts/write.ts'
import { verifiedReleases } from './candidates.ts'

/** Looks that are each a second longer apart; the many last longer than the 10 s for which nginx keeps an address. */
const looks = { few: 4, many: 6 }

/** Asks the API through the site, as visitors do. Throws with the container's last words when it is not as it should be. */
export async function assertServing(
  context: Context,
  azure: Azure,
  group: string,
  release: string,
  tries = looks.many,
): Promise<string> {
  const checks = [servedBackend(release), ...apiAreas]
  const { failed, hidden } = await retryChecks(createCheckContext(context, { azure }), checks, tries)
  if (failed.length === 0) return `${release} answers through the site (${checks.length - hidden} checks)`
  await assertResponding(context)
  throw new OpsError({
    what: `${failed.length} of ${checks.length} checks through the site failed with ${release}`,
    said: [describeFailed(failed), `last lines of ${group}:`, await logTail(context, azure, group)].join(
      '\n',
    ),
    next: 'Mend the application (what it said is above), then run the same line again.',
    application: true,
  })
}

/** nginx as usual, but where it is pointed at must serve the site; if it does not, nginx goes back. */
export function verifyingProxy(context: Context, azure: Azure): BackendProxy {
  const proxy = nginxUpstream(context)
  return {
    ...proxy,
    async switchTo(host, release, tell) {
      const before = await proxy.target()
      await proxy.switchTo(host, release, tell)
      const group = host === surgeHost(context.config) ? groupNames.surge : groupNames.backend
      try {
        tell(await assertServing(context, azure, group, release, looks.few))
      } catch (thrown) {
        if (before === undefined || before === host) throw thrown
        const { inspect, apply } = switchBackend(context, before)
        await apply(await inspect(nothingAhead), tell)
        tell(`nginx sends /api/ to ${before} again`)
        throw thrown
      }
    },
  }
}

/**
 * The image to go back to from `wanted`: the one that the backend ran when the release began. A release that goes on from
 * where another run was cut off finds the backend new already, or gone; as long as no run has ever seen `wanted` work,
 * it goes back to what a worker still ran, or else to what was last seen to work, unless that is marked bad. Undefined:
 * there is none. Throws when the VPS does not say what has worked and what is bad.
 */
export async function imageBefore(
  context: Context,
  wanted: string,
  { backend, workers }: { backend: string | undefined; workers: readonly string[] },
): Promise<string | undefined> {
  if (backend !== undefined && backend !== wanted) return backend
  const [{ kept, answers }, { backend: marks }] = await Promise.all([
    readHistory(context, receiptsKept),
    badReleases(context),
  ])
  if (answers.vps.failure) throw answers.vps.failure
  const seen = verifiedReleases(kept.map(({ receipt }) => receipt)).backend
  if (seen.has(getTag(wanted))) return undefined
  const newestFirst = [...seen].sort(([, a], [, b]) => (a < b ? 1 : -1))
  const named = newestFirst.map(([tag]) => `${context.config.azure.registry}.azurecr.io/${repository}:${tag}`)
  return [...workers, ...named].find((image) => image !== wanted && !marks.has(getTag(image)))
}

/** The images that backend and workers run now. */
async function imagesNow(azure: Azure): Promise<{ backend: string | undefined; workers: string[] }> {
  const groups = await azure.groups()
  const stable = groups.find(({ name }) => name === groupNames.backend)
  const workers = groups
    .filter(({ name }) => isWorkerName(name))
    .map(getImage)
    .filter(Boolean)
  return { backend: (stable && getImage(stable)) || undefined, workers }
}

/**
 * The steps of a release, each of which puts everything back when the new image turns out not to work: the image of
 * before is released the same way to backend and workers, and the new one is marked as bad when the old one answers.
 * A failure of something else (Azure, the VPS, nginx) is no verdict on the image, and moves nothing.
 */
export function withAutomaticRollback(
  context: Context,
  azure: Azure,
  steps: readonly Task[],
  { image, inPlace }: Pick<ReleaseOptions, 'image' | 'inPlace'>,
): Task[] {
  let before: Awaited<ReturnType<typeof imagesNow>> = { backend: undefined, workers: [] }
  return steps.map((step) => ({
    ...step,
    async inspect(ahead) {
      if (step.id === 'backend') before = await imagesNow(azure)
      return step.inspect(ahead)
    },
    async apply(difference, tell) {
      const wanted = image.name()
      try {
        await step.apply?.(difference, tell)
        if (step.id === 'backend' && inPlace)
          tell(await assertServing(context, azure, groupNames.backend, getTag(wanted)))
      } catch (thrown) {
        const verdict = thrown instanceof OpsError && thrown.failure.application
        if (!verdict) throw thrown
        const to = await imageBefore(context, wanted, before).catch((unread) => {
          tell(`it cannot be told what was in force before: ${getMessage(unread)}`)
        })
        if (!to) throw thrown
        throw await rollBack(context, azure, { from: wanted, to, inPlace }, thrown, tell)
      }
    },
  }))
}

/** Backend and workers on the image of before, those that are not; nothing is left of the surge group. */
async function restorePrevious(
  context: Context,
  azure: Azure,
  to: string,
  inPlace: boolean,
  tell: Log,
): Promise<void> {
  const options = { image: { name: () => to }, proxy: nginxUpstream(context), needsProxy: true, inPlace }
  const isOther = (group: ContainerGroup) => getImage(group) !== to
  azure.forget('groups')
  const groups = await azure.groups()
  const [backend, worker] = containerTasks(context, azure, options)
  const again = async (step: Task | undefined) => {
    const difference = await step?.inspect(nothingAhead)
    if (difference && difference.state !== 'ok') await step?.apply?.(difference, tell)
  }
  if (groups.some((group) => group.name === groupNames.backend && isOther(group))) await again(backend)
  // The backend of before was never touched: only what stood beside it goes.
  else if (
    groups.some(({ name }) => name === groupNames.surge) &&
    (await options.proxy.target()) !== surgeHost(context.config)
  )
    await createExecutor(context, azure, options.proxy).perform(
      { do: 'delete', name: groupNames.surge },
      tell,
    )
  if (groups.some((group) => isWorkerName(group.name) && isOther(group))) await again(worker)
}

/** Goes back to the image of before, and gives the failure with what became of it. */
async function rollBack(
  context: Context,
  azure: Azure,
  { from, to, inPlace = false }: { from: string; to: string; inPlace?: boolean | undefined },
  { failure }: OpsError,
  tell: Log,
): Promise<OpsError> {
  const [bad, good] = [getTag(from), getTag(to)]
  tell(`${failure.what}; going back to ${good}`)
  try {
    await restorePrevious(context, azure, to, inPlace, tell)
    const checking = createCheckContext(context, { azure })
    const { failed } = await retryChecks(checking, [servedBackend(good)], looks.many)
    if (failed.length > 0) throw new OpsError({ what: describeFailed(failed) })
  } catch (thrown) {
    return new OpsError({
      ...failure,
      what: `${failure.what}. Going back to ${good} failed, too: ${getMessage(thrown)}`,
      next: 'The image is hardly the only cause, so it was not marked as bad. Look at database, Redis and network, then run the same line again.',
    })
  }
  const marked = await markBad(context, 'backend', bad, failure.what).then(
    () => `${bad} is marked as bad`,
    (thrown) => `${bad} could not be marked as bad: ${getMessage(thrown)}`,
  )
  return new OpsError({ ...failure, what: `${failure.what}. ${good} serves, as before; ${marked}` })
}
