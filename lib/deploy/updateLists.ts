import { loginStep } from '../azure/account.ts'
import { tagOf } from '../azure/containerGroup.ts'
import { containerSteps } from '../azure/containers.ts'
import { type Image, imageStep } from '../azure/image.ts'
import { type Azure, createAzure } from '../azure/resources.ts'
import { restartBackendStep, restartWorkersStep } from '../azure/restart.ts'
import { OpsError } from '../command/errors.ts'
import { formatScriptLine } from '../config/pasteLine.ts'
import { containersCheck } from '../health/containersCheck.ts'
import { servedBackendCheck } from '../health/served.ts'
import { faultWords, goodWords, lookUntilKnown } from '../health/settle.ts'
import { apiChecks } from '../health/siteChecks.ts'
import { proxyOf } from '../ionos/backendTarget.ts'
import { badReleases, clearCommand } from '../ionos/badReleases.ts'
import { nginxHttpsStep } from '../ionos/nginx.ts'
import { publishFrontend } from '../ionos/steps.ts'
import type { Context } from '../steps/context.ts'
import { ok, type Step, unknown } from '../steps/step.ts'
import { afterNginx, containerSecrets, registryIsThere } from './azureLists.ts'
import { rememberingSwitch, type Switched, verifyFrontendStep } from './frontendUpdate.ts'
import { imageMarks, tellingMarks } from './marks.ts'
import { verifyingProxy, withOwnRollback } from './ownRollback.ts'
import type { StepList } from './perform.ts'

/** `restart-containers`: the containers as they are, started anew. */
export function restartList(context: Context, only: 'backend' | 'worker' | undefined): Step[] {
  const azure = createAzure(context)
  return [
    loginStep(context, azure.account),
    ...(only === 'worker' ? [] : [restartBackendStep(context, azure)]),
    ...(only === 'backend' ? [] : [restartWorkersStep(context, azure)]),
  ]
}

/** `update-frontend`: build, publish, look at what is served, and go back when it is not what it should be. */
export function updateFrontendList(context: Context): StepList {
  const switched: Switched = { from: '', to: '' }
  const steps = tellingMarks(context, publishFrontend(context)).map((step) =>
    step.id === 'frontend-switch' ? rememberingSwitch(context, step, switched) : step,
  )
  const verify = verifyFrontendStep(context, switched)
  // nginx first: what is served is asked at addresses that its configuration gives.
  return {
    steps: [nginxHttpsStep(context), ...steps, verify],
    about: () => ({ frontend: switched.live ?? '' }),
  }
}

/**
 * `update-backend`: the image of the present sources, released beside the old one (or in place), seen through the site,
 * and taken back when it does not work. The tables stay as they are: `provision` applies migrations.
 */
export function updateBackendList(context: Context, { inPlace }: { inPlace: boolean }): StepList {
  const azure = createAzure(context)
  const { step, image } = imageStep(context, azure, { marks: imageMarks(context) })
  const proxy = inPlace ? proxyOf(context) : verifyingProxy(context, azure)
  const release = containerSteps(context, azure, { image, proxy, needsProxy: true, inPlace })
  return {
    steps: [
      containerSecrets(context),
      loginStep(context, azure.account),
      registryIsThere(context, azure),
      step,
      nginxHttpsStep(context),
      ...afterNginx(withOwnRollback(context, azure, release, { image, inPlace })),
      verifyBackendStep(context, azure, image),
    ],
    about: () => image.known(),
  }
}

/** The last look: the release through the site, the containers, the API. */
function verifyBackendStep(context: Context, azure: Azure, image: Image): Step {
  const after = ['backend', 'worker', 'nginx-https']
  return {
    id: 'verify-backend',
    title: 'Verify what is served',
    part: 'together',
    after,
    async inspect(ahead) {
      if (after.some((id) => ahead.pending(id))) return unknown('checked after the release')
      const tag = tagOf(image.name())
      const checks = [
        servedBackendCheck(context, tag),
        containersCheck(context, azure),
        ...apiChecks(context, false),
      ]
      const settled = await lookUntilKnown(context, checks, { tries: 6 })
      if (settled.failed.length > 0) {
        throw new OpsError({
          what: `${settled.failed.length} of ${checks.length} checks failed with ${tag}`,
          said: faultWords(settled.failed),
          next: `${formatScriptLine('rollback', 'backend', '--list')}   (shows what can be gone back to)`,
        })
      }
      const { backend: marks } = await badReleases(context)
      if (settled.hidden > 0 || !marks.has(tag))
        return ok(`${tag}, ${goodWords(checks, settled)}`, settled.hidden > 0)
      return {
        state: 'change',
        what: `${tag} passes its checks: its mark as bad is taken away`,
        effects: [clearCommand(context.config, 'backend', tag)],
      }
    },
  }
}
