import path from 'node:path'
import { loginTask } from '../../azure/account.ts'
import { createAzure } from '../../azure/client.ts'
import { containerTasks, workersTask } from '../../azure/containers/release.ts'
import type { Config } from '../../config/config.ts'
import { getKeyFile, saveValues, type Values } from '../../config/envFile.ts'
import type { KeyName } from '../../config/schema.ts'
import type { Context } from '../../tasks/context.ts'
import { getFact } from '../../tasks/engine.ts'
import { type Field, ok, type Task, unknown } from '../../tasks/task.ts'
import { nginxHttpsTask } from '../../vps/nginx/tasks.ts'
import { verifyingProxy } from '../rollback/automatic.ts'
import type { TaskList } from '../runTasks.ts'
import { verifyTask } from '../verify.ts'
import { type Scale, type Scaled, type ScalePlan, scaledConfig, scaleNow, valuesToSet } from './current.ts'

/** Replaces the backend without downtime, or the workers one by one; with --save, then writes .env. */
export function scaleTasks(context: Context, { part, to, cost, unasked, save }: ScalePlan): TaskList {
  const scaled = { ...context, config: scaledConfig(context.config, part, to) }
  const azure = createAzure(scaled)
  const login = loginTask(scaled, azure.account)
  const image: Task<{ image: string }> = {
    id: 'image',
    title: 'Image that runs',
    part: 'azure',
    after: [login],
    async inspect() {
      if (unasked) throw unasked
      const { image: running } = await scaleNow(context.config, azure, part)
      return { ...ok(`${running}; it stays`), fact: { image: running } }
    },
  }
  const costs: Task = {
    ...{ id: 'cost', title: 'Cost', part: 'azure', after: [image] },
    inspect: async () => (unasked ? unknown(cost) : ok(cost)),
  }
  const nginx = part === 'backend' ? nginxHttpsTask(scaled, { after: [image] }) : undefined
  const options = { image, nginx, proxy: verifyingProxy(scaled, azure), needsProxy: true }
  const group =
    part === 'backend' ? containerTasks(scaled, azure, options)[0] : workersTask(scaled, azure, options)
  const release = nginx ? [nginx, group] : [group]
  const verify = verifyTask(scaled, { azure, ionos: part === 'backend', after: release })
  return {
    tasks: [
      ...[login, image, costs, ...release, verify],
      ...(save ? [saveTask(context.config, part, to, verify)] : []),
    ],
    receipt: (outcomes) => ({ image: getFact(outcomes, image)?.image ?? '' }),
  }
}

/** Writes the size to the file that sets it, for the next deploy. */
function saveTask(config: Config, part: Scaled, to: Scale, verify: Task): Task<ReadonlyMap<string, Values>> {
  const values = valuesToSet(config, part, to)
  return {
    id: 'save',
    title: 'Sizes in the configuration',
    part: 'together',
    after: [verify],
    async inspect() {
      const byFile = new Map<string, Values>()
      const fields: Field[] = []
      for (const [key, value] of Object.entries(values) as [KeyName, string][]) {
        const file = await getKeyFile(config.folder, config.environment, key)
        byFile.set(file, { ...byFile.get(file), [key]: value })
        fields.push({ name: `${file}: ${key}`, before: beforeOf(config, key), after: value })
      }
      if (fields.length === 0) return ok('it says so already')
      return { state: 'change', what: [...byFile.keys()].join(', '), fields, effects: [], fact: byFile }
    },
    async afterAll({ fact: byFile }) {
      for (const [file, some] of byFile ?? []) await saveValues(path.join(config.folder, file), some)
    },
  }
}

const beforeOf = ({ backend, worker }: Config, key: KeyName): string =>
  String(
    {
      BACKEND_CPU: backend.cpu,
      BACKEND_MEMORY_GB: backend.memoryGb,
      WORKER_CPU: worker.cpu,
      WORKER_MEMORY_GB: worker.memoryGb,
      WORKER_COUNT: worker.count,
    }[key as 'BACKEND_CPU'],
  )
