import type { Context } from '../../tasks/task.ts'
import { usageError } from '../../util/errors.ts'
import { az } from '../cli.ts'
import type { Azure } from '../client.ts'

/** The size of a container group: CPU cores, and memory in GB. */
export interface Size {
  cpu: number
  memoryGb: number
}

export interface Limits {
  least: Size
  most: Size
  /** Where these limits come from. */
  source: string
}

/**
 * The limits of every container group, for a region that does not report any. Each group has one container, so the
 * limits of the group are those of the container.
 * Source: learn.microsoft.com/azure/container-instances, "Container groups" (minimum) and "Resource availability & quota
 * limits" (standard Linux groups without an increase of the quota).
 */
const documented: Limits = {
  least: { cpu: 1, memoryGb: 1 },
  most: { cpu: 4, memoryGb: 16 },
  source: 'the documented default of Azure Container Instances',
}

interface Capability {
  resourceType: string
  osType: string
  ipAddressType: string
  gpu: string
  capabilities: { maxCpu: number; maxMemoryInGB: number }
}

/** Reads the limits of the configured region from ARM. Throws (exit 3, 4) when it does not answer. */
export async function readLimits(context: Context, azure: Azure): Promise<Limits> {
  const { config, runner } = context
  const { id } = await azure.account()
  const url = `https://management.azure.com/subscriptions/${id}/providers/Microsoft.ContainerInstance/locations/${config.azure.location}/capabilities?api-version=2023-05-01`
  const { stdout } = await runner.run(
    az({ accept: [0] })`rest --method get --url ${url} --subscription ${id}`,
  )
  return getLimits((JSON.parse(stdout) as { value?: Capability[] }).value ?? [], config.azure.location)
}

export function getLimits(capabilities: readonly Capability[], location: string): Limits {
  const ours = capabilities.find(
    ({ resourceType, osType, ipAddressType, gpu }) =>
      resourceType === 'containerGroups' &&
      osType === 'Linux' &&
      ipAddressType === 'Public' &&
      gpu === 'None',
  )?.capabilities
  if (!ours || !(ours.maxCpu > 0) || !(ours.maxMemoryInGB > 0)) return documented
  return {
    least: documented.least,
    most: { cpu: ours.maxCpu, memoryGb: ours.maxMemoryInGB },
    source: `Azure for ${location}`,
  }
}

/** Throws (exit 2) for a size outside the limits; the message gives the nearest allowed size. */
export function assertAllowed(size: Size, { least, most, source }: Limits): void {
  // az accepts both with one decimal place (az container create --help).
  const nearest = (key: keyof Size) => Math.min(most[key], Math.max(least[key], Number(size[key].toFixed(1))))
  const [cpu, memoryGb] = [nearest('cpu'), nearest('memoryGb')]
  if (cpu === size.cpu && memoryGb === size.memoryGb) return
  throw usageError(
    `A container of ${size.cpu} CPU and ${size.memoryGb} GB is not allowed: ${least.cpu} to ${most.cpu} CPU and ${least.memoryGb} to ${most.memoryGb} GB, in tenths (source: ${source}). Nothing was changed`,
    `Nearest allowed size: --cpu ${cpu} --memory ${memoryGb}`,
  )
}
