import path from 'node:path'
import { writeAtomically } from '../util/files.ts'
import { parseJson, readIfPresent } from '../util/json.ts'
import type { Config } from './config.ts'

/*
 * Azure chooses the host name of the backend (docs/azure.md). What may not ask Azure, such as `health --quick` and a
 * deploy with --skip-azure, uses the name that this machine saw last.
 */

const getFile = ({ stateDir }: Config): string => path.join(stateDir, 'backend-host.json')

/**
 * What this process saw, by file and resource group: within the process, a full or read-only state folder loses
 * nothing.
 */
const seenHere = new Map<string, string>()

const getKey = (config: Config): string => `${getFile(config)}\n${config.azure.resourceGroup}`

/** Stores the host name of the backend, whenever Azure has shown it. */
export function rememberBackendHost(config: Config, host: string): void {
  seenHere.set(getKey(config), host)
  if (readStoredHost(config) === host) return
  try {
    const seen = { resourceGroup: config.azure.resourceGroup, host }
    writeAtomically(getFile(config), JSON.stringify(seen), { mode: 0o600 })
  } catch {
    // A later process then says that it is unknown, or asks Azure.
  }
}

/** The host name that Azure last showed this machine; undefined if it never did. */
export const getRememberedHost = (config: Config): string | undefined =>
  seenHere.get(getKey(config)) ?? readStoredHost(config)

function readStoredHost(config: Config): string | undefined {
  const text = readIfPresent(getFile(config)) ?? ''
  const seen = parseJson<{ resourceGroup?: unknown; host?: unknown }>(text)
  const { resourceGroup } = config.azure
  const { host } = seen ?? {}
  return seen?.resourceGroup === resourceGroup && typeof host === 'string' && isHost(host) ? host : undefined
}

/** A URL with any other text would fail, or reach another host. */
const isHost = (text: string): boolean => URL.parse(`http://${text}`)?.host === text

interface AzureGroups {
  groups(): Promise<unknown>
}

/** The same. If this machine has never seen it, asks Azure; undefined when there is no backend. */
export const findBackendHost = async (config: Config, azure: AzureGroups): Promise<string | undefined> =>
  getRememberedHost(config) ?? askForBackendHost(config, azure)

/**
 * Asks Azure although a name is known, for when that name does not answer: another machine may have given the backend
 * another label. Without a backend, this returns the previous name.
 */
export async function askForBackendHost(config: Config, azure: AzureGroups): Promise<string | undefined> {
  // It remembers what it sees.
  await azure.groups()
  return getRememberedHost(config)
}
