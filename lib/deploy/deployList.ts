import { createAzure } from '../azure/resources.ts'
import { proxyOf } from '../ionos/backendTarget.ts'
import { liveRelease } from '../ionos/publish.ts'
import { ionosSteps } from '../ionos/steps.ts'
import type { Context } from '../steps/context.ts'
import { afterNginx, azureList } from './azureLists.ts'
import { imageMarks, tellingMarks } from './marks.ts'
import type { StepList } from './perform.ts'
import { verifyStep } from './verify.ts'

export interface DeployFlags {
  skipAzure?: boolean
  skipIonos?: boolean
  quick?: boolean
}

/** The runbook of both clouds: the core beside the face, then verify. */
export function deployList(context: Context, flags: DeployFlags): StepList {
  const azure = createAzure(context)
  const core = flags.skipAzure
    ? undefined
    : azureList(context, azure, {
        quick: flags.quick,
        // They lie on the VPS, which this run then leaves alone.
        marks: flags.skipIonos ? undefined : imageMarks(context),
        proxy: proxyOf(context),
        needsProxy: !flags.skipIonos,
      })
  const face = flags.skipIonos ? [] : tellingMarks(context, ionosSteps(context))
  const steps = [...afterNginx(core?.steps ?? []), ...face]
  const parts = { azure: core && azure, ionos: !flags.skipIonos }
  const all = steps.map(({ id }) => id)
  return {
    steps: [...steps, verifyStep(context, parts, all)],
    about: () => ({ ...core?.image.known(), frontend: liveRelease(context) ?? '' }),
  }
}
