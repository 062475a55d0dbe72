import { setTimeout as pause } from 'node:timers/promises'
import { OpsError } from '../command/errors.ts'
import type { Context } from '../steps/context.ts'
import type { Tell } from '../steps/step.ts'
import { azLook, explainAz } from './az.ts'
import { type Azure, type DeploymentError, subscriptionOf } from './resources.ts'

interface Operation {
  properties: {
    provisioningState: string
    statusMessage?: { error?: DeploymentError } | string | null
    targetResource?: { resourceType: string; resourceName: string } | null
  }
}

/** The last operation of each part: when it has succeeded, the part can be used. */
const last = {
  registry: /^Microsoft\.ContainerRegistry\/registries$/i,
  database: /^Microsoft\.DBforPostgreSQL\/flexibleServers\/databases$/i,
  redis: /^Microsoft\.Cache\/(redisEnterprise\/databases|Redis)$/i,
} as const

/** Every operation that belongs to a part, for its failures. */
const family = {
  registry: /^Microsoft\.ContainerRegistry/i,
  database: /^Microsoft\.DBforPostgreSQL/i,
  redis: /^Microsoft\.Cache/i,
} as const

const everyMs = 4000
const patienceMs = 40 * 60_000

/** Follows a deployment with one az call a round, whoever waits for whichever part. */
export function watchDeployment(context: Context, name: string, azure: Azure) {
  const { config, runner } = context
  const group = ['--resource-group', config.azure.resourceGroup, '--name', name]
  let round: Promise<Operation[]> | undefined

  /** The operations as of now; those who ask within one round share it. */
  function look(): Promise<Operation[]> {
    round ??= (async () => {
      const subscription = subscriptionOf(await azure.account())
      const { stdout } = await runner.run(
        azLook(['deployment', 'operation', 'group', 'list', ...group, ...subscription]),
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

  async function until(part: keyof typeof last, tell: Tell): Promise<void> {
    const deadline = Date.now() + patienceMs
    for (let told = ''; Date.now() < deadline; await nextRound()) {
      const mine = (await look()).filter(({ properties }) =>
        family[part].test(properties.targetResource?.resourceType ?? ''),
      )
      const failed = mine.find(({ properties }) => properties.provisioningState === 'Failed')
      if (failed) throw refusal(failed)
      const end = mine.find(({ properties }) =>
        last[part].test(properties.targetResource?.resourceType ?? ''),
      )
      if (end?.properties.provisioningState === 'Succeeded') return
      const now = mine
        .filter(({ properties }) => properties.provisioningState !== 'Succeeded')
        .map(nameOf)
        .join(', ')
      if (now && now !== told) tell(`waiting for ${now}`)
      told = now
      const quiet = mine.every(({ properties }) => properties.provisioningState === 'Succeeded')
      if (quiet && (await hasEnded())) return
    }
    throw new OpsError({
      what: `${part} is not ready after ${patienceMs / 60_000} minutes`,
      next: `az deployment operation group list ${group.join(' ')}`,
    })
  }

  /** Nothing of this part runs: has the deployment as a whole ended? Throws when it ended badly. */
  async function hasEnded(): Promise<boolean> {
    azure.forget('deployment')
    const { provisioningState, error } = (await azure.deployment(name))?.properties ?? {}
    if (provisioningState === 'Failed' || provisioningState === 'Canceled') {
      const said = wordsOf(error ?? undefined)
      throw new OpsError({
        what: `The deployment ${name} ended as ${provisioningState}`,
        said,
        ...explainAz(said),
      })
    }
    return provisioningState === 'Succeeded'
  }

  return { until }
}

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
