import { parseJson } from '../util/json.ts'
import type { Config } from './config.ts'

/** The port of the backend: the container opens it, probes use it, and nginx proxies /api/ to it. */
export const backendPort = 5000

/** The site's names, the main one first. */
export const getSiteNames = ({ domain }: Config): [string, string] => [domain, `www.${domain}`]

/** The host name that Azure gives a container group with this DNS label. */
export const getContainerHost = (config: Config, label: string): string =>
  `${label}.${config.azure.location}.azurecontainer.io`

/** The DNS label of the group that serves while the backend is replaced. */
export const surgeLabel = (config: Config): string => `${config.backend.dnsLabel}-next`

/** The release named in an answer of /health; undefined without one. */
export function parseRelease(health: string): string | undefined {
  const release = parseJson<{ release?: unknown }>(health)?.release
  return typeof release === 'string' && release !== '' ? release : undefined
}

export const stableHost = (config: Config): string => getContainerHost(config, config.backend.dnsLabel)
export const surgeHost = (config: Config): string => getContainerHost(config, surgeLabel(config))
