import path from 'node:path'
import { writeAtomically } from '../util/files.ts'
import { parseJson, readIfPresent } from '../util/json.ts'
import type { Config } from './config.ts'

/*
 * Azure chooses the host name of the backend (docs/azure.md). What may not ask Azure, such as `health --quick` and a
 * deploy with --skip-azure, uses the name that this machine saw last.
 */

const getFile = ({ stateDir }: Config): string => path.join(stateDir, 'backend-host.json')

/** Stores the host name of the backend, whenever Azure has shown it. */
export function rememberBackendHost(config: Config, host: string): void {
  if (getRememberedHost(config) === host) return
  try {
    const seen = { resourceGroup: config.azure.resourceGroup, host }
    writeAtomically(getFile(config), JSON.stringify(seen), { mode: 0o600 })
  } catch {
    // Whoever needs it then says that it is unknown, or asks Azure.
  }
}

/** The host name that Azure last showed this machine; undefined if it never did. */
export function getRememberedHost(config: Config): string | undefined {
  const text = readIfPresent(getFile(config)) ?? ''
  const seen = parseJson<{ resourceGroup?: unknown; host?: unknown }>(text)
  const { resourceGroup } = config.azure
  return seen?.resourceGroup === resourceGroup && typeof seen.host === 'string' ? seen.host : undefined
}

/** The same. If this machine has never seen it, asks Azure; undefined when there is no backend. */
export async function findBackendHost(
  config: Config,
  azure: { groups(): Promise<unknown> } | undefined,
): Promise<string | undefined> {
  const known = getRememberedHost(config)
  if (known !== undefined || !azure) return known
  // It remembers what it sees.
  await azure.groups()
  return getRememberedHost(config)
}
