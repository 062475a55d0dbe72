import type { Config } from '../../config/config.ts'
import { backendPort, getContainerHost, parseRelease } from '../../config/endpoints.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import { wasAccepted } from '../../net/http.ts'
import type { Context } from '../../tasks/context.ts'
import type { Log } from '../../tasks/task.ts'
import { getMessage, OpsError, unknownError } from '../../util/errors.ts'
import { formatCount, formatDuration } from '../../util/format.ts'
import { poll } from '../../util/poll.ts'
import { az } from '../cli.ts'
import { type Azure, subscriptionFlag } from '../client.ts'
import { type ContainerGroup, showGroup } from '../resources/containerGroups.ts'
import { whyWorkersAreDead } from './deadWorkers.ts'
import { countRestarts, describeCrash, parseInstanceView } from './status.ts'

/** What one look says. */
export interface Look {
  ready: boolean
  /** What was seen, in words. */
  last: string
  /** The application itself answered, and not as a healthy one does. */
  faulty?: boolean
  /** Its port accepted the connection, and no answer came. */
  accepted?: true
}

export interface Awaited {
  name: string
  label: string
  /** The image's tag, which /health may name. */
  release: string
  restartsBefore?: number
  /** Asks the same from another network, when this machine gets no answer. */
  fromElsewhere?: (() => Promise<Look>) | undefined
}

/**
 * Waits until the backend's own URL says that it is healthy, and that it is this release (when /health names one).
 * The URL decides; the control plane is asked now and then only to see a crash loop early.
 * Throws with the last 50 log lines when the time is over: a verdict on the application when it answered, when Azure saw
 * it end, or when it runs and only its workers do not (deadWorkers.ts); otherwise exit 3.
 */
export async function waitUntilHealthy(
  context: Context,
  azure: Azure,
  group: Awaited,
  tell: Log,
): Promise<void> {
  const url = healthUrl(context.config, group.label)
  const probe = async (): Promise<Look> => {
    try {
      const { status, body } = await context.runner.request({
        method: 'GET',
        url,
        effect: 'read',
        timeoutMs: 5000,
      })
      return healthLook(url, status, body, group.release)
    } catch (thrown) {
      const accepted = wasAccepted(thrown) ? { accepted: true as const } : {}
      return { ready: false, last: `${url}: ${getMessage(thrown)}`, ...accepted }
    }
  }
  await waitUntilReady(context, azure, group, tell, probe)
}

/** What an answer of /health says of a release. The answer of another release says nothing of this one. */
export function healthLook(url: string, status: number, body: string, wanted: string): Look {
  const release = parseRelease(body)
  const last = `${url} says ${status}${release ? ` (release ${release})` : ''}`
  const mine = release === undefined || release === wanted
  if (status === 200) return { ready: mine, last }
  return { ready: false, last: `${last} ${body.slice(0, 300).replaceAll(/\s+/g, ' ')}`, faulty: mine }
}

/** Waits until the worker is seen running three times in a row without a restart in between. */
export async function untilWorkerRuns(
  context: Context,
  azure: Azure,
  name: string,
  tell: Log,
  restartsBefore = 0,
): Promise<void> {
  let steady = 0
  let restarts: number | undefined
  await waitUntilReady(context, azure, { name, restartsBefore }, tell, async () => {
    const view = parseInstanceView(await showGroup(context, azure, name))
    const state = view?.currentState?.state ?? 'unknown'
    const calm = state === 'Running' && (restarts === undefined || view?.restartCount === restarts)
    steady = calm ? steady + 1 : 0
    restarts = view?.restartCount
    return {
      ready: steady >= 3,
      last: `${name} is ${state}${view?.restartCount ? `, ${formatCount(view.restartCount, 'restart')}` : ''}`,
    }
  })
}

/** Waits until the container runs since another time than before: Azure says that a restart is taken, not that it is done. */
export async function untilStartedAnew(
  context: Context,
  azure: Azure,
  group: { name: string; startedBefore: string | undefined; restartsBefore: number },
  tell: Log,
): Promise<void> {
  const { name, startedBefore } = group
  await waitUntilReady(context, azure, group, tell, async () => {
    const { state, startTime } = parseInstanceView(await showGroup(context, azure, name))?.currentState ?? {}
    return {
      ready: state === 'Running' && startTime !== undefined && startTime !== startedBefore,
      last: `${name} is ${state ?? 'unknown'}, started ${startTime ?? 'at an unknown time'}`,
    }
  })
}

export const healthUrl = (config: Config, label: string): string =>
  `http://${getContainerHost(config, label)}:${backendPort}/health`

async function waitUntilReady(
  context: Context,
  azure: Azure,
  { name, restartsBefore = 0, fromElsewhere }: Pick<Awaited, 'name' | 'restartsBefore' | 'fromElsewhere'>,
  tell: Log,
  probe: () => Promise<Look>,
): Promise<void> {
  const { healthyWithinSeconds } = context.config.backend
  // A control plane that is silent is not an outage: the next look may hear it.
  const asked = () => showGroup(context, azure, name).catch(() => undefined)
  let look: Look = { ready: false, last: '' }
  let restartsSeen: number | undefined
  const attempt = async (round: number) => {
    const before = look.last
    look = await probe()
    if (look.ready) return true
    if (look.last !== before) tell(look.last)
    if (round % 8 === 0) {
      const group = await asked()
      const crashing = crashingSince(group, restartsBefore)
      if (crashing) throw await unhealthy(context, azure, name, `${name} ${crashing}`, true)
      restartsSeen ??= group && countRestarts(group)
    }
    return undefined
  }
  if (await poll(attempt, { intervalMs: 1000, timeoutMs: healthyWithinSeconds * 1000 })) return
  const late = `${name} did not get healthy within ${formatDuration(healthyWithinSeconds * 1000)}: ${look.last}`
  if (look.faulty) throw await unhealthy(context, azure, name, late, true)
  const group = await asked()
  const ended = endWords(group, restartsBefore, restartsSeen)
  if (ended) throw await unhealthy(context, azure, name, `${late}; Azure says that it ${ended}`, true)
  const beside = await fromElsewhere?.().then(
    (seen) => ({ ...seen, hasAsked: true }),
    (thrown): Look & { hasAsked: boolean } => ({
      ...{ ready: false, hasAsked: false },
      last: `no other machine could ask: ${getMessage(thrown)}`,
    }),
  )
  if (beside?.ready) return tell(`${beside.last}, though this machine gets no answer`)
  const what = beside ? `${late}; ${beside.last}` : late
  if (beside?.faulty) throw await unhealthy(context, azure, name, what, true)
  const log = await logTail(context, azure, name).catch(() => '')
  const state = parseInstanceView(group)?.currentState?.state
  // Who has asked from elsewhere knows better: on the way from here something else may accept connections.
  const { accepted = false } = beside?.hasAsked ? beside : look
  const dead = whyWorkersAreDead({ state, accepted, log })
  throw await unhealthy(context, azure, name, dead ? `${what}; ${dead}` : what, dead !== undefined)
}

/** @param verdict is it the application that fails, and not the way to it? */
async function unhealthy(
  context: Context,
  azure: Azure,
  name: string,
  what: string,
  verdict: boolean,
): Promise<OpsError> {
  const said = await logTail(context, azure, name).catch(
    (thrown) => `The log of ${name} cannot be read: ${getMessage(thrown)}`,
  )
  if (verdict) {
    const next = 'Mend the application (its last log lines are above), then run the same line again.'
    return new OpsError({ what, said, next, application: true })
  }
  const next = `Nothing is known against the application. See whether this machine reaches it and Azure has started it (${formatScriptLine('doctor')}), then run the same line again.`
  return unknownError(what, said, next)
}

/** Will it not get better by itself? A group that is restarted, and not made anew, keeps the count of its life. */
function crashingSince(group: ContainerGroup | undefined, restartsBefore: number): string | undefined {
  const { state, exitCode, detailStatus } = parseInstanceView(group)?.currentState ?? {}
  const lately = `; ${state ?? ''} ${detailStatus ?? ''} exit ${exitCode ?? '?'}`
  return describeCrash(countRestarts(group) - restartsBefore, lately)
}

/**
 * Has Azure seen the container end, by itself or by its liveness probe, while it was waited for? Undefined when not,
 * or when Azure is silent.
 */
function endWords(
  group: ContainerGroup | undefined,
  restartsBefore: number,
  restartsSeen: number | undefined,
): string | undefined {
  if (!group) return undefined
  const { state = '', detailStatus = '' } = parseInstanceView(group)?.currentState ?? {}
  if (state === 'Terminated' || /CrashLoopBackOff/.test(detailStatus)) return `is ${state} (${detailStatus})`
  const since = countRestarts(group) - (restartsSeen ?? countRestarts(group))
  return since > 0
    ? `was restarted ${formatCount(since, 'time')} meanwhile`
    : crashingSince(group, restartsBefore)
}

/** The last 50 lines that the container wrote. */
export async function logTail({ runner, config }: Context, azure: Azure, name: string): Promise<string> {
  const { resourceGroup } = config.azure
  const subscription = subscriptionFlag(await azure.account())
  const { stdout, stderr } = await runner.run(
    az({ accept: [0, 1, 3] })`
      container logs --resource-group ${resourceGroup} --name ${name} ${subscription}`,
  )
  return (stdout || stderr || `${name} has written no log`).trimEnd().split('\n').slice(-50).join('\n')
}
