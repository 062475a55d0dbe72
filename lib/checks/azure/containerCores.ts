import { type ContainerGroup, getSize, isOwnGroup } from '../../azure/resources/containerGroups.ts'
import type { Config } from '../../config/config.ts'
import { type Check, fail, pass, type Result, unknown, warn } from '../check.ts'

interface Usage {
  name: { value: string }
  currentValue: number
  limit: number
}

/** Cores that Container Instances may use in the region; while a release runs, the backend is there twice. */
export const containerCores: Check = {
  id: 'container-cores',
  title: 'Cores for containers',
  tags: ['doctor', 'quota'],
  needs: 'az',
  advice:
    'Ask for more in the portal (Quotas, Container Instances), choose another AZURE_LOCATION, or smaller containers.',
  async run({ context: { config }, azure, arm }) {
    const { id } = await azure.account()
    const path = `/subscriptions/${id}/providers/Microsoft.ContainerInstance/locations/${config.azure.location}/usages`
    const found = await arm.get<{ value: Usage[] }>(path, { 'api-version': '2023-05-01' })
    const cores = found?.value.find(({ name }) => name.value === 'StandardCores')
    if (!cores) return unknown(`Azure names no limit for ${config.azure.location}`)
    const groups = (await azure.groups()).filter(({ name }) => isOwnGroup(name))
    return judgeCores(config, cores, groups)
  },
}

/** What is left for us is the limit without what others in the subscription use. */
export function judgeCores(
  { backend, worker }: Config,
  { currentValue, limit }: Usage,
  own: readonly ContainerGroup[],
): Result {
  const running = own.flatMap(({ containers }) => containers).map((each) => getSize(each).cpu ?? 0)
  const left = limit - (currentValue - running.reduce((sum, cpu) => sum + cpu, 0))
  const steady = backend.cpu + worker.cpu * worker.count
  const said = `${left} of ${limit} for us; ${steady} needed, ${steady + backend.cpu} while a release runs`
  if (left < steady) return fail(said)
  return left < steady + backend.cpu ? warn(said) : pass(said)
}
