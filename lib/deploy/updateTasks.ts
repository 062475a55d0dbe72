import { loginTask } from '../azure/account.ts'
import { type Azure, createAzure } from '../azure/client.ts'
import { containerTasks } from '../azure/containers/release.ts'
import { restartBackendTask, restartWorkersTask } from '../azure/containers/restart.ts'
import { type Image, imageTask } from '../azure/image.ts'
import { getTag } from '../azure/resources/containerGroups.ts'
import { containersRunning } from '../checks/azure/containers.ts'
import { createCheckContext } from '../checks/context.ts'
import { describeFailed, describePassed, retryUntilKnown } from '../checks/retry.ts'
import { apiAreas } from '../checks/site/api.ts'
import { servedBackend } from '../checks/site/servedRelease.ts'
import { formatScriptLine } from '../config/pasteLine.ts'
import type { Context } from '../tasks/context.ts'
import { ok, type Task, unknown } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { badReleases, clearCommand } from '../vps/badReleases.ts'
import { nginxHttpsTask } from '../vps/nginx/tasks.ts'
import { nginxUpstream } from '../vps/nginx/upstream.ts'
import { publishFrontend } from '../vps/taskLists.ts'
import { afterNginx, containerSecrets, registryIsThere } from './azureTasks.ts'
import { imageMarks, warnIfMarkedBad } from './badReleaseWarnings.ts'
import { verifyingProxy, withAutomaticRollback } from './rollback/automatic.ts'
import { rememberingSwitch, type Switched, verifyFrontendTask } from './rollback/verifyFrontend.ts'
import type { TaskList } from './runTasks.ts'

/** `restart-containers`: the containers as they are, started anew. */
export function restartList(context: Context, only: 'backend' | 'worker' | undefined): Task[] {
  const azure = createAzure(context)
  return [
    loginTask(context, azure.account),
    ...(only === 'worker' ? [] : [restartBackendTask(context, azure)]),
    ...(only === 'backend' ? [] : [restartWorkersTask(context, azure)]),
  ]
}

/** `update-frontend`: build, publish, look at what is served, and go back when it is not what it should be. */
export function updateFrontendList(context: Context): TaskList {
  const switched: Switched = { from: '', to: '' }
  const steps = warnIfMarkedBad(context, publishFrontend(context)).map((step) =>
    step.id === 'frontend-switch' ? rememberingSwitch(context, step, switched) : step,
  )
  const verify = verifyFrontendTask(context, switched)
  // nginx first: what is served is asked at addresses that its configuration gives.
  return {
    steps: [nginxHttpsTask(context), ...steps, verify],
    about: () => ({ frontend: switched.live ?? '' }),
  }
}

/**
 * `update-backend`: the image of the present sources, released beside the old one (or in place), seen through the site,
 * and taken back when it does not work. The tables stay as they are: `provision` applies migrations.
 */
export function updateBackendList(context: Context, { inPlace }: { inPlace: boolean }): TaskList {
  const azure = createAzure(context)
  const { step, image } = imageTask(context, azure, { marks: imageMarks(context) })
  const proxy = inPlace ? nginxUpstream(context) : verifyingProxy(context, azure)
  const release = containerTasks(context, azure, { image, proxy, needsProxy: true, inPlace })
  return {
    steps: [
      containerSecrets(context),
      loginTask(context, azure.account),
      registryIsThere(context, azure),
      step,
      nginxHttpsTask(context),
      ...afterNginx(withAutomaticRollback(context, azure, release, { image, inPlace })),
      verifyBackendStep(context, azure, image),
    ],
    about: () => image.known(),
  }
}

/** The last look: the release through the site, the containers, the API. */
function verifyBackendStep(context: Context, azure: Azure, image: Image): Task {
  const after = ['backend', 'worker', 'nginx-https']
  return {
    id: 'verify-backend',
    title: 'Verify what is served',
    part: 'together',
    after,
    async inspect(ahead) {
      if (after.some((id) => ahead.willChange(id))) return unknown('checked after the release')
      const tag = getTag(image.name())
      const checks = [servedBackend(tag), containersRunning, ...apiAreas]
      const settled = await retryUntilKnown(createCheckContext(context, { azure }), checks, { tries: 6 })
      if (settled.failed.length > 0) {
        throw new OpsError({
          what: `${settled.failed.length} of ${checks.length} checks failed with ${tag}`,
          said: describeFailed(settled.failed),
          next: `${formatScriptLine('rollback', 'backend', '--list')}   (shows what can be gone back to)`,
        })
      }
      const { backend: marks } = await badReleases(context)
      if (settled.hidden > 0 || !marks.has(tag))
        return ok(`${tag}, ${describePassed(checks, settled)}`, settled.hidden > 0)
      return {
        state: 'change',
        what: `${tag} passes its checks: its mark as bad is taken away`,
        effects: [clearCommand(context.config, 'backend', tag)],
      }
    },
  }
}
