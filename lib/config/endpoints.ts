import type { Config } from './config.ts'

/** The port of the backend: the container opens it, the probes ask it, nginx sends /api/ to it. */
export const backendPort = 5000

/** Azure's name for a container group with this DNS label. */
export const hostOfLabel = (config: Config, label: string): string =>
  `${label}.${config.azure.location}.azurecontainer.io`

/** The label of the group that serves while the backend is replaced. */
export const surgeLabel = (config: Config): string => `${config.backend.dnsLabel}-next`

/** The release that an answer of /health names; undefined when it names none. */
export function releaseIn(health: string): string | undefined {
  try {
    const { release } = JSON.parse(health) as { release?: unknown }
    return typeof release === 'string' && release !== '' ? release : undefined
  } catch {
    return undefined
  }
}

export const stableHost = (config: Config): string => hostOfLabel(config, config.backend.dnsLabel)
export const surgeHost = (config: Config): string => hostOfLabel(config, surgeLabel(config))
