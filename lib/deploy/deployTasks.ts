import { createAzure } from '../azure/client.ts'
import type { Context } from '../tasks/context.ts'
import { liveRelease } from '../vps/frontend/publish.ts'
import { nginxUpstream } from '../vps/nginx/upstream.ts'
import { ionosTasks } from '../vps/taskLists.ts'
import { afterNginx, azureList } from './azureTasks.ts'
import { imageMarks, warnIfMarkedBad } from './badReleaseWarnings.ts'
import type { TaskList } from './runTasks.ts'
import { verifyTask } from './verify.ts'

export interface DeployFlags {
  skipAzure?: boolean
  skipIonos?: boolean
  quick?: boolean
}

/** The runbook of both clouds: the core beside the face, then verify. */
export function deployList(context: Context, flags: DeployFlags): TaskList {
  const azure = createAzure(context)
  const core = flags.skipAzure
    ? undefined
    : azureList(context, azure, {
        quick: flags.quick,
        // They lie on the VPS, which this run then leaves alone.
        marks: flags.skipIonos ? undefined : imageMarks(context),
        proxy: nginxUpstream(context),
        needsProxy: !flags.skipIonos,
      })
  const face = flags.skipIonos ? [] : warnIfMarkedBad(context, ionosTasks(context))
  const steps = [...afterNginx(core?.steps ?? []), ...face]
  const parts = { azure: core && azure, ionos: !flags.skipIonos }
  const all = steps.map(({ id }) => id)
  return {
    steps: [...steps, verifyTask(context, parts, all)],
    about: () => ({ ...core?.image.known(), frontend: liveRelease(context) ?? '' }),
  }
}
