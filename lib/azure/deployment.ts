import { setTimeout } from 'node:timers/promises'
import { formatAzLine } from '../config/pasteLine.ts'
import type { Context } from '../tasks/context.ts'
import type { Log } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { formatDuration } from '../util/format.ts'
import { az, explainAz } from './cli.ts'
import { type Azure, type Deployment, type DeploymentError, subscriptionFlag } from './client.ts'
import { serverBusy } from './errors.ts'
import { getDataTier, type PartId } from './resources/index.ts'

interface Operation {
  properties: {
    provisioningState: string
    statusMessage?: { error?: DeploymentError } | string | null
    targetResource?: { resourceType: string; resourceName: string } | null
  }
}

const everyMs = 4000
const patienceMs = 40 * 60_000

/** How often, and after which pause, a deployment is submitted again that met a busy server. */
const submissions = { times: 3, pauseMs: 30_000 } as const

export interface WatchOptions {
  /** Submits the same deployment again. */
  submit(tell: Log): Promise<void>
  /** Waits so many milliseconds. */
  pause?(ms: number): Promise<unknown>
}

/**
 * Follows a deployment with one az call a round, whoever waits for whichever part. One that fails because PostgreSQL is
 * busy is submitted again: with --no-wait az is gone by then, and its own retry with it.
 */
export function watchDeployment(
  context: Context,
  name: string,
  azure: Azure,
  { submit, pause = (ms) => setTimeout(ms) }: WatchOptions,
) {
  const { config, runner } = context
  let round: Promise<Operation[]> | undefined

  /** The operations as of now; those who ask within one round share it. */
  function look(): Promise<Operation[]> {
    round ??= (async () => {
      const subscription = subscriptionFlag(await azure.account())
      const { stdout } = await runner.run(
        az`
          deployment operation group list --resource-group ${config.azure.resourceGroup} --name ${name}
          ${subscription}`,
      )
      return JSON.parse(stdout) as Operation[]
    })()
    return round
  }

  async function nextRound(): Promise<void> {
    const seen = round
    await pause(everyMs)
    if (round === seen) round = undefined
  }

  let submitted = 0
  let again: Promise<void> | undefined

  /** Submits it again, once for all who wait; rejects with the refusal itself when it is none of a busy server. */
  async function recover(refusal: OpsError, tell: Log): Promise<void> {
    if (!serverBusy.test(refusal.failure.said ?? '')) throw refusal
    if (!again) {
      if (submitted >= submissions.times) throw refusal
      submitted += 1
      again = submitAgain(refusal, tell).finally(() => {
        again = undefined
      })
    }
    await again
  }

  /** ARM refuses a deployment of this name while parts of the last one still run. */
  async function submitAgain(refusal: OpsError, tell: Log): Promise<void> {
    tell(
      `PostgreSQL is busy with another operation: the deployment is submitted again ${formatDuration(submissions.pauseMs)} after its other parts have ended (${submitted} of ${submissions.times})`,
    )
    const deadline = Date.now() + patienceMs
    let state = await stateNow()
    while (isRunning(state) && Date.now() < deadline) {
      await pause(everyMs)
      state = await stateNow()
    }
    // What else has failed would fail again.
    if (state?.error?.details?.some((each) => !serverBusy.test(wordsOf(each)))) throw refusal
    await pause(submissions.pauseMs)
    await submit(tell)
    azure.forget('deployment')
    round = undefined
  }

  async function stateNow() {
    azure.forget('deployment')
    return (await azure.deployment(name))?.properties
  }

  async function until(id: PartId, tell: Log): Promise<void> {
    const part = getDataTier(config).find((each) => each.id === id)!
    const isMine = new RegExp(`^${part.provider}`, 'i')
    let deadline = Date.now() + patienceMs
    for (let told = ''; Date.now() < deadline; await nextRound()) {
      const mine = (await look()).filter(({ properties }) =>
        isMine.test(properties.targetResource?.resourceType ?? ''),
      )
      const failed = mine.find(({ properties }) => properties.provisioningState === 'Failed')
      if (failed) {
        await recover(refusal(failed), tell)
        deadline = Date.now() + patienceMs
        continue
      }
      const end = mine.find(({ properties: { targetResource } }) =>
        part.lastOperation.test(`${targetResource?.resourceType} ${targetResource?.resourceName}`),
      )
      if (end?.properties.provisioningState === 'Succeeded') return
      const now = mine
        .filter(({ properties }) => properties.provisioningState !== 'Succeeded')
        .map(nameOf)
        .join(', ')
      if (now && now !== told) tell(`waiting for ${now}`)
      told = now
      const quiet = mine.every(({ properties }) => properties.provisioningState === 'Succeeded')
      if (quiet && (await hasEnded(tell))) return
    }
    throw new OpsError({
      what: `${part.title} is not ready after ${formatDuration(patienceMs)}`,
      next: formatAzLine(
        `az deployment operation group list --resource-group ${config.azure.resourceGroup} --name ${name}`,
      ),
    })
  }

  /** Nothing of this part runs: has the deployment as a whole ended? Throws when it ended badly. */
  async function hasEnded(tell: Log): Promise<boolean> {
    if (again) {
      await again
      return false
    }
    const { provisioningState, error } = (await stateNow()) ?? {}
    if (provisioningState === 'Failed' || provisioningState === 'Canceled') {
      const said = wordsOf(error ?? undefined)
      const what = `The deployment ${name} ended as ${provisioningState}`
      await recover(new OpsError({ what, said, ...explainAz(said) }), tell)
      return false
    }
    return provisioningState === 'Succeeded'
  }

  return { until }
}

const isRunning = (properties: Deployment['properties'] | undefined): boolean =>
  properties?.provisioningState === 'Running' || properties?.provisioningState === 'Accepted'

const nameOf = ({ properties }: Operation): string =>
  `${properties.targetResource?.resourceType.split('/').at(-1)} ${properties.targetResource?.resourceName}`

function refusal(operation: Operation): OpsError {
  const { statusMessage } = operation.properties
  const said = typeof statusMessage === 'string' ? statusMessage : wordsOf(statusMessage?.error)
  return new OpsError({
    what: `Azure refused ${nameOf(operation)}`,
    said,
    ...explainAz(`${operation.properties.targetResource?.resourceType} ${said}`),
  })
}

/** ARM's error with its details, one a line. */
function wordsOf(error: DeploymentError | undefined): string {
  if (!error) return ''
  return [`${error.code}: ${error.message}`, ...(error.details ?? []).map(wordsOf)].join('\n')
}
