import { backendPort, formatScriptLine, parseRelease } from '../../config/config.ts'
import { wasAccepted } from '../../net/http.ts'
import type { Context, Log } from '../../tasks/task.ts'
import { getMessage, OpsError, unknownError } from '../../util/errors.ts'
import { formatCount, formatDuration } from '../../util/format.ts'
import { poll } from '../../util/poll.ts'
import { az } from '../cli.ts'
import type { Azure } from '../client.ts'
import { type ContainerGroup, showGroup } from '../resources/containerGroups.ts'
import { countRestarts, describeCrash, parseInstanceView, whyWorkersAreDead } from './status.ts'

export interface HealthReport {
  ready: boolean
  /** A description of the answer. */
  last: string
  /** The application itself gave an unhealthy answer. */
  faulty?: boolean
  /** Its port accepted the connection, but gave no answer. */
  accepted?: true
}

export interface AwaitedGroup {
  name: string
  host: string
  /** The image's tag, which /health may report. */
  release: string
  restartsBefore?: number
  /** Makes the same request from another network, for when this machine gets no answer. */
  fromElsewhere?: (() => Promise<HealthReport>) | undefined
}

/**
 * Waits until the backend's URL reports that it is healthy, and that it is this release (if /health names one).
 * The URL decides; Azure is asked now and then only to detect a crash loop early.
 * Throws with the last 50 log lines after the time limit: a verdict on the application if it answered, if Azure saw it
 * end, or if it runs and only its workers do not; otherwise exit 3.
 */
export async function waitUntilHealthy(
  context: Context,
  azure: Azure,
  group: AwaitedGroup,
  tell: Log,
): Promise<void> {
  const url = getHealthUrl(group.host)
  const request = { method: 'GET', url, effect: 'read', timeoutMs: 5000 } as const
  const probe = async (): Promise<HealthReport> => {
    try {
      const { status, body } = await context.runner.request(request)
      return parseHealth(url, status, body, group.release)
    } catch (thrown) {
      const accepted = wasAccepted(thrown) ? { accepted: true as const } : {}
      return { ready: false, last: `${url}: ${getMessage(thrown)}`, ...accepted }
    }
  }
  await waitUntilReady(context, azure, group, tell, probe)
}

/** Interprets an answer of /health. The answer of another release proves nothing about this one. */
export function parseHealth(url: string, status: number, body: string, wanted: string): HealthReport {
  const release = parseRelease(body)
  const last = `${url} answers ${status}${release ? ` (release ${release})` : ''}`
  const mine = release === undefined || release === wanted
  if (status === 200) return { ready: mine, last }
  return { ready: false, last: `${last} ${body.slice(0, 300).replaceAll(/\s+/g, ' ')}`, faulty: mine }
}

/** Waits until three requests in a row show the worker running, without a restart in between. */
export async function waitUntilWorkerRuns(
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

/** Waits until the container's start time changes: Azure confirms that it accepted a restart, not that it is done. */
export async function waitUntilStarted(
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

export const getHealthUrl = (host: string): string => `http://${host}:${backendPort}/health`

async function waitUntilReady(
  context: Context,
  azure: Azure,
  { name, restartsBefore = 0, fromElsewhere }: Pick<AwaitedGroup, 'name'> & Partial<AwaitedGroup>,
  tell: Log,
  probe: () => Promise<HealthReport>,
): Promise<void> {
  const timeoutMs = context.config.backend.healthyWithinSeconds * 1000
  // Silence from Azure is not an outage: the next request may get an answer.
  const show = () => showGroup(context, azure, name).catch(() => undefined)
  const fail = (what: string, application: boolean) => createFailure(context, azure, name, what, application)
  let look: HealthReport = { ready: false, last: '' }
  let restartsSeen: number | undefined
  const attempt = async (round: number) => {
    const before = look.last
    look = await probe()
    if (look.ready) return true
    if (look.last !== before) tell(look.last)
    if (round % 8 === 0) {
      const group = await show()
      const crashing = describeCrashSince(group, restartsBefore)
      if (crashing) throw await fail(`${name} ${crashing}`, true)
      restartsSeen ??= group && countRestarts(group)
    }
    return undefined
  }
  if (await poll(attempt, { intervalMs: 1000, timeoutMs })) return
  const late = `${name} did not become healthy within ${formatDuration(timeoutMs)}: ${look.last}`
  if (look.faulty) throw await fail(late, true)
  const group = await show()
  const ended = describeEnd(group, restartsBefore, restartsSeen)
  if (ended) throw await fail(`${late}; Azure reports that it ${ended}`, true)
  let silent = ''
  const beside = await fromElsewhere?.().catch((thrown) => {
    silent = `no other machine could check: ${getMessage(thrown)}`
  })
  if (beside?.ready) return tell(`${beside.last}, although this machine gets no answer`)
  const what = [late, beside?.last ?? silent].filter(Boolean).join('; ')
  if (beside?.faulty) throw await fail(what, true)
  const log = await readLogTail(context, azure, name).catch(() => '')
  const state = parseInstanceView(group)?.currentState?.state
  // The other network is more reliable: between here and Azure something else may accept connections.
  const { accepted = false } = beside ?? look
  const dead = whyWorkersAreDead({ state, accepted, log })
  throw await fail(dead ? `${what}; ${dead}` : what, dead !== undefined)
}

/** @param application whether the application failed, rather than the connection to it */
async function createFailure(
  context: Context,
  azure: Azure,
  name: string,
  what: string,
  application: boolean,
): Promise<OpsError> {
  const said = await readLogTail(context, azure, name).catch(
    (thrown) => `The log of ${name} cannot be read: ${getMessage(thrown)}`,
  )
  if (application)
    return new OpsError({
      ...{ what, said, application },
      next: 'Fix the application (see its log above), then run this command again.',
    })
  const next = `The cause may be outside the application. Check that this machine can reach it and that Azure has started it (${formatScriptLine('doctor')}), then run this command again.`
  return unknownError(what, said, next)
}

/** Describes a crash loop. A restart does not reset the count of a group; only creating it again does. */
function describeCrashSince(group: ContainerGroup | undefined, restartsBefore: number): string | undefined {
  const { state, exitCode, detailStatus } = parseInstanceView(group)?.currentState ?? {}
  const details = `; ${state ?? ''} ${detailStatus ?? ''} exit ${exitCode ?? '?'}`
  return describeCrash(countRestarts(group) - restartsBefore, details)
}

/**
 * Describes how the container ended during the wait, by itself or by its liveness probe; undefined if Azure saw no end,
 * or is silent.
 */
function describeEnd(
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
    : describeCrashSince(group, restartsBefore)
}

/** Reads the last 50 lines that the container wrote. az prints `None` when ARM returns no content. */
export async function readLogTail({ runner, config }: Context, azure: Azure, name: string): Promise<string> {
  const { resourceGroup } = config.azure
  const { id } = await azure.account()
  const { stdout, stderr } = await runner.run(
    az({ accept: [0, 1, 3] })`
      container logs --resource-group ${resourceGroup} --name ${name} --subscription ${id}`,
  )
  const written = stdout.trimEnd()
  const text = (written === 'None' ? '' : written) || stderr.trimEnd() || `${name} has written no log`
  return text.split('\n').slice(-50).join('\n')
}
