import { type Config, formatKeyFile } from '../../config/config.ts'
import type { Judged } from '../../util/verdict.ts'
import { attempt, combine } from '../availability.ts'
import { type ContainerGroup, getSize, isOwnGroup } from '../resources/containerGroups.ts'
import type { Asking } from '../resources/resource.ts'

interface Usage {
  name: { value: string }
  currentValue: number
  limit: number
}

export const coresAdvice = (): string =>
  `Request more cores in the portal (Quotas, Container Instances), or configure smaller containers. Another AZURE_LOCATION in ${formatKeyFile('AZURE_LOCATION')} helps only while the registry does not exist.`

/**
 * Judges the cores that Container Instances may use in the region. During a release, the backend runs twice.
 * @param groups all existing groups of the resource group
 */
export const judgeContainerCores = async (
  asking: Asking,
  groups: readonly ContainerGroup[],
): Promise<Judged> =>
  combine(await attempt('the cores of Container Instances', async () => [await readCores(asking, groups)]))

async function readCores(
  { config, arm, subscription }: Asking,
  groups: readonly ContainerGroup[],
): Promise<Judged> {
  const { location } = config.azure
  const path = `/subscriptions/${subscription}/providers/Microsoft.ContainerInstance/locations/${location}/usages`
  const found = await arm.get<{ value: Usage[] }>(path, { 'api-version': '2023-05-01' })
  const cores = found?.value.find(({ name }) => name.value === 'StandardCores')
  if (!cores) return { verdict: 'UNKNOWN', detail: `Azure reports no limit for ${location}` }
  return judgeCores(
    config,
    cores,
    groups.filter(({ name }) => isOwnGroup(name)),
  )
}

/** The cores left for this deployment are the limit minus what others in the subscription use. */
export function judgeCores(
  { backend, worker }: Config,
  { currentValue, limit }: Usage,
  own: readonly ContainerGroup[],
): Judged {
  const running = own.flatMap(({ containers }) => containers).map((each) => getSize(each).cpu ?? 0)
  const left = limit - (currentValue - running.reduce((sum, cpu) => sum + cpu, 0))
  const steady = backend.cpu + worker.cpu * worker.count
  const detail = `${left} of ${limit} available; ${steady} needed, ${steady + backend.cpu} during a release`
  if (left < steady) return { verdict: 'CRITICAL', detail }
  return { verdict: left < steady + backend.cpu ? 'WARNING' : 'OK', detail }
}
