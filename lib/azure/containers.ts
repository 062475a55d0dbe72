import { type Command, secretFile } from '../command/command.ts'
import { messageOf, OpsError } from '../command/errors.ts'
import { stableHost, surgeHost } from '../config/backend.ts'
import type { Config } from '../config/config.ts'
import { reveal } from '../config/secret.ts'
import type { Context } from '../steps/context.ts'
import { type Difference, type Field, ok, type Step, type Tell } from '../steps/step.ts'
import { azAct } from './az.ts'
import {
  backendGroup,
  type ContainerGroup,
  configurationOf,
  type GroupSecrets,
  groupFile,
  groupNames,
  isWorkerName,
  type WantedGroup,
  workerGroup,
  workerNames,
} from './containerGroup.ts'
import type { Image } from './image.ts'
import { type Azure, redisKey, registryLogin, subscriptionOf } from './resources.ts'
import { untilBackendHealthy, untilWorkerRuns } from './waiting.ts'

/** Whatever stands before the backend and can be pointed at another host: nginx on the VPS. */
export interface BackendProxy {
  /** The host it sends /api/ to; undefined when there is no such proxy (yet). Throws when it cannot be asked. */
  target(): Promise<string | undefined>
  /** Points it elsewhere and returns when that is in force. */
  switchTo(host: string, release: string, tell: Tell): Promise<void>
}

/** What ARM does not change in place; such a difference costs a deletion. */
const immutable = new Set(['CPU', 'memory (GB)', 'restart policy', 'operating system'])

/** What differs between a running group and the wanted one. */
export function groupFields(before: ContainerGroup, wanted: WantedGroup, configuration: string): Field[] {
  const [container] = before.containers
  const requests = container?.resources?.requests
  const pairs: [string, unknown, unknown][] = [
    ['image', container?.image, wanted.image],
    ['CPU', requests?.cpu, wanted.cpu],
    ['memory (GB)', requests?.memoryInGb ?? requests?.memoryInGB, wanted.memoryGb],
    ['restart policy', before.restartPolicy, 'Always'],
    ['operating system', before.osType, 'Linux'],
    ['command', (container?.command ?? []).join(' '), (wanted.command ?? []).join(' ')],
  ]
  const fields = pairs
    .filter(([, was, is]) => String(was ?? '') !== String(is))
    .map(([name, was, is]) => ({
      name,
      before: was === undefined ? undefined : String(was),
      after: String(is),
    }))
  const was = before.tags?.configuration
  if (fields.length > 0 || was === configuration) return fields
  return [{ name: 'environment or secrets', before: was, after: configuration }]
}

export const mustReplace = (fields: readonly Field[]): boolean =>
  fields.some(({ name }) => immutable.has(name))

/** `az container create --file`: creates the group, or changes it to exactly this. */
export const createGroup = (config: Config, name: string, file: string, subscription: string[]): Command =>
  azAct([
    'container',
    'create',
    '--resource-group',
    config.azure.resourceGroup,
    '--file',
    secretFile(`${name}.json`, file),
    ...subscription,
  ])

export const deleteGroup = (config: Config, name: string, subscription: string[]): Command =>
  azAct([
    'container',
    'delete',
    '--resource-group',
    config.azure.resourceGroup,
    '--name',
    name,
    '--yes',
    ...subscription,
  ])

export interface ReleaseOptions {
  /** Says which image is wanted, once the steps before have found it. */
  image: Pick<Image, 'name'>
  proxy: BackendProxy
  /** False (the default): a VPS that does not answer does not stop the release of the core alone. */
  needsProxy?: boolean
  /** The old way: the backend is replaced where it stands, and requests may fail meanwhile. */
  inPlace?: boolean
}

/** Backend without downtime by a surge group (unless `inPlace`), workers in place. */
export function containerSteps(
  context: Context,
  azure: Azure,
  { image, proxy, needsProxy = false, inPlace = false }: ReleaseOptions,
): Step[] {
  const { config, runner } = context
  const releaseOf = (wanted: WantedGroup) => wanted.environment.RELEASE ?? ''

  async function current(name: string): Promise<ContainerGroup | undefined> {
    return (await azure.groups()).find((group) => group.name === name)
  }
  async function configured(wanted: WantedGroup): Promise<string> {
    const password = await reveal(config.postgres.password, runner)
    return configurationOf(config, wanted, password, await reveal(config.backend.secretKey, runner))
  }

  /** The lines of a plan; the files are complete only when the keys have been read. */
  async function planned(wanted: WantedGroup, how: 'create' | 'update' | 'replace'): Promise<Command[]> {
    const subscription = subscriptionOf(await azure.account())
    const create = createGroup(config, wanted.name, '', subscription)
    return how === 'replace' ? [deleteGroup(config, wanted.name, subscription), create] : [create]
  }

  /** A backend that is replaced is served by the surge group meanwhile. */
  async function plannedRelease(lines: readonly Command[]): Promise<Command[]> {
    const subscription = subscriptionOf(await azure.account())
    const { surge } = groupNames
    return [createGroup(config, surge, '', subscription), ...lines, deleteGroup(config, surge, subscription)]
  }

  let secrets: Promise<GroupSecrets> | undefined
  function readSecrets(): Promise<GroupSecrets> {
    secrets ??= (async () => {
      const [databasePassword, appSecretKey, key, registry] = await Promise.all([
        reveal(config.postgres.password, runner),
        reveal(config.backend.secretKey, runner),
        redisKey(context, azure),
        registryLogin(context, azure),
      ])
      return { databasePassword, appSecretKey, redisKey: key, registry }
    })()
    return secrets
  }

  async function put(wanted: WantedGroup, replace: boolean, tell: Tell): Promise<void> {
    const subscription = subscriptionOf(await azure.account())
    if (replace) {
      tell(`deleting ${wanted.name}: its size cannot be changed in place`)
      await runner.run(deleteGroup(config, wanted.name, subscription))
    }
    tell(`starting ${wanted.name}`)
    const file = groupFile(config, wanted, await readSecrets())
    await runner.run(createGroup(config, wanted.name, file, subscription))
    azure.forget('groups')
  }

  async function drop(name: string, tell: Tell): Promise<void> {
    tell(`deleting ${name}`)
    await runner.run(deleteGroup(config, name, subscriptionOf(await azure.account())))
    azure.forget('groups')
  }

  async function inspectGroup(wanted: WantedGroup, missing: boolean): Promise<Difference> {
    const before = missing ? undefined : await current(wanted.name)
    const size = `${wanted.cpu} CPU, ${wanted.memoryGb} GB`
    if (!before) {
      const what = `${wanted.name}, ${size}, ${wanted.image}`
      return { state: 'create', what, effects: await planned(wanted, 'create') }
    }
    const fields = groupFields(before, wanted, await configured(wanted))
    const { provisioningState = 'Succeeded' } = before
    // What a run that was killed has begun, and nobody has waited for.
    if (fields.length === 0 && provisioningState !== 'Succeeded') {
      fields.push({ name: 'state', before: provisioningState, after: 'Succeeded' })
    }
    if (fields.length === 0) return ok(`${wanted.image.split('/').at(-1)}, ${size}`)
    const what = mustReplace(fields)
      ? `${wanted.name}: delete and create again (ACI cannot change this in place)`
      : wanted.name
    const lines = await planned(wanted, mustReplace(fields) ? 'replace' : 'update')
    return { state: 'change', what, fields, effects: lines }
  }

  const backend: Step = {
    id: 'backend',
    title: 'Backend container',
    part: 'azure',
    after: ['image', 'migrations', 'redis'],
    async inspect(ahead) {
      const nothingYet = ahead.pending('data-tier') && !(await azure.registry())
      const wanted = backendGroup(config, image.name())
      const difference = await inspectGroup(wanted, nothingYet)
      if (difference.state === 'change') {
        if (inPlace)
          return { ...difference, what: `${difference.what}; in place: requests may fail meanwhile` }
        const what = `${difference.what}, beside ${groupNames.surge}; nginx is switched to it and back`
        return { ...difference, what, effects: await plannedRelease(difference.effects as Command[]) }
      }
      if (difference.state !== 'ok' || nothingYet) return difference
      const leftOver = await current(groupNames.surge)
      const target = needsProxy ? await proxy.target() : await proxy.target().catch(() => undefined)
      if (!leftOver && target !== surgeHost(config)) return difference
      return {
        state: 'change',
        what: 'finish the release that was interrupted',
        fields: [{ name: 'served from', before: groupNames.surge, after: groupNames.backend }],
        effects: leftOver
          ? [deleteGroup(config, groupNames.surge, subscriptionOf(await azure.account()))]
          : [],
      }
    },
    async apply(difference, tell) {
      if (difference.state === 'ok' || difference.state === 'unknown') return
      const wanted = backendGroup(config, image.name())
      const before = await current(wanted.name)
      const leftOver = (await current(groupNames.surge)) !== undefined
      // Once nginx may be on the surge group, not knowing where it stands is a failure.
      let switched = leftOver
      const target = () => (needsProxy || switched ? proxy.target() : proxy.target().catch(() => undefined))
      const fields = before ? groupFields(before, wanted, await configured(wanted)) : []
      if (!before) {
        await put(wanted, false, tell)
        await healthy(wanted, tell)
      } else if (fields.length > 0) {
        // A surge group that serves already, left by a run that was interrupted, serves until this one is healthy too.
        const serving = await target()
        const safe = leftOver && serving === surgeHost(config)
        if (!safe && inPlace) tell('in place, as asked: requests may fail while the backend is replaced')
        if (!safe && !inPlace) {
          if (serving === undefined) tell('no nginx to switch: requests fail while the backend is replaced')
          await surge(serving !== undefined, tell)
          switched ||= serving !== undefined
        }
        await put(wanted, mustReplace(fields), tell)
        await healthy(wanted, tell).catch((thrown) => {
          throw switched ? stillOnSurge(thrown) : thrown
        })
      } else {
        if (before.provisioningState === 'Failed') await put(wanted, false, tell)
        await healthy(wanted, tell)
      }
      if ((await target()) === surgeHost(config))
        await proxy.switchTo(stableHost(config), releaseOf(wanted), tell)
      if (await current(groupNames.surge)) await drop(groupNames.surge, tell)
    },
  }

  const healthy = (wanted: WantedGroup, tell: Tell) =>
    untilBackendHealthy(
      context,
      azure,
      { name: wanted.name, label: wanted.public?.dnsLabel ?? '', release: releaseOf(wanted) },
      tell,
    )

  /** The new release beside the old one, and the proxy on it once it is healthy. The old one serves until then. */
  async function surge(proxied: boolean, tell: Tell): Promise<void> {
    const wanted = backendGroup(config, image.name(), 'surge')
    const leftOver = await current(wanted.name)
    const fields = leftOver && groupFields(leftOver, wanted, await configured(wanted))
    if (fields?.length !== 0 || leftOver?.provisioningState === 'Failed')
      await put(wanted, mustReplace(fields ?? []), tell)
    try {
      await healthy(wanted, tell)
    } catch (thrown) {
      await drop(wanted.name, tell).catch((failure) =>
        tell(`${wanted.name} could not be deleted: ${messageOf(failure)}`),
      )
      if (!(thrown instanceof OpsError)) throw thrown
      throw new OpsError({
        ...thrown.failure,
        what: `${thrown.failure.what}. The old release is still serving`,
      })
    }
    if (proxied) await proxy.switchTo(surgeHost(config), releaseOf(wanted), tell)
  }

  function stillOnSurge(thrown: unknown): unknown {
    if (!(thrown instanceof OpsError)) return thrown
    return new OpsError({
      ...thrown.failure,
      what: `${thrown.failure.what}. The site is served by ${groupNames.surge}, which is healthy`,
    })
  }

  /** What each worker group needs, and which groups are one too many. */
  async function workersDifference(missing: boolean) {
    const wanted = workerNames(config).map((name) => workerGroup(config, image.name(), name))
    const each = await Promise.all(
      wanted.map(async (group) => ({ group, difference: await inspectGroup(group, missing) })),
    )
    const surplus = missing
      ? []
      : (await azure.groups())
          .map(({ name }) => name)
          .filter((name) => isWorkerName(name) && !wanted.some((group) => group.name === name))
          .sort()
    return { each, surplus }
  }

  const worker: Step = {
    id: 'worker',
    title: config.worker.count === 1 ? 'Worker container' : 'Worker containers',
    part: 'azure',
    // A release that the backend does not survive must not have reached the workers, which have no surge group.
    after: ['image', 'migrations', 'redis', 'backend'],
    async inspect(ahead) {
      const nothingYet = ahead.pending('data-tier') && !(await azure.registry())
      const { each, surplus } = await workersDifference(nothingYet)
      const subscription = subscriptionOf(await azure.account())
      const deletions = surplus.map((name) => deleteGroup(config, name, subscription))
      return together(
        each.map(({ group, difference }) => ({ name: group.name, difference })),
        surplus,
        deletions,
      )
    },
    async apply(_, tell) {
      const { each, surplus } = await workersDifference(false)
      // One after the other: the others go on taking jobs, and a release that does not run stops at the first.
      for (const { group, difference } of each) {
        if (difference.state === 'ok') continue
        await put(group, difference.state === 'change' && mustReplace(difference.fields ?? []), tell)
        await untilWorkerRuns(context, azure, group.name, tell)
      }
      for (const name of surplus) await drop(name, tell)
    },
  }
  return [backend, worker]
}

/** The differences of several groups as one; the fields name their group where there is more than one. */
function together(
  groups: { name: string; difference: Difference }[],
  surplus: string[],
  deletions: Command[],
): Difference {
  const open = groups.filter(({ difference }) => difference.state !== 'ok')
  const [first] = groups
  if (open.length + surplus.length === 0) {
    const because = first?.difference.state === 'ok' ? first.difference.because : ''
    return ok(groups.length > 1 ? `${groups.length} × ${because}` : because)
  }
  const named = groups.length + surplus.length > 1
  return {
    state:
      surplus.length === 0 && groups.every(({ difference }) => difference.state === 'create')
        ? 'create'
        : 'change',
    what: [
      ...open.map(({ difference }) => ('what' in difference ? difference.what : '')),
      ...surplus.map((name) => `delete ${name}: WORKER_COUNT is ${groups.length}`),
    ].join('; '),
    fields: open.flatMap(({ name, difference }) =>
      'what' in difference
        ? (difference.fields ?? []).map((field) =>
            named ? { ...field, name: `${name} ${field.name}` } : field,
          )
        : [],
    ),
    effects: [
      ...open.flatMap(({ difference }) => ('what' in difference ? difference.effects : [])),
      ...deletions,
    ],
  }
}
