import { getContainerHost } from '../../config/config.ts'
import { revealSecret } from '../../config/secret.ts'
import type { Command } from '../../shell/command.ts'
import type { Context, Log } from '../../tasks/task.ts'
import { memoize } from '../../util/concurrency.ts'
import { openArm } from '../arm.ts'
import type { Azure } from '../client.ts'
import { createGroup, deleteGroup } from '../resources/containerGroups.ts'
import { readRedisKey } from '../resources/redis.ts'
import { readRegistryCredentials } from '../resources/registry.ts'
import type { Action } from './plan.ts'
import { waitUntilGone, waitUntilProvisioned } from './provisioning.ts'
import { type GroupSecrets, groupFile, type WantedGroup } from './spec.ts'
import { type HealthReport, parseHealth, waitUntilHealthy, waitUntilWorkerRuns } from './waitFor.ts'

/** A proxy in front of the backend that can be switched to another host: nginx on the VPS. */
export interface BackendProxy {
  /** The host that it sends /api/ to; undefined when there is no proxy (yet). Throws when it cannot be read. */
  target(): Promise<string | undefined>
  linesTo(host: string): Promise<Command[]>
  /**
   * Switches it to a host once that host answers as this release. Returns when the switch has taken effect.
   * When it throws, the old host is still in use.
   */
  switchTo(host: string, release: string, log: Log): Promise<void>
  /**
   * Requests /health of the backend on a host from the proxy. Without a status there was no answer, and `body` says
   * why; `accepted` says whether there was a connection. Throws when the proxy itself does not answer.
   */
  health(host: string): Promise<{ status: number | undefined; body: string; accepted?: true }>
}

export type Executor = ReturnType<typeof createExecutor>

export function createExecutor(context: Context, azure: Azure, proxy: BackendProxy) {
  const { config, runner } = context
  const getHost = ({ public: open }: WantedGroup) => getContainerHost(config, open?.dnsLabel ?? '')
  const getRelease = ({ environment }: WantedGroup) => environment.RELEASE ?? ''
  const subscription = async () => (await azure.account()).id

  const readSecrets = memoize(async (): Promise<GroupSecrets> => {
    const [databasePassword, appSecretKey, redisKey, registry] = await Promise.all([
      revealSecret(config.postgres.password, runner),
      revealSecret(config.backend.secretKey, runner),
      readRedisKey(context, azure),
      readRegistryCredentials(context, azure),
    ])
    return { databasePassword, appSecretKey, redisKey, registry }
  })

  const arm = openArm(context)

  /** Runs a command and the wait for what it started; the wait's token is fetched meanwhile. */
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
      log(`deleting ${name}: its size cannot be changed in place`)
      await remove(name)
    }
    log(`starting ${name}`)
    const file = groupFile(config, group, await readSecrets())
    await change(createGroup(config, name, file, await subscription()))
  }

  async function askProxy(group: WantedGroup): Promise<HealthReport> {
    const { status, body, accepted } = await proxy.health(getHost(group))
    const from = 'requested from the VPS, it'
    if (status === undefined)
      return { ready: false, last: `${from} does not answer: ${body}`, ...(accepted ? { accepted } : {}) }
    return parseHealth(from, status, body, getRelease(group))
  }

  async function waitUntilWell(group: WantedGroup, log: Log): Promise<void> {
    const { name } = group
    // Until then the container of before may answer.
    await waitUntilProvisioned(config, arm, name).finally(() => azure.forget('groups'))
    if (!group.public) return waitUntilWorkerRuns(context, azure, name, log)
    const about = { name, label: group.public.dnsLabel, release: getRelease(group) }
    return waitUntilHealthy(context, azure, { ...about, fromElsewhere: () => askProxy(group) }, log)
  }

  return {
    /** The commands that `run` runs for an action. The files are complete only in `run`, which reads the keys. */
    async getCommands(action: Action): Promise<Command[]> {
      if (action.do === 'wait') return []
      if (action.do === 'route') return proxy.linesTo(getHost(action.group))
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
      if (action.do === 'route') return proxy.switchTo(getHost(action.group), getRelease(action.group), log)
      log(`deleting ${action.name}`)
      await remove(action.name)
    },
  }
}
