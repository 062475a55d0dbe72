import path from 'node:path'
import { loginStep } from '../azure/account.ts'
import { type ContainerGroup, groupNames, imageOf, isWorkerName, sizeOf } from '../azure/containerGroup.ts'
import { containerSteps } from '../azure/containers.ts'
import type { Size } from '../azure/limits.ts'
import { type Azure, createAzure } from '../azure/resources.ts'
import { OpsError } from '../command/errors.ts'
import type { Config } from '../config/config.ts'
import { fileOfKey, saveValues, type Values } from '../config/envFile.ts'
import type { KeyName } from '../config/keys.ts'
import { nginxHttpsStep } from '../ionos/nginx.ts'
import type { Context } from '../steps/context.ts'
import { type Difference, type Field, goingBy, ok, type Step, unknown } from '../steps/step.ts'
import { afterNginx } from './azureLists.ts'
import { verifyingProxy } from './ownRollback.ts'
import type { StepList } from './perform.ts'
import { verifyStep } from './verify.ts'

/** What has a size of its own. */
export type Scaled = 'backend' | 'worker'

/** A part as it runs, or as it is to run; of the backend there is one. */
export interface Scale extends Size {
  count: number
}

/** How a part runs now. */
export interface Now extends Scale {
  /** The image that it runs, and goes on running. */
  image: string
  /** False: a run that changed it was interrupted, or somebody has changed a part of it by hand. */
  settled: boolean
}

/**
 * How a part runs now. What an interrupted run has deleted and not yet made again is read off what is left, so that the
 * same line goes on. Throws when nothing is left, or when another image is half released.
 */
export async function scaleNow(config: Config, azure: Azure, part: Scaled): Promise<Now> {
  const groups = await azure.groups()
  const named = (name: string) => groups.find((group) => group.name === name)
  const [backend, surge] = [named(groupNames.backend), named(groupNames.surge)]
  if (part === 'backend') {
    if (surge && backend && imageOf(surge) !== imageOf(backend)) throw halfReleased(imageOf(surge))
    const group = backend ?? surge
    if (!group) throw nothingRuns(groupNames.backend)
    return { ...groupSize(group), count: 1, image: imageOf(group), settled: backend !== undefined && !surge }
  }
  const workers = groups.filter(({ name }) => isWorkerName(name)).sort((a, b) => numberOf(a) - numberOf(b))
  const [first] = workers
  if (!first) {
    if (!backend) throw nothingRuns(groupNames.worker)
    return { ...config.worker, image: imageOf(backend), settled: false }
  }
  const count = Math.max(...workers.map(numberOf))
  const even = workers.every((group) => sameSize(groupSize(group), groupSize(first)))
  return { ...groupSize(first), count, image: imageOf(first), settled: even && workers.length === count }
}

/** 1 for codex-worker, N for codex-worker-N. */
const numberOf = ({ name }: ContainerGroup): number =>
  name === groupNames.worker ? 1 : Number(name.slice(groupNames.worker.length + 1))

/** A group of ours has one container. */
function groupSize({ containers }: ContainerGroup): Size {
  const { cpu, memoryGb } = sizeOf(containers[0])
  return { cpu: cpu ?? 0, memoryGb: memoryGb ?? 0 }
}

const sameSize = (a: Size, b: Size): boolean => a.cpu === b.cpu && a.memoryGb === b.memoryGb

const nothingRuns = (name: string) =>
  new OpsError({
    what: `There is no ${name} to scale`,
    next: 'Set its size in .env and release it: npx dominion deploy-complete',
  })

const halfReleased = (image: string) =>
  new OpsError({
    what: `The release of another image was interrupted: ${groupNames.surge} runs ${image}`,
    next: 'Finish it first: npx dominion update-backend, or rollback backend --to TAG',
  })

/** The same configuration with a part in another size. */
export const scaledConfig = (config: Config, part: Scaled, { cpu, memoryGb, count }: Scale): Config =>
  part === 'backend'
    ? { ...config, backend: { ...config.backend, cpu, memoryGb } }
    : { ...config, worker: { ...config.worker, cpu, memoryGb, count } }

/** What .env must say so that the next deploy leaves the size as it is. */
export function valuesToSet(config: Config, part: Scaled, to: Scale): Values {
  const wanted: [KeyName, number, number][] =
    part === 'backend'
      ? [
          ['BACKEND_CPU', config.backend.cpu, to.cpu],
          ['BACKEND_MEMORY_GB', config.backend.memoryGb, to.memoryGb],
        ]
      : [
          ['WORKER_CPU', config.worker.cpu, to.cpu],
          ['WORKER_MEMORY_GB', config.worker.memoryGb, to.memoryGb],
          ['WORKER_COUNT', config.worker.count, to.count],
        ]
  return Object.fromEntries(
    wanted.filter(([, is, shall]) => is !== shall).map(([key, , shall]) => [key, String(shall)]),
  )
}

export interface Scaling {
  part: Scaled
  to: Scale
  /** What it costs now and then, in a few words. */
  cost: string
  /** In a plan: why it could not be asked how the part runs. What is not wanted otherwise is as configured, then. */
  unasked?: OpsError
  save: boolean
}

const notAsked = 'it goes by what runs, which could not be asked'

/** Backend by the surge way, workers one after the other; then .env, when it is to be saved there. */
export function scaleList(context: Context, { part, to, cost, unasked, save }: Scaling): StepList {
  const scaled = { ...context, config: scaledConfig(context.config, part, to) }
  const azure = createAzure(scaled)
  let running = ''
  const image = { name: () => running }
  const [backend, worker] = containerSteps(scaled, azure, {
    image,
    proxy: verifyingProxy(scaled, azure),
    needsProxy: true,
  }) as [Step, Step]
  const release =
    part === 'backend'
      ? [{ ...nginxHttpsStep(scaled), after: ['image'] }, ...afterNginx([backend])]
      : [{ ...worker, after: ['image'] }]
  const changing = release.map(({ id }) => id)
  return {
    steps: [
      loginStep(scaled, azure.account),
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
      verifyStep(scaled, { azure, ionos: part === 'backend' }, changing),
      ...(save ? [saveStep(context.config, part, to, ['verify'])] : []),
    ],
    about: () => ({ image: running }),
  }
}

/** The configuration is what the next deploy goes by, so the size goes into the file that it came from. */
function saveStep(config: Config, part: Scaled, to: Scale, after: string[]): Step {
  const values = valuesToSet(config, part, to)
  const byFile = new Map<string, Values>()
  return {
    id: 'save',
    title: 'Sizes in .env',
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
