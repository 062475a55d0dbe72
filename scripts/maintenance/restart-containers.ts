#!/usr/bin/env node
import type { ContainerGroup } from '../../lib/azure/resources/containerGroups.ts'
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'
import type { Azure, Factories } from '../../lib/deploy/taskFactories.ts'
import type { Context, Task } from '../../lib/tasks/task.ts'

const script = defineTaskScript<{ only?: 'backend' | 'worker' }>({
  name: 'restart-containers',
  summary: 'Restart the backend and the workers, and wait until they are healthy',
  options: (parser) =>
    parser.addOption(
      parser.createOption('--only <part>', 'Restart only this part').choices(['backend', 'worker']),
    ),
  needsVps: false,
  tasks(context, { only }, factories) {
    const azure = factories.createAzure(context)
    const login = factories.loginTask(context, azure.account)
    const parts = (['backend', 'worker'] as const).filter((part) => only === undefined || only === part)
    return [login, ...parts.map((part) => restartTask(factories, context, azure, part, login))]
  },
})

/** Restarts the groups of a part one after the other, so that other workers continue to take jobs. */
const restartTask = (
  { az, explainRestart, groupsToRestart, showGroup, waitUntilRestarted }: Factories,
  context: Context,
  azure: Azure,
  part: 'backend' | 'worker',
  login: Task,
): Task<ContainerGroup[]> => ({
  id: part === 'backend' ? 'restart-backend' : 'restart-workers',
  title: part === 'backend' ? 'Restart the backend' : 'Restart the workers',
  part: 'azure',
  after: [login],
  async inspect() {
    const groups = await groupsToRestart(context, azure, part)
    const names = groups.map(({ name }) => name)
    const { id } = await azure.account()
    const gap = {
      backend: '/api/ answers 502 with Retry-After until it is healthy again',
      worker: 'jobs wait in the queue until it runs again',
    }
    return {
      state: 'change',
      what: `${names.join(', ')}, with a gap: ${gap[part]}`,
      fact: groups,
      // `az` appends --output json --only-show-errors.
      effects: names.map(
        (name) => az.change({ explain: (output) => explainRestart(name, output) })`
          container restart --resource-group ${context.config.azure.resourceGroup} --name ${name}
            --subscription ${id}`,
      ),
    }
  },
  async beforeEach({ index, change }, log) {
    const { name } = change.fact![index]!
    log(`restarting ${name}`)
    return showGroup(context, azure, name)
  },
  async afterEach({ index, change }, before, log) {
    await waitUntilRestarted(context, azure, change.fact![index]!, before as ContainerGroup | undefined, log)
  },
})

export default script
if (isMain(import.meta)) await script.start()
