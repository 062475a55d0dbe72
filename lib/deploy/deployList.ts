import { createAzure } from '../azure/resources.ts'
import { proxyOf } from '../ionos/backendTarget.ts'
import { liveRelease } from '../ionos/publish.ts'
import { ionosSteps } from '../ionos/steps.ts'
import type { Context } from '../steps/context.ts'
import type { Step } from '../steps/step.ts'
import { azureList } from './azureLists.ts'
import { verifyStep } from './verify.ts'

export interface DeployFlags {
  skipAzure?: boolean
  skipIonos?: boolean
  quick?: boolean
}

/** The runbook of both clouds: the core beside the face, then verify. */
export function deployList(context: Context, flags: DeployFlags): { steps: Step[]; about(): object } {
  const azure = createAzure(context)
  const core = flags.skipAzure
    ? undefined
    : azureList(context, azure, flags.quick ?? false, proxyOf(context), !flags.skipIonos)
  const face = flags.skipIonos ? [] : ionosSteps(context)
  const steps = [...(core?.steps ?? []), ...face]
  const parts = { azure: core !== undefined, ionos: !flags.skipIonos }
  return {
    steps: [
      ...steps,
      verifyStep(
        context,
        parts,
        steps.map(({ id }) => id),
      ),
    ],
    about: () => ({
      image: core?.image.name() ?? '',
      digest: core?.image.digest() ?? '',
      frontend: liveRelease(context) ?? '',
    }),
  }
}
