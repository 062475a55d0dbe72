import { closeSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs'
import path from 'node:path'
import { getMessage } from '../util/errors.ts'
import type { Config } from './config.ts'
import { isBaseOnly, isReserved, loadConfig } from './load.ts'
import type { KeyName, ShareKind } from './schema.ts'

export interface Others {
  environments: Config[]
  /** Files that are named like an environment file but cannot be read as one. */
  unreadable: { file: string; why: string }[]
}

/** The file of an environment: `.env`, or `.env.NAME`. */
export const getEnvironmentFile = ({ environment }: Pick<Config, 'environment'>): string =>
  environment === 'default' ? '.env' : `.env.${environment}`

/** Lists the environments in a folder by their names for --env; undefined stands for `.env` itself. */
export function listEnvironments(folder: string): (string | undefined)[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .flatMap(({ name }) => {
      if (name === '.env') return [undefined]
      // A second dot marks a copy (.env.prod.bak); names for --env contain no dot.
      const given = /^\.env\.([A-Za-z0-9_-]+)$/.exec(name)?.[1]
      if (given === undefined || isReserved(given)) return []
      // Vim calls the swap file of an .env that is being edited .env.swp, but somebody may call an environment so.
      return isSwapFile(path.join(folder, name)) ? [] : [given]
    })
    .sort()
}

/** Whether a file starts like a swap file of Vim (block 0, https://github.com/vim/vim/blob/master/src/memline.c). */
function isSwapFile(file: string): boolean {
  // Opening a pipe would wait for its writer.
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile()) return false
  const start = Buffer.alloc(6)
  try {
    const opened = openSync(file, 'r')
    try {
      readSync(opened, start)
    } finally {
      closeSync(opened)
    }
  } catch {
    return false // whoever reads it as an environment reports why it cannot be read
  }
  return start.toString('latin1') === 'b0VIM '
}

/** Reads all other environments in the folder. Does not throw when one cannot be read. */
export async function readOthers(config: Config): Promise<Others> {
  const others: Others = { environments: [], unreadable: [] }
  for (const name of listEnvironments(config.folder)) {
    if ((name ?? 'default') === config.environment) continue
    const file = getEnvironmentFile({ environment: name ?? 'default' })
    try {
      if (name === undefined && (await isBaseOnly(config.folder))) continue
      others.environments.push(await loadConfig(config.folder, name))
    } catch (thrown) {
      // Removed since it was listed: it names nothing any more.
      if (!lstatSync(path.join(config.folder, file), { throwIfNoEntry: false })) continue
      others.unreadable.push({ file, why: getMessage(thrown).split('\n').slice(0, 2).join(' ').trim() })
    }
  }
  return others
}

/** When two environments share something, and how it is named. */
export interface ShareRule {
  kind: ShareKind
  /** The keys that name it. */
  keys: readonly [KeyName, ...KeyName[]]
  /** `PostgreSQL server codexdominion-db` */
  describe(config: Config): string
  /** When `isSame` is true, for docs/runbook.md. */
  sameWhen: string
  isSame(config: Config, other: Config): boolean
}

/**
 * Whether both use the same Azure. The names of servers, registries and addresses are unique in all of Azure,
 * so a different subscription alone does not separate them. Two clouds count as different only when the login
 * folder, the proxy, the trusted authority and the subscription all differ.
 */
export function isSameCloud(config: Config, other: Config): boolean {
  const ways = ['AZURE_CONFIG_DIR', 'HTTPS_PROXY', 'REQUESTS_CA_BUNDLE'] as const
  const [own, its] = [config.network.azEnvironment, other.network.azEnvironment]
  const apart =
    ways.every((way) => own[way] !== its[way]) && config.azure.subscription !== other.azure.subscription
  return !apart
}
