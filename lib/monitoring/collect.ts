import { type ProbeRun, runProbes } from '../checks/health.ts'
import type { Context } from '../tasks/context.ts'
import type { HealthOptions } from './options.ts'

export interface Collected {
  here: ProbeRun
  vps?: ProbeRun
}

/**
 * Runs all probes from here and, if requested, from the VPS at the same time. Throws (exit 2) for an unknown probe.
 */
export async function collect(
  context: Context,
  asked: HealthOptions,
  signal: AbortSignal,
): Promise<Collected> {
  const targets = asked.targets ? (await import('../checks/customTargets.ts')).readTargets(asked.targets) : []
  const { quick, only } = asked
  if (!asked.fromVps) return { here: await runProbes(context, { quick, only, targets, signal }) }
  const [here, vps] = await Promise.all([
    runProbes(context, { quick, only, targets, signal }),
    runProbes(context, { quick, targets, from: 'vps', signal }),
  ])
  return { here, vps: filterProbes(vps, only) }
}

/** The VPS runs only some of the probes. */
const filterProbes = (vps: ProbeRun, only: readonly string[]): ProbeRun => ({
  ...vps,
  observations: vps.observations.filter(({ probe }) => only.length === 0 || only.includes(probe.id)),
})
