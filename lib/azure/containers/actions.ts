import { getApplicationLogin } from '../../config/applicationLogin.ts'
import { rememberBackendHost } from '../../config/backendHost.ts'
import { revealSecret } from '../../config/secret.ts'
import type { Command } from '../../shell/command.ts'
import type { Context, Log } from '../../tasks/task.ts'
import { memoize } from '../../util/concurrency.ts'
import { type Arm, openArm } from '../arm.ts'
import type { Azure } from '../client.ts'
import {
  createGroup,
  deleteGroup,
  findHost,
  getHost,
  groupNames,
  readGroup,
} from '../resources/containerGroups.ts'
import { readRedisKey } from '../resources/redis.ts'
import { readRegistryCredentials } from '../resources/registry.ts'
import type { Action } from './plan.ts'
import { waitUntilGone, waitUntilProvisioned } from './provisioning.ts'
import { type GroupSecrets, groupFile, type WantedGroup } from './spec.ts'
import { type HealthReport, parseHealth, waitUntilHealthy, waitUntilWorkerRuns } from './waitFor.ts'

/** A group that a proxy is switched to. */
export interface Destination {
  group: string
  host: string
  release: string
}

/** A proxy in front of the backend that can be switched to another host: nginx on every server. */
export interface BackendProxy {
  /**
   * The host that it sends /api/ to; undefined when there is no proxy (yet). Servers that disagree, because a switch was cut
   * off, give all their hosts, separated by `, `. Throws when it cannot be read.
   */
  target(): Promise<string | undefined>
  /** @param host undefined while Azure has not named it; the command then leaves out what depends on it */
  linesTo(host: string | undefined): Promise<Command[]>
  /**
   * Switches it to a group once its host answers as this release. Returns when the switch has taken effect.
   * When it throws, the old host is still in use.
   */
  switchTo(to: Destination, log: Log): Promise<void>
  /**
   * Requests /health of the backend on a host from the proxy. Without a status there was no answer, and `body` says
   * why; `accepted` says whether there was a connection. Throws when the proxy itself does not answer.
   */
  health(host: string): Promise<{ status: number | undefined; body: string; accepted?: true }>
}

/** Whether any server sends requests to this host. */
export const isTarget = async (proxy: BackendProxy, host: string): Promise<boolean> =>
  (await proxy.target())?.split(', ').includes(host) ?? false

export type Executor = ReturnType<typeof createExecutor>

export function createExecutor(context: Context, azure: Azure, proxy: BackendProxy) {
  const { config, runner } = context
  /** The host names of the groups that this release has waited for. */
  const hosts = new Map<string, string>()
  const getRelease = ({ environment }: WantedGroup) => environment.RELEASE ?? ''
  const subscription = async () => (await azure.account()).id

  const readSecrets = memoize(async (): Promise<GroupSecrets> => {
    const [database, appSecretKey, redisKey, registry] = await Promise.all([
      getApplicationLogin(config, runner),
      revealSecret(config.backend.secretKey, runner),
      readRedisKey(context, azure),
      readRegistryCredentials(context, azure),
    ])
    return { database, appSecretKey, redisKey, registry }
  })

  const arm = openArm(context)

  /** Runs a command, then `wait`, whose token is fetched while the command runs. */
  async function change(command: Command, wait = async () => {}): Promise<void> {
    arm.subscription().catch(() => {})
    await runner
      .run(command)
      .then(wait)
      .finally(() => azure.forget('groups'))
  }

  const remove = async (name: string): Promise<void> =>
    change(deleteGroup(config, name, await subscription()), () => waitUntilGone(config, arm, name))

  async function create({ group, replace }: Action & { do: 'create' }, log: Log): Promise<void> {
    const { name } = group
    if (replace) {
      log(`deleting ${name}: it cannot be changed in place`)
      await remove(name)
    }
    log(`starting ${name}`)
    const file = groupFile(config, group, await readSecrets())
    await change(createGroup(config, name, file, await subscription()))
  }

  const route = (group: WantedGroup, log: Log): Promise<void> =>
    proxy.switchTo({ group: group.name, host: hosts.get(group.name)!, release: getRelease(group) }, log)

  /** For a plan: the host name that a group has and keeps. */
  async function getPlannedHost({ group: { name }, keepsHost }: Action & { do: 'route' }) {
    return keepsHost ? findHost((await azure.groups()).find((each) => each.name === name)) : undefined
  }

  async function askProxy(group: WantedGroup, host: string): Promise<HealthReport> {
    const { status, body, accepted } = await proxy.health(host)
    const from = 'requested from the VPS, it'
    if (status === undefined)
      return { ready: false, last: `${from} does not answer: ${body}`, ...(accepted ? { accepted } : {}) }
    return parseHealth(from, status, body, getRelease(group))
  }

  async function waitUntilWell(group: WantedGroup, log: Log): Promise<void> {
    const { name } = group
    // Until then, the previous container may answer.
    const shown = await waitUntilProvisioned(config, arm, name).finally(() => azure.forget('groups'))
    if (!group.public) return waitUntilWorkerRuns(context, azure, name, log)
    const host = findHost(shown) ?? (await waitForHost(context, azure, arm, name, log))
    hosts.set(name, host)
    if (name === groupNames.backend) rememberBackendHost(config, await subscription(), host)
    const about = { name, host, release: getRelease(group) }
    return waitUntilHealthy(context, azure, { ...about, fromElsewhere: () => askProxy(group, host) }, log)
  }

  return {
    /** The commands that `run` runs for an action. The files are complete only in `run`, which reads the keys. */
    async getCommands(action: Action): Promise<Command[]> {
      if (action.do === 'wait') return []
      if (action.do === 'route') return proxy.linesTo(await getPlannedHost(action))
      if (action.do === 'delete') return [deleteGroup(config, action.name, await subscription())]
      const { name } = action.group
      return [
        ...(action.replace ? [deleteGroup(config, name, await subscription())] : []),
        createGroup(config, name, '', await subscription()),
      ]
    },
    async run(action: Action, log: Log): Promise<void> {
      if (action.do === 'create') return create(action, log)
      if (action.do === 'wait') return waitUntilWell(action.group, log)
      if (action.do === 'route') return route(action.group, log)
      log(`deleting ${action.name}`)
      await remove(action.name)
    },
  }
}

/**
 * Azure may show a group without its address although it has created it (MicrosoftDocs/azure-docs#56250), and a
 * container that keeps crashing ends the wait before it has one. The container's log then says what is wrong.
 */
async function waitForHost(
  context: Context,
  azure: Azure,
  arm: Arm,
  name: string,
  log: Log,
): Promise<string> {
  await waitUntilWorkerRuns(context, azure, name, log)
  const again = await readGroup(context.config, arm, name)
  return getHost(again ?? { name, containers: [] })
}
