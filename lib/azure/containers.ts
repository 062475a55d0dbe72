import { type Command, secretFile } from '../command/command.ts'
import { messageOf, OpsError } from '../command/errors.ts'
import { stableHost, surgeHost } from '../config/backend.ts'
import type { Config } from '../config/config.ts'
import { reveal } from '../config/secret.ts'
import type { Context } from '../steps/context.ts'
import { type Difference, type Field, ok, type Step } from '../steps/step.ts'
import { azAct } from './az.ts'
import {
  backendGroup,
  type ContainerGroup,
  configurationOf,
  type GroupSecrets,
  groupFile,
  groupNames,
  type WantedGroup,
  workerGroup,
} from './containerGroup.ts'
import type { Image } from './image.ts'
import { type Azure, redisKey, registryLogin, subscriptionOf } from './resources.ts'
import { untilBackendHealthy, untilWorkerRuns } from './waiting.ts'

/** Whatever stands before the backend and can be pointed at another host: nginx on the VPS. */
export interface BackendProxy {
  /** The host it sends /api/ to; undefined when there is no such proxy (yet). Throws when it cannot be asked. */
  target(): Promise<string | undefined>
  /** Points it elsewhere and returns when that is in force. */
  switchTo(host: string, release: string, tell: (line: string) => void): Promise<void>
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

/**
 * Backend without downtime by a surge group, worker in place.
 * @param needsProxy false: a VPS that does not answer does not stop the release of the core alone
 */
export function containerSteps(
  context: Context,
  azure: Azure,
  image: Image,
  proxy: BackendProxy,
  needsProxy: boolean,
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

  async function put(wanted: WantedGroup, replace: boolean, tell: (line: string) => void): Promise<void> {
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

  async function drop(name: string, tell: (line: string) => void): Promise<void> {
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
        if (serving === undefined) tell('no nginx to switch: requests fail while the backend is replaced')
        if (!leftOver || serving !== surgeHost(config)) await surge(serving !== undefined, tell)
        switched ||= serving !== undefined
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

  const healthy = (wanted: WantedGroup, tell: (line: string) => void) =>
    untilBackendHealthy(
      context,
      azure,
      { name: wanted.name, label: wanted.public?.dnsLabel ?? '', release: releaseOf(wanted) },
      tell,
    )

  /** The new release beside the old one, and the proxy on it once it is healthy. The old one serves until then. */
  async function surge(proxied: boolean, tell: (line: string) => void): Promise<void> {
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

  const worker: Step = {
    id: 'worker',
    title: 'Worker container',
    part: 'azure',
    // A release that the backend does not survive must not have reached the worker, which has no surge group.
    after: ['image', 'migrations', 'redis', 'backend'],
    async inspect(ahead) {
      return inspectGroup(
        workerGroup(config, image.name()),
        ahead.pending('data-tier') && !(await azure.registry()),
      )
    },
    async apply(difference, tell) {
      const wanted = workerGroup(config, image.name())
      const replace = difference.state === 'change' && mustReplace(difference.fields ?? [])
      await put(wanted, replace, tell)
      await untilWorkerRuns(context, azure, wanted.name, tell)
    },
  }
  return [backend, worker]
}
