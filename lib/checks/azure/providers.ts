import { getResources } from '../../azure/resources/index.ts'
import { formatAzLine } from '../../config/pasteLine.ts'
import { type Check, fail, pass } from '../check.ts'

/** A subscription makes only what it is registered for. */
export const providers: Check = {
  id: 'azure-providers',
  title: 'Registered providers',
  tags: ['doctor', 'quota'],
  needs: 'az',
  advice: 'az provider register --namespace NAME --wait',
  async run({ context: { config }, azure, arm }) {
    // Microsoft.Insights holds the metrics of the containers.
    const needed = [...getResources(config).map(({ provider }) => provider), 'Microsoft.Insights']
    const { id } = await azure.account()
    const states = await Promise.all(
      needed.map(async (namespace) => {
        const path = `/subscriptions/${id}/providers/${namespace}`
        const found = await arm.get<{ registrationState: string }>(path, { 'api-version': '2021-04-01' })
        return { namespace, state: found?.registrationState ?? 'unknown to Azure' }
      }),
    )
    const missing = states.filter(({ state }) => state !== 'Registered')
    if (missing.length === 0) return pass(`all ${needed.length}`)
    return fail(
      missing.map(({ namespace, state }) => `${namespace} is ${state}`).join(', '),
      missing
        .map(({ namespace }) =>
          formatAzLine(`az provider register --namespace ${namespace} --subscription ${id} --wait`),
        )
        .join(' && '),
    )
  },
}
