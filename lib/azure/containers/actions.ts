import { getContainerHost } from '../../config/config.ts'
import { revealSecret } from '../../config/secret.ts'
import type { Command } from '../../shell/command.ts'
import type { Context, Log } from '../../tasks/task.ts'
import type { Azure } from '../client.ts'
import { createGroup, deleteGroup } from '../resources/containerGroups.ts'
import { readRedisKey } from '../resources/redis.ts'
import { readRegistryCredentials } from '../resources/registry.ts'
import type { Action } from './plan.ts'
import { type GroupSecrets, groupFile, type WantedGroup } from './spec.ts'
import { type HealthReport, parseHealth, waitUntilHealthy, waitUntilWorkerRuns } from './waitFor.ts'

/** A proxy in front of the backend that can be switched to another host: nginx on the VPS. */
export interface BackendProxy {
  /** The host that it sends /api/ to; undefined when there is no proxy (yet). Throws when it cannot be read. */
  target(): Promise<string | undefined>
  /** The commands that switch it to this host. */
  linesTo(host: string): Promise<Command[]>
  /**
   * Switches it to a host once that host answers as this release; returns when the switch is in effect.
   * When it throws, the old host is still in effect.
   */
  switchTo(host: string, release: string, tell: Log): Promise<void>
  /**
   * Requests /health of the backend on a host from the proxy. Without a status there was no answer, and `body` says why;
   * `accepted`: there was a connection.
   * Throws when the proxy itself does not answer.
   */
  health(host: string): Promise<{ status: number | undefined; body: string; accepted?: true }>
}

export type Executor = ReturnType<typeof createExecutor>

/** Turns actions into commands, and runs them. */
export function createExecutor(context: Context, azure: Azure, proxy: BackendProxy) {
  const { config, runner } = context
  const getHost = ({ public: open }: WantedGroup) => getContainerHost(config, open?.dnsLabel ?? '')
  const getRelease = ({ environment }: WantedGroup) => environment.RELEASE ?? ''
  const subscription = async () => (await azure.account()).id

  let secrets: Promise<GroupSecrets> | undefined
  function readSecrets(): Promise<GroupSecrets> {
    secrets ??= (async () => {
      const [databasePassword, appSecretKey, key, registry] = await Promise.all([
        revealSecret(config.postgres.password, runner),
        revealSecret(config.backend.secretKey, runner),
        readRedisKey(context, azure),
        readRegistryCredentials(context, azure),
      ])
      return { databasePassword, appSecretKey, redisKey: key, registry }
    })()
    return secrets
  }

  async function create(group: WantedGroup, replace: boolean, tell: Log): Promise<void> {
    try {
      if (replace) {
        tell(`deleting ${group.name}: its size cannot be changed in place`)
        await runner.run(deleteGroup(config, group.name, await subscription()))
      }
      tell(`starting ${group.name}`)
      const file = groupFile(config, group, await readSecrets())
      await runner.run(createGroup(config, group.name, file, await subscription()))
    } finally {
      azure.forget('groups')
    }
  }

  async function remove(name: string, tell: Log): Promise<void> {
    tell(`deleting ${name}`)
    try {
      await runner.run(deleteGroup(config, name, await subscription()))
    } finally {
      azure.forget('groups')
    }
  }

  async function askProxy(group: WantedGroup): Promise<HealthReport> {
    const { status, body, accepted } = await proxy.health(getHost(group))
    const from = 'asked from the VPS, it'
    if (status === undefined)
      return { ready: false, last: `${from} gives no answer: ${body}`, ...(accepted ? { accepted } : {}) }
    return parseHealth(from, status, body, getRelease(group))
  }

  const waitUntilWell = (group: WantedGroup, tell: Log): Promise<void> =>
    group.public
      ? waitUntilHealthy(
          context,
          azure,
          {
            name: group.name,
            label: group.public.dnsLabel,
            release: getRelease(group),
            fromElsewhere: () => askProxy(group),
          },
          tell,
        )
      : waitUntilWorkerRuns(context, azure, group.name, tell)

  return {
    /** The commands that `run` runs for an action. The files are complete only in `run`, which reads the keys. */
    async getCommands(action: Action): Promise<Command[]> {
      switch (action.do) {
        case 'create': {
          const created = createGroup(config, action.group.name, '', await subscription())
          return action.replace
            ? [deleteGroup(config, action.group.name, await subscription()), created]
            : [created]
        }
        case 'wait':
          return []
        case 'route':
          return proxy.linesTo(getHost(action.group))
        case 'delete':
          return [deleteGroup(config, action.name, await subscription())]
      }
    },
    async run(action: Action, tell: Log): Promise<void> {
      switch (action.do) {
        case 'create':
          return create(action.group, action.replace, tell)
        case 'wait':
          return waitUntilWell(action.group, tell)
        case 'route':
          return proxy.switchTo(getHost(action.group), getRelease(action.group), tell)
        case 'delete':
          return remove(action.name, tell)
      }
    },
  }
}
