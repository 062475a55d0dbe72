import { setTimeout as pause } from 'node:timers/promises'
import { messageOf, OpsError } from '../command/errors.ts'
import { backendPort, hostOfLabel } from '../config/backend.ts'
import type { Config } from '../config/config.ts'
import type { Context } from '../steps/context.ts'
import type { Tell } from '../steps/step.ts'
import { azLook } from './az.ts'
import type { ContainerGroup } from './containerGroup.ts'
import { type Azure, subscriptionOf } from './resources.ts'

/** As often as a group may restart before waiting for it is given up: it will not get better by itself. */
const crashLoop = 3

/**
 * Waits until the backend's own URL says that it is healthy, and that it is this release (when /health names one).
 * The URL decides; the control plane is asked now and then only to see a crash loop early.
 * Throws with the last 50 log lines when the time is over.
 */
export async function untilBackendHealthy(
  context: Context,
  azure: Azure,
  group: { name: string; label: string; release: string; restartsBefore?: number },
  tell: Tell,
): Promise<void> {
  const url = healthUrl(context.config, group.label)
  let last = 'no answer yet'
  await untilTrue(context, azure, group, tell, async () => {
    try {
      const answer = await context.runner.request({ method: 'GET', url, effect: 'read', timeoutMs: 5000 })
      const release = releaseOf(answer.body)
      last = `${url} says ${answer.status}${release ? ` (release ${release})` : ''}`
      if (answer.status !== 200) return { ready: false, last: `${last} ${answer.body.slice(0, 300)}` }
      return { ready: release === undefined || release === group.release, last }
    } catch (thrown) {
      last = `${url}: ${messageOf(thrown)}`
      return { ready: false, last }
    }
  })
}

/** Waits until the worker is seen running three times in a row without a restart in between. */
export async function untilWorkerRuns(
  context: Context,
  azure: Azure,
  name: string,
  tell: Tell,
  restartsBefore = 0,
): Promise<void> {
  let steady = 0
  let restarts: number | undefined
  await untilTrue(context, azure, { name, restartsBefore }, tell, async () => {
    const group = await showGroup(context, azure, name)
    const view = group?.containers[0]?.instanceView
    const state = view?.currentState?.state ?? 'unknown'
    const calm = state === 'Running' && (restarts === undefined || view?.restartCount === restarts)
    steady = calm ? steady + 1 : 0
    restarts = view?.restartCount
    return {
      ready: steady >= 3,
      last: `${name} is ${state}${view?.restartCount ? `, ${view.restartCount} restarts` : ''}`,
    }
  })
}

/** Waits until the container runs since another time than before: Azure says that a restart is taken, not that it is done. */
export async function untilStartedAnew(
  context: Context,
  azure: Azure,
  group: { name: string; startedBefore: string | undefined; restartsBefore: number },
  tell: Tell,
): Promise<void> {
  const { name, startedBefore } = group
  await untilTrue(context, azure, group, tell, async () => {
    const { state, startTime } =
      (await showGroup(context, azure, name))?.containers[0]?.instanceView?.currentState ?? {}
    return {
      ready: state === 'Running' && startTime !== undefined && startTime !== startedBefore,
      last: `${name} is ${state ?? 'unknown'}, started ${startTime ?? 'at an unknown time'}`,
    }
  })
}

export const healthUrl = (config: Config, label: string): string =>
  `http://${hostOfLabel(config, label)}:${backendPort}/health`

async function untilTrue(
  context: Context,
  azure: Azure,
  { name, restartsBefore = 0 }: { name: string; restartsBefore?: number },
  tell: Tell,
  probe: () => Promise<{ ready: boolean; last: string }>,
): Promise<void> {
  const { healthyWithinSeconds } = context.config.backend
  const deadline = Date.now() + healthyWithinSeconds * 1000
  let told = ''
  for (let round = 1; Date.now() < deadline; round++) {
    const { ready, last } = await probe()
    if (ready) return
    if (last !== told) tell(last)
    told = last
    if (round % 8 === 0) await throwIfCrashing(context, azure, name, restartsBefore)
    await pause(1000)
  }
  throw new OpsError({
    what: `${name} did not get healthy within ${healthyWithinSeconds} s: ${told}`,
    said: await logTail(context, azure, name),
    next: 'Mend the application (its last log lines are above), then run the same line again.',
    application: true,
  })
}

/** A group that is restarted, and not made anew, keeps the count of its life. */
async function throwIfCrashing(
  context: Context,
  azure: Azure,
  name: string,
  restartsBefore: number,
): Promise<void> {
  const group = await showGroup(context, azure, name)
  const view = group?.containers[0]?.instanceView
  const restarts = (view?.restartCount ?? 0) - restartsBefore
  if (restarts < crashLoop) return
  const { state, exitCode, detailStatus } = view?.currentState ?? {}
  throw new OpsError({
    what: `${name} crashes again and again (${restarts} restarts; ${state ?? ''} ${detailStatus ?? ''} exit ${exitCode ?? '?'})`,
    said: await logTail(context, azure, name),
    next: 'Mend the application (its last log lines are above), then run the same line again.',
    application: true,
  })
}

export async function showGroup(
  context: Context,
  azure: Azure,
  name: string,
): Promise<ContainerGroup | undefined> {
  const { resourceGroup } = context.config.azure
  const subscription = subscriptionOf(await azure.account())
  const { code, stdout } = await context.runner.run(
    azLook(['container', 'show', '--resource-group', resourceGroup, '--name', name, ...subscription]),
  )
  return code === 0 ? (JSON.parse(stdout) as ContainerGroup) : undefined
}

/** The last 50 lines that the container wrote. */
export async function logTail({ runner, config }: Context, azure: Azure, name: string): Promise<string> {
  const { resourceGroup } = config.azure
  const subscription = subscriptionOf(await azure.account())
  const { stdout, stderr } = await runner.run(
    azLook(['container', 'logs', '--resource-group', resourceGroup, '--name', name, ...subscription], {
      accept: [0, 1, 3],
    }),
  )
  return (stdout || stderr || `${name} has written no log`).trimEnd().split('\n').slice(-50).join('\n')
}

function releaseOf(body: string): string | undefined {
  try {
    const { release } = JSON.parse(body) as { release?: unknown }
    return typeof release === 'string' && release !== '' ? release : undefined
  } catch {
    return undefined
  }
}
