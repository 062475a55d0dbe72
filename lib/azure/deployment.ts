import { setTimeout } from 'node:timers/promises'
import { formatAzLine } from '../config/config.ts'
import type { Context, Log } from '../tasks/task.ts'
import { memoize } from '../util/concurrency.ts'
import { OpsError } from '../util/errors.ts'
import { formatDuration } from '../util/format.ts'
import { az } from './cli.ts'
import type { Azure, DeploymentError } from './client.ts'
import { explainAz } from './errors.ts'
import { serverBusy } from './meanings.ts'
import { getDataTier, type Part, type PartId } from './resources/index.ts'

interface Operation {
  properties: {
    provisioningState: string
    statusMessage?: { error?: DeploymentError } | string | null
    targetResource?: { resourceType: string; resourceName: string } | null
  }
}

const intervalMs = 4000
const timeoutMs = 40 * 60_000

/** How often, and after which pause, a deployment that failed because of a busy server is submitted again. */
const retry = { times: 3, pauseMs: 30_000 } as const

export interface WatchOptions {
  submit(log: Log): Promise<unknown>
  pause?(ms: number): Promise<unknown>
}

/**
 * Follows a deployment with one az call per round, no matter how many tasks wait for its parts. A deployment that fails
 * because PostgreSQL is busy is submitted again: with --no-wait az has ended by then, and so has its own retry.
 */
export function watchDeployment(
  context: Context,
  name: string,
  azure: Azure,
  { submit, pause = (ms) => setTimeout(ms) }: WatchOptions,
) {
  const { config, runner } = context
  async function readOperations(): Promise<Operation[]> {
    const { id } = await azure.account()
    const command = az`
      deployment operation group list --resource-group ${config.azure.resourceGroup} --name ${name}
        --subscription ${id}`
    return JSON.parse((await runner.run(command)).stdout) as Operation[]
  }
  /** The operations; calls within one round share the answer. */
  let round = memoize(readOperations)

  async function nextRound(): Promise<void> {
    const seen = round
    await pause(intervalMs)
    if (round === seen) round = memoize(readOperations)
  }

  const recovery = createRecovery(azure, name, {
    pause,
    async submit(log) {
      await submit(log)
      azure.forget('deployment')
      round = memoize(readOperations)
    },
  })

  /** Returns when a part can be used; throws when Azure refused it. */
  async function until(id: PartId, tell: Log): Promise<void> {
    const part = getDataTier(config).find((each) => each.id === id)!
    let deadline = Date.now() + timeoutMs
    for (let told = ''; Date.now() < deadline; await nextRound()) {
      const operations = (await round()).filter((each) => belongsTo(part, each))
      const failed = operations.find((each) => getState(each) === 'Failed')
      if (failed) {
        await recovery.recover(createRefusal(failed), tell)
        deadline = Date.now() + timeoutMs
        continue
      }
      const last = operations.find(({ properties: { targetResource } }) =>
        part.lastOperation.test(`${targetResource?.resourceType} ${targetResource?.resourceName}`),
      )
      if (last && getState(last) === 'Succeeded') return
      const open = operations.filter((each) => getState(each) !== 'Succeeded')
      const now = open.map(formatTarget).join(', ')
      if (now && now !== told) tell(`waiting for ${now}`)
      told = now
      if (open.length === 0 && (await recovery.hasEnded(tell))) return
    }
    throw new OpsError({
      what: `${part.title} is not ready after ${formatDuration(timeoutMs)}`,
      next: formatAzLine(
        `az deployment operation group list --resource-group ${config.azure.resourceGroup} --name ${name}`,
      ),
    })
  }

  return { until }
}

/** Resubmits a deployment that failed because PostgreSQL was busy, once for all tasks that wait for it. */
function createRecovery(azure: Azure, name: string, { submit, pause }: Required<WatchOptions>) {
  let submitted = 0
  let pending: Promise<void> | undefined

  async function readDeployment() {
    azure.forget('deployment')
    return (await azure.deployment(name))?.properties
  }

  /** Rejects with the refusal itself when the server is not busy, or stays busy. */
  async function recover(refusal: OpsError, tell: Log): Promise<void> {
    if (!serverBusy.test(refusal.failure.said ?? '')) throw refusal
    if (!pending) {
      if (submitted >= retry.times) throw refusal
      submitted += 1
      pending = submitAgain(refusal, tell).finally(() => {
        pending = undefined
      })
    }
    await pending
  }

  /** ARM refuses a deployment of this name while parts of the last one still run. */
  async function submitAgain(refusal: OpsError, tell: Log): Promise<void> {
    tell(
      `PostgreSQL is busy with another operation: the deployment will be resubmitted ${formatDuration(retry.pauseMs)} after its other parts have ended (${submitted} of ${retry.times})`,
    )
    const deadline = Date.now() + timeoutMs
    let state = await readDeployment()
    while (isRunning(state?.provisioningState) && Date.now() < deadline) {
      await pause(intervalMs)
      state = await readDeployment()
    }
    // Any other failure would happen again.
    if (state?.error?.details?.some((each) => !serverBusy.test(formatError(each)))) throw refusal
    await pause(retry.pauseMs)
    await submit(tell)
  }

  /** Whether the whole deployment has ended, so that no further operations will run. Throws when it failed. */
  async function hasEnded(tell: Log): Promise<boolean> {
    if (pending) {
      await pending
      return false
    }
    const { provisioningState, error } = (await readDeployment()) ?? {}
    if (provisioningState === 'Failed' || provisioningState === 'Canceled') {
      const said = formatError(error ?? undefined)
      const what = `The deployment ${name} ended in the state ${provisioningState}`
      await recover(new OpsError({ what, said, ...explainAz(said) }), tell)
      return false
    }
    return provisioningState === 'Succeeded'
  }

  return { recover, hasEnded }
}

const getState = ({ properties }: Operation): string => properties.provisioningState

const belongsTo = ({ provider }: Part, { properties }: Operation): boolean =>
  (properties.targetResource?.resourceType ?? '').toLowerCase().startsWith(provider.toLowerCase())

export const isRunning = (state: string | undefined): boolean => state === 'Running' || state === 'Accepted'

const formatTarget = ({ properties }: Operation): string =>
  `${properties.targetResource?.resourceType.split('/').at(-1)} ${properties.targetResource?.resourceName}`

function createRefusal(operation: Operation): OpsError {
  const { statusMessage } = operation.properties
  const said = typeof statusMessage === 'string' ? statusMessage : formatError(statusMessage?.error)
  return new OpsError({
    what: `Azure refused ${formatTarget(operation)}`,
    said,
    ...explainAz(`${operation.properties.targetResource?.resourceType} ${said}`),
  })
}

/** ARM's error and its details, one per line. */
function formatError(error: DeploymentError | undefined): string {
  if (!error) return ''
  return [`${error.code}: ${error.message}`, ...(error.details ?? []).map(formatError)].join('\n')
}
