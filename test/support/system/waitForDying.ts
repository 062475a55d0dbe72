import { poll } from '../../../lib/util/poll.ts'
import { readOwner } from '../../../rehearsal/claim.ts'
import { getStartTime } from '../../../rehearsal/processes.ts'

/**
 * Waits until the remains of a killed run have cleaned themselves up. A run that is not about to end is left
 * alone.
 */
export async function waitForDying(name: string): Promise<void> {
  const isSettled = async () => {
    const owner = await readOwner(name)
    const dying =
      owner && (owner.doing !== 'running' || (!owner.keep && getStartTime(owner.startedBy) === undefined))
    return !dying || undefined
  }
  await poll(isSettled, { intervalMs: 100, attempts: 300 })
}
