import { ArmError } from './errors.ts'
import type { World } from './world.ts'

function counted(world: World, name: string): number | undefined {
  const fault = world.faults.get(name)
  if (!fault) return undefined
  const count = fault.count ?? 1
  if (count <= 1) world.faults.delete(name)
  else fault.count = count - 1
  return fault.seconds ?? 1
}

/** The faults that meet any request to ARM: throttling, an outage, slowness. */
export async function meetFaults(world: World): Promise<void> {
  const slow = world.faults.get('slow')
  if (slow) await new Promise((resolve) => setTimeout(resolve, slow.milliseconds ?? 1000))
  const throttled = counted(world, 'throttle')
  if (throttled !== undefined)
    throw new ArmError(
      429,
      'TooManyRequests',
      `The request is being throttled as the limit has been reached. Please try again after '${throttled}' seconds.`,
      [],
      { 'Retry-After': String(throttled) },
    )
  if (counted(world, 'server-error') !== undefined)
    throw new ArmError(503, 'ServiceUnavailable', 'The service is unavailable now, please try again later.')
}
