import { surgeHost } from '../../config/endpoints.ts'
import { revealSecret } from '../../config/secret.ts'
import type { Context } from '../../tasks/context.ts'
import { type Ahead, type Log, ok, type Task } from '../../tasks/task.ts'
import { mapLimit } from '../../util/concurrency.ts'
import { getMessage, OpsError } from '../../util/errors.ts'
import type { Azure } from '../client.ts'
import type { Image } from '../image.ts'
import {
  type ContainerGroup,
  getImage,
  groupNames,
  isWorkerName,
  workerNames,
} from '../resources/containerGroups.ts'
import { type BackendProxy, createExecutor, type Mover } from './actions.ts'
import {
  type BackendNow,
  backendFields,
  backendMoves,
  describeBackend,
  describeGroup,
  describeRunning,
  groupFields,
  type Move,
  movesTo,
  requestsMayFail,
  type Seen,
  surplusWorkers,
  toFields,
  workerMoves,
} from './plan.ts'
import { backendGroup, hashConfiguration, type WantedGroup, workerGroup } from './spec.ts'

export interface ReleaseOptions {
  /** Gives the image that is wanted. */
  image: Task<Pick<Image, 'image'>>
  /** What else must be there first: tables and Redis, or the choice of a release. */
  after?: readonly (Task | undefined)[]
  /** The data tier where the same list makes it: until then there are no groups. */
  tier?: Task | undefined
  /** nginx where the same list configures it: a release switches it to and fro. */
  nginx?: Task | undefined
  proxy: BackendProxy
  /** False (the default): a VPS that does not answer does not stop the release of the core alone. */
  needsProxy?: boolean
  /** The old way: the backend is replaced where it stands, and requests may fail meanwhile. */
  inPlace?: boolean
  /** Tests the new backend once it runs. */
  verify?(image: string, log: Log): Promise<void>
  /** Puts the images of before back when the new one turns out not to work; gives the failure to report. */
  recover?(thrown: unknown, wanted: string, before: RunningImages, log: Log): Promise<unknown>
}

/** The images that backend and workers run; undefined where there is none. */
export interface RunningImages {
  backend: string | undefined
  workers: string[]
}

/** What the release of the backend goes by, and what it leaves to the workers. */
interface BackendRelease {
  wanted: string
  /** As it was when the release started. */
  before: RunningImages
  moves: Move[]
  serving: BackendNow['serving']
  uncovered: boolean
}

/** Backend without downtime by a surge group (unless `inPlace`), workers in place. */
export function containerTasks(context: Context, azure: Azure, options: ReleaseOptions): [Task, Task] {
  const mover = createExecutor(context, azure, options.proxy)
  const backend = backendTask(context, azure, mover, options)
  return [backend, workerTask(context, azure, mover, { ...options, backend })]
}

/** The workers alone. */
export const workersTask = (context: Context, azure: Azure, options: ReleaseOptions): Task =>
  workerTask(context, azure, createExecutor(context, azure, options.proxy), options)

function backendTask(
  context: Context,
  azure: Azure,
  mover: Mover,
  { image, after = [], tier, nginx, proxy, needsProxy = false, inPlace = false, ...hooks }: ReleaseOptions,
): Task<BackendRelease> {
  const { config } = context
  const surgeName = groupNames.surge

  /** Once nginx may be on the surge group, not knowing where it stands is a failure. */
  async function servingNow(ahead: Ahead, surge: Seen | undefined): Promise<BackendNow['serving']> {
    const must = needsProxy || surge !== undefined
    const host = must ? await proxy.target() : await proxy.target().catch(() => undefined)
    if (host === surgeHost(config)) return 'surge'
    return host !== undefined || ahead.willChange(nginx) ? 'elsewhere' : undefined
  }

  /** Nothing that nginx sends requests to is deleted, whoever has pointed it there meanwhile. */
  async function assertNotServing(name: string, serving: BackendNow['serving']): Promise<void> {
    if (serving === undefined || (await proxy.target()) !== surgeHost(config)) return
    throw new OpsError({
      what: `nginx sends /api/ to ${name} again, so it was not deleted`,
      next: 'See who else changes nginx on the VPS, then run the same line again.',
    })
  }

  /** Gives who serves after the move. */
  async function perform(
    move: Move,
    serving: BackendNow['serving'],
    log: Log,
  ): Promise<BackendNow['serving']> {
    if (move.do === 'delete') await assertNotServing(move.name, serving)
    await mover.perform(move, log)
    if (move.do !== 'serve') return serving
    return move.group.name === surgeName ? 'surge' : 'elsewhere'
  }

  /** What the failure of a move means for who serves. A new release that is not healthy is taken away again. */
  async function consequence(
    move: Move,
    serving: BackendNow['serving'],
    thrown: unknown,
    log: Log,
  ): Promise<unknown> {
    if (!(thrown instanceof OpsError) || move.do === 'delete' || move.do === 'serve') return thrown
    const also = (words: string) =>
      new OpsError({ ...thrown.failure, what: `${thrown.failure.what}. ${words}` })
    if (move.group.name !== surgeName)
      return serving === 'surge' ? also(`The site is served by ${surgeName}, which is healthy`) : thrown
    if (serving === 'surge' || move.do === 'put') return thrown
    await mover
      .perform({ do: 'delete', name: surgeName }, log)
      .catch((failure) => log(`${surgeName} could not be deleted: ${getMessage(failure)}`))
    return also('The old release is still serving')
  }

  return {
    id: 'backend',
    title: 'Backend container',
    part: 'azure',
    after: [image, ...after, nginx],
    async inspect(ahead) {
      const { of, running } = await groupsNow(context, azure, tier, ahead)
      const { image: wanted } = ahead.fact(image)
      const stable = backendGroup(config, wanted)
      const surge = backendGroup(config, wanted, 'surge')
      const [stableSeen, surgeSeen] = [await of(stable), await of(surge)]
      const serving = await servingNow(ahead, surgeSeen)
      const now: BackendNow = { stable: stableSeen, surge: surgeSeen, serving, inPlace }
      const moves = backendMoves(stable, surge, now)
      const fact = { wanted, before: running, moves, serving, uncovered: requestsMayFail(now) }
      if (moves.length === 0) return { ...ok(describeRunning(stable)), fact }
      return {
        state: stableSeen || surgeSeen ? 'change' : 'create',
        what: describeBackend(stable, now),
        fields: backendFields(now),
        fact,
        effects: await linesOf(mover, moves),
      }
    },
    async apply({ fact }, log) {
      const { wanted, moves, serving: atFirst, uncovered } = fact!
      let serving = atFirst
      if (uncovered) log('requests may fail while the backend is replaced')
      for (const move of moves) {
        serving = await perform(move, serving, log).catch(async (thrown) => {
          throw await consequence(move, serving, thrown, log)
        })
      }
      await hooks.verify?.(wanted, log)
    },
    async onFailure(thrown, { change: { fact } }, log) {
      return hooks.recover ? hooks.recover(thrown, fact!.wanted, fact!.before, log) : thrown
    },
  }
}

/** How many worker groups are changed at once, after the first. */
const workersAtOnce = 4

/** What the release of the workers goes by. */
interface WorkerRelease {
  wanted: string
  before: RunningImages
  moves: Move[]
}

function workerTask(
  context: Context,
  azure: Azure,
  mover: Mover,
  { image, after = [], tier, recover, backend }: ReleaseOptions & { backend?: Task<BackendRelease> },
): Task<WorkerRelease> {
  const { config } = context
  const one = config.worker.count === 1
  return {
    id: 'worker',
    title: one ? 'Worker container' : 'Worker containers',
    part: 'azure',
    // A release that the backend does not survive must not have reached the workers, which have no surge group.
    after: [image, ...after, backend],
    async inspect(ahead) {
      const { of, names, running } = await groupsNow(context, azure, tier, ahead)
      const { image: wanted } = ahead.fact(image)
      const groups = workerNames(config).map((name) => workerGroup(config, wanted, name))
      const workers = await Promise.all(groups.map(async (group) => ({ group, seen: await of(group) })))
      const moves = workerMoves(workers, names)
      const before = backend && !ahead.isUnknown(backend) ? ahead.fact(backend).before : running
      if (moves.length === 0) return ok(`${one ? '' : `${groups.length} × `}${describeRunning(groups[0]!)}`)
      const surplus = surplusWorkers(workers, names)
      const open = workers.filter(({ group, seen }) => movesTo(group, seen).length > 0)
      const named = workers.length + surplus.length > 1
      return {
        state: surplus.length === 0 && workers.every(({ seen }) => !seen) ? 'create' : 'change',
        what: [
          ...open.map(({ group, seen }) => describeGroup(group, seen)),
          ...surplus.map((name) => `delete ${name}: WORKER_COUNT is ${groups.length}`),
        ].join('; '),
        fields: open.flatMap(({ group, seen }) =>
          toFields(seen).map((field) => (named ? { ...field, name: `${group.name} ${field.name}` } : field)),
        ),
        fact: { wanted, before, moves },
        effects: await linesOf(mover, moves),
      }
    },
    async apply({ fact }, log) {
      const { moves } = fact!
      const deletions = moves.filter((move) => move.do === 'delete')
      const [first = [], ...rest] = Map.groupBy(
        moves.filter((move) => move.do !== 'delete'),
        ({ group }) => group.name,
      ).values()
      const perform = async (some: readonly Move[]) => {
        for (const move of some) await mover.perform(move, log)
      }
      // The first by itself: a release that does not run stops there, and the others go on taking jobs.
      await perform(first)
      await mapLimit(workersAtOnce, rest, perform)
      await perform(deletions)
    },
    async onFailure(thrown, { change: { fact } }, log) {
      return recover ? recover(thrown, fact!.wanted, fact!.before, log) : thrown
    },
  }
}

/** The groups as they are now; none where a plan knows that there is no resource group yet. */
async function groupsNow({ config, runner }: Context, azure: Azure, tier: Task | undefined, ahead: Ahead) {
  const nothingYet = ahead.willChange(tier) && !(await azure.registry())
  const groups = nothingYet ? [] : await azure.groups()
  return {
    names: groups.map(({ name }) => name),
    running: runningImages(groups),
    async of(wanted: WantedGroup): Promise<Seen | undefined> {
      const before = groups.find(({ name }) => name === wanted.name)
      if (!before) return undefined
      const password = await revealSecret(config.postgres.password, runner)
      const secretKey = await revealSecret(config.backend.secretKey, runner)
      const configuration = hashConfiguration(config, wanted, password, secretKey)
      return {
        fields: groupFields(before, wanted, configuration),
        state: before.provisioningState ?? 'Succeeded',
      }
    },
  }
}

function runningImages(groups: readonly ContainerGroup[]): RunningImages {
  const stable = groups.find(({ name }) => name === groupNames.backend)
  const workers = groups
    .filter(({ name }) => isWorkerName(name))
    .map(getImage)
    .filter(Boolean)
  return { backend: (stable && getImage(stable)) || undefined, workers }
}

const linesOf = async (mover: Mover, moves: readonly Move[]) =>
  (await Promise.all(moves.map((move) => mover.lines(move)))).flat()
