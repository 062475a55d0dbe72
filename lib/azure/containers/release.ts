import { surgeHost } from '../../config/endpoints.ts'
import { reveal } from '../../config/secret.ts'
import type { Context } from '../../tasks/context.ts'
import { type Ahead, type Log, ok, type Task } from '../../tasks/task.ts'
import { mapLimit } from '../../util/concurrency.ts'
import { getMessage, OpsError } from '../../util/errors.ts'
import type { Azure } from '../client.ts'
import type { Image } from '../image.ts'
import { groupNames, workerNames } from '../resources/containerGroups.ts'
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
  /** Says which image is wanted, once the steps before have found it. */
  image: Pick<Image, 'name'>
  proxy: BackendProxy
  /** False (the default): a VPS that does not answer does not stop the release of the core alone. */
  needsProxy?: boolean
  /** The old way: the backend is replaced where it stands, and requests may fail meanwhile. */
  inPlace?: boolean
}

/** Backend without downtime by a surge group (unless `inPlace`), workers in place. */
export function containerTasks(context: Context, azure: Azure, options: ReleaseOptions): Task[] {
  const mover = createExecutor(context, azure, options.proxy)
  return [backendStep(context, azure, mover, options), workerStep(context, azure, mover, options)]
}

function backendStep(
  context: Context,
  azure: Azure,
  mover: Mover,
  { image, proxy, needsProxy = false, inPlace = false }: ReleaseOptions,
): Task {
  const { config } = context
  const surgeName = groupNames.surge
  let moves: Move[] = []
  let serving: BackendNow['serving']
  let uncovered = false

  /** Once nginx may be on the surge group, not knowing where it stands is a failure. */
  async function servingNow(ahead: Ahead, surge: Seen | undefined): Promise<BackendNow['serving']> {
    const must = needsProxy || surge !== undefined
    const host = must ? await proxy.target() : await proxy.target().catch(() => undefined)
    if (host === surgeHost(config)) return 'surge'
    return host !== undefined || ahead.willChange('nginx-https') ? 'elsewhere' : undefined
  }

  /** Nothing that nginx sends requests to is deleted, whoever has pointed it there meanwhile. */
  async function assertNotServing(name: string): Promise<void> {
    if (serving === undefined || (await proxy.target()) !== surgeHost(config)) return
    throw new OpsError({
      what: `nginx sends /api/ to ${name} again, so it was not deleted`,
      next: 'See who else changes nginx on the VPS, then run the same line again.',
    })
  }

  async function perform(move: Move, tell: Log): Promise<void> {
    if (move.do === 'delete') await assertNotServing(move.name)
    await mover.perform(move, tell)
    if (move.do === 'serve') serving = move.group.name === surgeName ? 'surge' : 'elsewhere'
  }

  /** What the failure of a move means for who serves. A new release that is not healthy is taken away again. */
  async function consequence(move: Move, thrown: unknown, tell: Log): Promise<unknown> {
    if (!(thrown instanceof OpsError) || move.do === 'delete' || move.do === 'serve') return thrown
    const also = (words: string) =>
      new OpsError({ ...thrown.failure, what: `${thrown.failure.what}. ${words}` })
    if (move.group.name !== surgeName)
      return serving === 'surge' ? also(`The site is served by ${surgeName}, which is healthy`) : thrown
    if (serving === 'surge' || move.do === 'put') return thrown
    await mover
      .perform({ do: 'delete', name: surgeName }, tell)
      .catch((failure) => tell(`${surgeName} could not be deleted: ${getMessage(failure)}`))
    return also('The old release is still serving')
  }

  return {
    id: 'backend',
    title: 'Backend container',
    part: 'azure',
    after: ['image', 'migrations', 'redis'],
    async inspect(ahead) {
      const stable = backendGroup(config, image.name())
      const surge = backendGroup(config, image.name(), 'surge')
      const { of } = await groupsNow(context, azure, ahead)
      const [stableSeen, surgeSeen] = [await of(stable), await of(surge)]
      serving = await servingNow(ahead, surgeSeen)
      const now: BackendNow = { stable: stableSeen, surge: surgeSeen, serving, inPlace }
      moves = backendMoves(stable, surge, now)
      uncovered = requestsMayFail(now)
      if (moves.length === 0) return ok(describeRunning(stable))
      return {
        state: stableSeen || surgeSeen ? 'change' : 'create',
        what: describeBackend(stable, now),
        fields: backendFields(now),
        effects: await linesOf(mover, moves),
      }
    },
    async apply(_, tell) {
      if (uncovered) tell('requests may fail while the backend is replaced')
      for (const move of moves) {
        await perform(move, tell).catch(async (thrown) => {
          throw await consequence(move, thrown, tell)
        })
      }
    },
  }
}

/** How many worker groups are changed at once, after the first. */
const workersAtOnce = 4

function workerStep(context: Context, azure: Azure, mover: Mover, { image }: ReleaseOptions): Task {
  const { config } = context
  let moves: Move[] = []
  const one = config.worker.count === 1
  return {
    id: 'worker',
    title: one ? 'Worker container' : 'Worker containers',
    part: 'azure',
    // A release that the backend does not survive must not have reached the workers, which have no surge group.
    after: ['image', 'migrations', 'redis', 'backend'],
    async inspect(ahead) {
      const { of, names } = await groupsNow(context, azure, ahead)
      const groups = workerNames(config).map((name) => workerGroup(config, image.name(), name))
      const workers = await Promise.all(groups.map(async (group) => ({ group, seen: await of(group) })))
      moves = workerMoves(workers, names)
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
        effects: await linesOf(mover, moves),
      }
    },
    async apply(_, tell) {
      const deletions = moves.filter((move) => move.do === 'delete')
      const [first = [], ...rest] = Map.groupBy(
        moves.filter((move) => move.do !== 'delete'),
        ({ group }) => group.name,
      ).values()
      const perform = async (some: readonly Move[]) => {
        for (const move of some) await mover.perform(move, tell)
      }
      // The first by itself: a release that does not run stops there, and the others go on taking jobs.
      await perform(first)
      await mapLimit(workersAtOnce, rest, perform)
      await perform(deletions)
    },
  }
}

/** The groups as they are now; none where a plan knows that there is no resource group yet. */
async function groupsNow({ config, runner }: Context, azure: Azure, ahead: Ahead) {
  const nothingYet = ahead.willChange('data-tier') && !(await azure.registry())
  const groups = nothingYet ? [] : await azure.groups()
  return {
    names: groups.map(({ name }) => name),
    async of(wanted: WantedGroup): Promise<Seen | undefined> {
      const before = groups.find(({ name }) => name === wanted.name)
      if (!before) return undefined
      const password = await reveal(config.postgres.password, runner)
      const secretKey = await reveal(config.backend.secretKey, runner)
      const configuration = hashConfiguration(config, wanted, password, secretKey)
      return {
        fields: groupFields(before, wanted, configuration),
        state: before.provisioningState ?? 'Succeeded',
      }
    },
  }
}

const linesOf = async (mover: Mover, moves: readonly Move[]) =>
  (await Promise.all(moves.map((move) => mover.lines(move)))).flat()
