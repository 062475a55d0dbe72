import type { Config } from '../../config/config.ts'
import { surgeLabel } from '../../config/endpoints.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import type { Log, Task } from '../../tasks/task.ts'
import { exitCode, type Failure, OpsError } from '../../util/errors.ts'
import { formatDuration } from '../../util/format.ts'
import { az, explainAz } from '../cli.ts'
import { type Azure, subscriptionFlag } from '../client.ts'
import {
  type ContainerGroup,
  getImage,
  getTag,
  groupNames,
  isWorkerName,
  showGroup,
} from '../resources/containerGroups.ts'
import { countRestarts, parseInstanceView } from './status.ts'
import { untilStartedAnew, untilWorkerRuns, waitUntilHealthy } from './waitFor.ts'

/** `az container restart`: stops the group's container and starts it again, of the same image and settings. */
export const restartGroup = (config: Config, name: string, subscription: string[]): Command =>
  az.change({ explain: (output) => explainRestart(name, output) })`
    container restart --resource-group ${config.azure.resourceGroup} --name ${name} ${subscription}`

/** Azure was reached just before: that it is silent about this one operation is no fault of the network. */
export function explainRestart(name: string, output: string): Partial<Failure> | undefined {
  const [, seconds] = /Read timed out\.? \(read timeout=(\d+)\)/i.exec(output) ?? []
  if (seconds === undefined) return explainAz(output)
  return {
    what: `Azure took the restart of ${name} and did not end it within ${formatDuration(Number(seconds) * 1000)}`,
    said: undefined,
    next: `Its container may not stop: ${formatScriptLine('health', '--only', 'containers')} shows how it is, ${formatScriptLine('view-logs', '--only', isWorkerName(name) ? 'worker' : 'backend')} why. The same line again restarts it anew.`,
    exitCode: exitCode.unknown,
  }
}

/** Restarts the backend, also a surge group that an interrupted release has left, each after the other. */
export const restartBackendTask = (context: Context, azure: Azure): Task =>
  restartStep(context, azure, {
    id: 'restart-backend',
    title: 'Restart the backend',
    isMine: (name) => name === groupNames.backend || name === groupNames.surge,
    meanwhile: '/api/ answers 502 with Retry-After until it is healthy again',
    name: groupNames.backend,
    async ready(group, restartsBefore, tell) {
      const { config } = context
      const label = group.name === groupNames.surge ? surgeLabel(config) : config.backend.dnsLabel
      const release = getTag(getImage(group))
      await waitUntilHealthy(context, azure, { name: group.name, label, release, restartsBefore }, tell)
    },
  })

/** Restarts every worker there is, one after the other, so that the others go on taking jobs. */
export const restartWorkersTask = (context: Context, azure: Azure): Task =>
  restartStep(context, azure, {
    id: 'restart-workers',
    title: 'Restart the workers',
    isMine: isWorkerName,
    meanwhile: 'jobs wait in the queue until it runs again',
    name: groupNames.worker,
    ready: (group, restartsBefore, tell) => untilWorkerRuns(context, azure, group.name, tell, restartsBefore),
  })

interface Restart {
  id: string
  title: string
  isMine(name: string): boolean
  /** What its users notice. */
  meanwhile: string
  /** Which group must be there. */
  name: string
  ready(group: ContainerGroup, restartsBefore: number, tell: Log): Promise<void>
}

function restartStep(context: Context, azure: Azure, restart: Restart): Task {
  const { config, runner } = context
  const groups = async () => (await azure.groups()).filter(({ name }) => restart.isMine(name))
  return {
    id: restart.id,
    title: restart.title,
    part: 'azure',
    after: ['azure-login'],
    async inspect() {
      const names = (await groups()).map(({ name }) => name).sort()
      if (!names.includes(restart.name)) {
        throw new OpsError({
          what: `There is no container group ${restart.name} in ${config.azure.resourceGroup}`,
          next: `${formatScriptLine('deploy-complete')}   (it makes what is missing)`,
        })
      }
      const subscription = subscriptionFlag(await azure.account())
      return {
        state: 'change',
        what: `${names.join(', ')}, with a gap: ${restart.meanwhile}`,
        effects: names.map((name) => restartGroup(config, name, subscription)),
      }
    },
    async apply(_, tell) {
      const subscription = subscriptionFlag(await azure.account())
      for (const group of (await groups()).sort((a, b) => a.name.localeCompare(b.name))) {
        const { name } = group
        const before = await showGroup(context, azure, name)
        const restartsBefore = countRestarts(before)
        tell(`restarting ${name}`)
        await runner.run(restartGroup(config, name, subscription))
        const startedBefore = parseInstanceView(before)?.currentState?.startTime
        await untilStartedAnew(context, azure, { name, startedBefore, restartsBefore }, tell)
        await restart.ready(group, restartsBefore, tell)
        tell(`${name} is healthy again`)
      }
    },
  }
}
