import { getApplicationLogin } from '../../config/applicationLogin.ts'
import { type Config, formatAzLine, formatScriptLine } from '../../config/config.ts'
import { revealSecret } from '../../config/secret.ts'
import { assertStrong } from '../../config/strength.ts'
import { type Ahead, type Context, type Log, ok, type Task } from '../../tasks/task.ts'
import { mapLimit } from '../../util/concurrency.ts'
import { getMessage, OpsError, unknownError } from '../../util/errors.ts'
import type { Azure } from '../client.ts'
import type { Image } from '../image.ts'
import {
  type ContainerGroup,
  findHost,
  getImage,
  getTag,
  groupNames,
  isWorkerName,
  workerNames,
} from '../resources/containerGroups.ts'
import { type BackendProxy, createExecutor, type Executor, isTarget } from './actions.ts'
import {
  type Action,
  type BackendState,
  backendFields,
  type CurrentGroup,
  compareGroup,
  describeBackend,
  describeGroup,
  describeRunning,
  getFields,
  isRenamed,
  planBackend,
  planGroup,
  planWorkers,
  requestsMayFail,
  surplusWorkers,
} from './plan.ts'
import { backendGroup, hashConfiguration, type WantedGroup, workerGroup } from './spec.ts'

export interface ReleaseOptions {
  image: Task<Pick<Image, 'image'>>
  /** Other tasks that must run first: tables and Redis, or the choice of a release. */
  after?: readonly (Task | undefined)[]
  /**
   * The tasks that configure nginx on each server, if the same list has them: a release switches it to the surge group and
   * back. An nginx without a backend gets the host that Azure shows.
   */
  nginx?: readonly Task[] | undefined
  proxy: BackendProxy
  /** False (the default): the release of the containers alone continues when the VPS does not answer. */
  needsProxy?: boolean
  /** Replaces the backend in place; requests may fail meanwhile. */
  inPlace?: boolean
  /** Tests the new backend once it runs. */
  verify?(image: string, log: Log): Promise<void>
  /** Restores the previous images when the new one does not work; returns the failure to report. */
  recover?(thrown: unknown, wanted: string, before: RunningImages, log: Log): Promise<unknown>
}

/** The images that the backend and the workers run; undefined where there is none. */
export interface RunningImages {
  backend: string | undefined
  workers: string[]
}

/** What the release of the backend found, for its own actions and for the workers. */
interface BackendRelease {
  wanted: string
  /** The group as it was when the release started. */
  before: RunningImages
  actions: Action[]
  serving: BackendState['serving']
  uncovered: boolean
}

/** Releases the backend without downtime by a surge group (unless `inPlace`), and the workers in place. */
export function containerTasks(context: Context, azure: Azure, options: ReleaseOptions): [Task, Task] {
  const executor = createExecutor(context, azure, options.proxy)
  const backend = backendTask(context, azure, executor, options)
  return [backend, workerTask(context, azure, executor, { ...options, backend })]
}

export const workersTask = (context: Context, azure: Azure, options: ReleaseOptions): Task =>
  workerTask(context, azure, createExecutor(context, azure, options.proxy), options)

function backendTask(
  context: Context,
  azure: Azure,
  executor: Executor,
  { image, after = [], nginx = [], proxy, needsProxy = false, inPlace = false, ...hooks }: ReleaseOptions,
): Task<BackendRelease> {
  const { config } = context
  const surgeName = groupNames.surge

  /** Once nginx may use the surge group, or must be switched to another host name, an unknown target is a failure. */
  async function servingNow(
    ahead: Ahead,
    hosts: Hosts,
    { stable, surge }: Pick<BackendState, 'stable' | 'surge'>,
  ): Promise<BackendState['serving']> {
    const host = await proxy.target().catch((thrown) => {
      if (needsProxy || surge) throw thrown
      if (isRenamed(stable)) throw cannotFollow(config, thrown)
      return undefined
    })
    if (host === undefined && !nginx.some((task) => ahead.willChange(task))) return undefined
    const target = host ?? hosts.stable ?? ''
    if (target === hosts.surge) return 'surge'
    return target === hosts.stable ? 'stable' : 'elsewhere'
  }

  /** Runs an action and returns what serves afterwards. */
  async function perform(
    action: Action,
    serving: BackendState['serving'],
    log: Log,
  ): Promise<BackendState['serving']> {
    if (action.do === 'delete' && serving !== undefined) await assertNotServing(azure, proxy, action.name)
    await executor.run(action, log)
    if (action.do !== 'route') return serving
    return action.group.name === surgeName ? 'surge' : 'stable'
  }

  /** Adds to a failure which release still serves. Deletes a new release that is not healthy. */
  async function consequence(
    action: Action,
    serving: BackendState['serving'],
    thrown: unknown,
    log: Log,
  ): Promise<unknown> {
    if (!(thrown instanceof OpsError) || action.do === 'delete' || action.do === 'route') return thrown
    const also = (words: string) =>
      new OpsError({ ...thrown.failure, what: `${thrown.failure.what}. ${words}` })
    if (action.group.name !== surgeName)
      return serving === 'surge' ? also(`The site is served by ${surgeName}, which is healthy`) : thrown
    if (serving === 'surge' || action.do === 'create') return thrown
    await executor
      .run({ do: 'delete', name: surgeName }, log)
      .catch((failure) => log(`${surgeName} could not be deleted: ${getMessage(failure)}`))
    return also('The old release is still serving')
  }

  return {
    id: 'backend',
    title: 'Backend container',
    part: 'azure',
    after: [image, ...after, ...nginx],
    async inspect(ahead) {
      const { of, running, hosts } = await readGroups(context, azure)
      const { image: wanted } = ahead.fact(image)
      const stable = backendGroup(config, wanted)
      const surge = backendGroup(config, wanted, 'surge')
      const [stableSeen, surgeSeen] = [await of(stable), await of(surge)]
      const groups = { stable: stableSeen, surge: surgeSeen }
      if (!stableSeen && !surgeSeen) await assertStrong([config.backend.secretKey], context.runner)
      const serving = await servingNow(ahead, hosts, groups)
      const now: BackendState = { ...groups, serving, inPlace }
      const actions = planBackend(stable, surge, now)
      if (serving === 'elsewhere' && surgeSeen && changes(actions, surgeName))
        await assertNotSplit(proxy, hosts.surge, surgeSeen, wanted)
      const fact = { wanted, before: running, actions, serving, uncovered: requestsMayFail(now) }
      if (actions.length === 0) return { ...ok(describeRunning(stable)), fact }
      return {
        state: stableSeen || surgeSeen ? 'change' : 'create',
        what: describeBackend(stable, now),
        fields: backendFields(now),
        fact,
        effects: await getCommands(executor, actions),
      }
    },
    async apply({ fact }, log) {
      const { wanted, actions, serving: atFirst, uncovered } = fact!
      let serving = atFirst
      if (uncovered) log('requests may fail while the backend is replaced')
      for (const action of actions) {
        serving = await perform(action, serving, log).catch(async (thrown) => {
          throw await consequence(action, serving, thrown, log)
        })
      }
      await hooks.verify?.(wanted, log)
    },
    async onFailure(thrown, { change: { fact } }, log) {
      return hooks.recover ? hooks.recover(thrown, fact!.wanted, fact!.before, log) : thrown
    },
  }
}

/** The release would succeed, but nginx would still send requests to the old name, where nothing answers. */
const cannotFollow = ({ azure }: Config, thrown: unknown): OpsError =>
  unknownError(
    'The release gives the backend another host name, but nginx cannot be switched to it: the VPS does not answer',
    getMessage(thrown),
    `Make the VPS reachable (${formatScriptLine('doctor', '--only', 'login')}), then run this command again. Without a VPS, delete the group first: ${formatAzLine(`az container delete --resource-group ${azure.resourceGroup} --name ${groupNames.backend} --yes`)}`,
  )

/** Refuses to delete a group that nginx sends requests to, no matter who switched it there. */
async function assertNotServing(azure: Azure, proxy: BackendProxy, name: string): Promise<void> {
  const host = findHost((await azure.groups()).find((group) => group.name === name))
  if (host === undefined || !(await isTarget(proxy, host))) return
  throw new OpsError({
    what: `nginx sends /api/ to ${name} again, so it was not deleted`,
    next: 'Find out who else changes nginx on the VPS, then run this command again.',
  })
}

const changes = (actions: readonly Action[], name: string): boolean =>
  actions.some((action) => action.do === 'create' && action.group.name === name)

/**
 * Refuses to change the surge group while some servers send requests to it and others do not: an interrupted switch, after
 * which another release is wanted.
 */
async function assertNotSplit(
  proxy: BackendProxy,
  surgeHost: string | undefined,
  { fields }: CurrentGroup,
  wanted: string,
): Promise<void> {
  if (fields.length === 0 || surgeHost === undefined || !(await isTarget(proxy, surgeHost))) return
  const tag = getTag(fields.find(({ name }) => name === 'image')?.before ?? wanted)
  throw new OpsError({
    what: `An interrupted release left the servers with different backends, and ${groupNames.surge}, which some of them use, would be changed`,
    said: `nginx sends /api/ to ${await proxy.target()}`,
    next: `Finish that release first, with the settings that it had: ${formatScriptLine('rollback', 'backend', '--to', tag)}`,
  })
}

/** How many worker groups are changed at once, after the first. */
const workersAtOnce = 4

function workerTask(
  context: Context,
  azure: Azure,
  executor: Executor,
  { image, after = [], recover, backend }: ReleaseOptions & { backend?: Task<BackendRelease> },
): Task<Pick<BackendRelease, 'wanted' | 'before' | 'actions'>> {
  const { config } = context
  const one = config.worker.count === 1
  return {
    id: 'worker',
    title: one ? 'Worker container' : 'Worker containers',
    part: 'azure',
    // A release that fails in the backend must not reach the workers, which have no surge group.
    after: [image, ...after, backend],
    async inspect(ahead) {
      const { of, names, running } = await readGroups(context, azure)
      const { image: wanted } = ahead.fact(image)
      const groups = workerNames(config).map((name) => workerGroup(config, wanted, name))
      const workers = await Promise.all(groups.map(async (group) => ({ group, seen: await of(group) })))
      const actions = planWorkers(workers, names)
      const before = backend && !ahead.isUnknown(backend) ? ahead.fact(backend).before : running
      if (actions.length === 0) return ok(`${one ? '' : `${groups.length} × `}${describeRunning(groups[0]!)}`)
      const surplus = surplusWorkers(workers, names)
      const open = workers.filter(({ group, seen }) => planGroup(group, seen).length > 0)
      const named = workers.length + surplus.length > 1
      return {
        state: surplus.length === 0 && workers.every(({ seen }) => !seen) ? 'create' : 'change',
        what: [
          ...open.map(({ group, seen }) => describeGroup(group, seen)),
          ...surplus.map((name) => `delete ${name}: WORKER_COUNT is ${groups.length}`),
        ].join('; '),
        fields: open.flatMap(({ group, seen }) =>
          getFields(seen).map((field) => (named ? { ...field, name: `${group.name} ${field.name}` } : field)),
        ),
        fact: { wanted, before, actions },
        effects: await getCommands(executor, actions),
      }
    },
    async apply({ fact }, log) {
      const { actions } = fact!
      const deletions = actions.filter((action) => action.do === 'delete')
      const [first = [], ...rest] = Map.groupBy(
        actions.filter((action) => action.do !== 'delete'),
        ({ group }) => group.name,
      ).values()
      const perform = async (some: readonly Action[]) => {
        for (const action of some) await executor.run(action, log)
      }
      // Change the first worker alone: a release that does not run stops there, and the other workers
      // continue to take jobs.
      await perform(first)
      await mapLimit(workersAtOnce, rest, perform)
      await perform(deletions)
    },
    async onFailure(thrown, { change: { fact } }, log) {
      return recover ? recover(thrown, fact!.wanted, fact!.before, log) : thrown
    },
  }
}

/** The host names of the backend's groups; undefined for a group that does not exist. */
interface Hosts {
  stable: string | undefined
  surge: string | undefined
}

async function readGroups({ config, runner }: Context, azure: Azure) {
  const groups = await azure.groups()
  return {
    names: groups.map(({ name }) => name),
    hosts: {
      stable: findHost(groups.find(({ name }) => name === groupNames.backend)),
      surge: findHost(groups.find(({ name }) => name === groupNames.surge)),
    } satisfies Hosts,
    running: runningImages(groups),
    async of(wanted: WantedGroup): Promise<CurrentGroup | undefined> {
      const before = groups.find(({ name }) => name === wanted.name)
      if (!before) return undefined
      const login = await getApplicationLogin(config, runner)
      const secretKey = await revealSecret(config.backend.secretKey, runner)
      const configuration = hashConfiguration(config, wanted, login, secretKey)
      return {
        fields: compareGroup(before, wanted, configuration),
        state: before.provisioningState ?? 'Succeeded',
      }
    },
  }
}

function runningImages(groups: readonly ContainerGroup[]): RunningImages {
  const stable = groups.find(({ name }) => name === groupNames.backend)
  const workers = groups.filter(({ name }) => isWorkerName(name))
  return {
    backend: (stable && getImage(stable)) || undefined,
    workers: workers.map(getImage).filter(Boolean),
  }
}

const getCommands = async (executor: Executor, actions: readonly Action[]) =>
  (await Promise.all(actions.map((action) => executor.getCommands(action)))).flat()
