import { getContainerHost } from '../../config/endpoints.ts'
import { revealSecret } from '../../config/secret.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import type { Log } from '../../tasks/task.ts'
import { type Azure, subscriptionFlag } from '../client.ts'
import { createGroup, deleteGroup } from '../resources/containerGroups.ts'
import { readRedisKey } from '../resources/redis.ts'
import { readRegistryCredentials } from '../resources/registry.ts'
import type { Move } from './plan.ts'
import { type GroupSecrets, groupFile, type WantedGroup } from './spec.ts'
import { healthLook, type Look, untilWorkerRuns, waitUntilHealthy } from './waitFor.ts'

/** Whatever stands before the backend and can be pointed at another host: nginx on the VPS. */
export interface BackendProxy {
  /** The host it sends /api/ to; undefined when there is no such proxy (yet). Throws when it cannot be asked. */
  target(): Promise<string | undefined>
  /** What pointing it elsewhere runs. */
  linesTo(host: string): Promise<Command[]>
  /**
   * Points it elsewhere, once that host answers it as this release; returns when that is in force.
   * Throws with the old one still in force.
   */
  switchTo(host: string, release: string, tell: Log): Promise<void>
  /**
   * What /health of the backend on a host answers the proxy; without a status it heard nothing, and `body` says why;
   * `accepted`: there was a connection.
   * Throws when the proxy cannot be asked.
   */
  health(host: string): Promise<{ status: number | undefined; body: string; accepted?: true }>
}

export interface Mover {
  /** What a move changes, as the lines that `perform` runs; the files are complete only when the keys have been read. */
  lines(move: Move): Promise<Command[]>
  perform(move: Move, tell: Log): Promise<void>
}

/** Turns moves into lines, and runs them. */
export function createExecutor(context: Context, azure: Azure, proxy: BackendProxy): Mover {
  const { config, runner } = context
  const hostOf = ({ public: open }: WantedGroup) => getContainerHost(config, open?.dnsLabel ?? '')
  const releaseOf = ({ environment }: WantedGroup) => environment.RELEASE ?? ''
  const subscription = async () => subscriptionFlag(await azure.account())

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

  async function put(group: WantedGroup, replace: boolean, tell: Log): Promise<void> {
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

  async function drop(name: string, tell: Log): Promise<void> {
    tell(`deleting ${name}`)
    try {
      await runner.run(deleteGroup(config, name, await subscription()))
    } finally {
      azure.forget('groups')
    }
  }

  async function lookOfProxy(group: WantedGroup): Promise<Look> {
    const { status, body, accepted } = await proxy.health(hostOf(group))
    const from = 'asked from the VPS, it'
    if (status === undefined)
      return { ready: false, last: `${from} gives no answer: ${body}`, ...(accepted ? { accepted } : {}) }
    return healthLook(from, status, body, releaseOf(group))
  }

  const untilWell = (group: WantedGroup, tell: Log): Promise<void> =>
    group.public
      ? waitUntilHealthy(
          context,
          azure,
          {
            name: group.name,
            label: group.public.dnsLabel,
            release: releaseOf(group),
            fromElsewhere: () => lookOfProxy(group),
          },
          tell,
        )
      : untilWorkerRuns(context, azure, group.name, tell)

  return {
    async lines(move) {
      switch (move.do) {
        case 'put': {
          const create = createGroup(config, move.group.name, '', await subscription())
          return move.replace
            ? [deleteGroup(config, move.group.name, await subscription()), create]
            : [create]
        }
        case 'wait':
          return []
        case 'serve':
          return proxy.linesTo(hostOf(move.group))
        case 'delete':
          return [deleteGroup(config, move.name, await subscription())]
      }
    },
    async perform(move, tell) {
      switch (move.do) {
        case 'put':
          return put(move.group, move.replace, tell)
        case 'wait':
          return untilWell(move.group, tell)
        case 'serve':
          return proxy.switchTo(hostOf(move.group), releaseOf(move.group), tell)
        case 'delete':
          return drop(move.name, tell)
      }
    },
  }
}
