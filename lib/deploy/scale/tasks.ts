import path from 'node:path'
import { loginTask } from '../../azure/account.ts'
import { createAzure } from '../../azure/client.ts'
import { containerTasks } from '../../azure/containers/release.ts'
import type { Config } from '../../config/config.ts'
import { fileOfKey, saveValues, type Values } from '../../config/envFile.ts'
import type { KeyName } from '../../config/schema.ts'
import type { Context } from '../../tasks/context.ts'
import { type Difference, type Field, goingBy, ok, type Task, unknown } from '../../tasks/task.ts'
import { nginxHttpsTask } from '../../vps/nginx/tasks.ts'
import { afterNginx } from '../azureTasks.ts'
import { verifyingProxy } from '../rollback/automatic.ts'
import type { TaskList } from '../runTasks.ts'
import { verifyTask } from '../verify.ts'
import { type Scale, type Scaled, type ScalePlan, scaledConfig, scaleNow, valuesToSet } from './current.ts'

const notAsked = 'it goes by what runs, which could not be asked'

/** Backend by the surge way, workers one after the other; then .env, when it is to be saved there. */
export function scaleList(context: Context, { part, to, cost, unasked, save }: ScalePlan): TaskList {
  const scaled = { ...context, config: scaledConfig(context.config, part, to) }
  const azure = createAzure(scaled)
  let running = ''
  const image = { name: () => running }
  const [backend, worker] = containerTasks(scaled, azure, {
    image,
    proxy: verifyingProxy(scaled, azure),
    needsProxy: true,
  }) as [Task, Task]
  const release =
    part === 'backend'
      ? [{ ...nginxHttpsTask(scaled), after: ['image'] }, ...afterNginx([backend])]
      : [{ ...worker, after: ['image'] }]
  const changing = release.map(({ id }) => id)
  return {
    steps: [
      loginTask(scaled, azure.account),
      {
        id: 'image',
        title: 'Image that runs',
        part: 'azure',
        after: ['azure-login'],
        async inspect() {
          if (unasked) throw unasked
          running = (await scaleNow(context.config, azure, part)).image
          return ok(`${running}; it stays`)
        },
      },
      {
        ...{ id: 'cost', title: 'Cost', part: 'azure', after: ['image'] },
        inspect: async () => (unasked ? unknown(cost) : ok(cost)),
      },
      ...release.map((step) => goingBy('image', notAsked, step)),
      verifyTask(scaled, { azure, ionos: part === 'backend' }, changing),
      ...(save ? [saveStep(context.config, part, to, ['verify'])] : []),
    ],
    about: () => ({ image: running }),
  }
}

/** The configuration is what the next deploy goes by, so the size goes into the file that it came from. */
function saveStep(config: Config, part: Scaled, to: Scale, after: string[]): Task {
  const values = valuesToSet(config, part, to)
  const byFile = new Map<string, Values>()
  return {
    id: 'save',
    title: 'Sizes in the configuration',
    part: 'together',
    after,
    async inspect(): Promise<Difference> {
      byFile.clear()
      const fields: Field[] = []
      for (const [key, value] of Object.entries(values) as [KeyName, string][]) {
        const file = await fileOfKey(config.folder, config.environment, key)
        byFile.set(file, { ...byFile.get(file), [key]: value })
        fields.push({ name: `${file}: ${key}`, before: beforeOf(config, key), after: value })
      }
      if (fields.length === 0) return ok('it says so already')
      return { state: 'change', what: [...byFile.keys()].join(', '), fields, effects: [] }
    },
    async apply() {
      for (const [file, some] of byFile) await saveValues(path.join(config.folder, file), some)
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
