import path from 'node:path'
import { writeAtomically } from '../util/files.ts'
import { parseJson, readIfPresent } from '../util/json.ts'
import { type Config, getSubscription } from './config.ts'

/*
 * Azure chooses the host name of the backend (docs/azure.md). What may not ask Azure, such as `health --quick` and a
 * deploy with --skip-azure, uses the name that this machine saw last.
 */

/** The host name that Azure showed, and where. A file of an older release names no subscription and counts as none. */
interface Seen {
  /** Its id. */
  subscription: string
  /** AZURE_SUBSCRIPTION at that time: an id, a name, or empty for az's default. */
  configured: string
  resourceGroup: string
  host: string
}

const getFile = ({ stateDir }: Config): string => path.join(stateDir, 'backend-host.json')

/** What this process saw, by file: within the process, a full or read-only state folder loses nothing. */
const seenHere = new Map<string, Seen>()

/** Stores the host name of the backend, whenever Azure has shown it in this subscription. */
export function rememberBackendHost(config: Config, subscription: string, host: string): void {
  const file = getFile(config)
  const { resourceGroup, subscription: configured } = config.azure
  const seen: Seen = { subscription, configured, resourceGroup, host }
  seenHere.set(file, seen)
  const text = JSON.stringify(seen)
  try {
    if (readIfPresent(file) !== text) writeAtomically(file, text, { mode: 0o600 })
  } catch {
    // A later process then says that it is unknown, or asks Azure.
  }
}

/** The host name that Azure last showed this machine; undefined if it never did. */
export function getRememberedHost(config: Config): string | undefined {
  const file = getFile(config)
  const stored = parseJson<Partial<Seen>>(readIfPresent(file) ?? '')
  return [seenHere.get(file), stored].find((seen) => seen && isOwn(config, seen))?.host
}

/**
 * Whether this is the backend of this configuration. As soon as az has named the subscription of this run, its id decides:
 * az's default may be another one by now.
 */
function isOwn({ azure }: Config, { subscription, configured, resourceGroup, host }: Partial<Seen>): boolean {
  const used = getSubscription()
  const isSameSubscription =
    used === undefined ? [subscription, configured].includes(azure.subscription) : subscription === used
  return isSameSubscription && resourceGroup === azure.resourceGroup && isHost(host)
}

/** A URL with any other text would fail, or reach another host. */
const isHost = (text: unknown): boolean =>
  typeof text === 'string' && URL.parse(`http://${text}`)?.host === text

/** A client of Azure, which remembers the host that it sees. */
export interface AzureGroups {
  groups(): Promise<unknown>
}

/** The backend's host. If this machine has never seen it, asks Azure; undefined when there is no backend. */
export const findBackendHost = async (config: Config, azure: AzureGroups): Promise<string | undefined> =>
  getRememberedHost(config) ?? askForBackendHost(config, azure)

/**
 * Asks Azure although a name is known, for when that name does not answer: another machine may have given the backend
 * another label. Without a backend, this returns the previous name.
 */
export async function askForBackendHost(config: Config, azure: AzureGroups): Promise<string | undefined> {
  await azure.groups()
  return getRememberedHost(config)
}

/**
 * Whether the backend that this configuration describes can have this name, and nobody outside its tenant:
 * LABEL.HASH.REGION.azurecontainer.io. A name without the hash is free for everybody once its group is gone.
 */
export function isTenantHost({ azure, backend }: Config, host: string): boolean {
  const [label, hash, region, ...domain] = host.split('.')
  return label === backend.dnsLabel && Boolean(hash) && region === azure.location && domain.length > 1
}
