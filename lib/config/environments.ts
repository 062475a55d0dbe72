import { readdirSync } from 'node:fs'
import { getMessage } from '../util/errors.ts'
import type { Config } from './config.ts'
import { isBaseOnly, loadConfig } from './load.ts'
import { findShared, type Shared } from './shared.ts'

/** The other environments of a folder. */
export interface Others {
  environments: Config[]
  /** What has the name of an environment's file and does not read as one. */
  unreadable: { file: string; why: string }[]
}

/** The file that makes an environment: `.env`, or `.env.NAME`. */
export const environmentFile = ({ environment }: Pick<Config, 'environment'>): string =>
  environment === 'default' ? '.env' : `.env.${environment}`

/** Names of the environments of a folder, as --env takes them; undefined = `.env` itself. */
export function listEnvironments(folder: string): (string | undefined)[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .flatMap(({ name }) => {
      if (name === '.env') return [undefined]
      // Other than in --env's names, a second full stop is in those of copies: .env.prod.bak.
      const given = /^\.env\.([A-Za-z0-9_-]+)$/.exec(name)?.[1]
      // No name for --env, either (load.ts): a file .env.default is a template.
      const isTemplate = given === 'example' || given === 'default'
      // Vim's swap file while somebody edits .env.
      const isSwap = /^sw[a-p]$/.test(given ?? '')
      return given === undefined || isTemplate || isSwap ? [] : [given]
    })
    .sort()
}

/** Reads every environment of the folder but this one. Never throws for a file that does not read as one. */
export async function readOthers(config: Config): Promise<Others> {
  const others: Others = { environments: [], unreadable: [] }
  for (const name of listEnvironments(config.folder)) {
    if ((name ?? 'default') === config.environment) continue
    const file = environmentFile({ environment: name ?? 'default' })
    try {
      if (name === undefined && (await isBaseOnly(config.folder))) continue
      others.environments.push(await loadConfig(config.folder, name))
    } catch (thrown) {
      others.unreadable.push({ file, why: getMessage(thrown).split('\n').slice(0, 2).join(' ').trim() })
    }
  }
  return others
}

/** What this environment shares with the others, by the file that names it, too. */
export interface SharedWith extends Shared {
  files: string[]
}

/** Everything that another environment names, too; what is meant to be shared as well. */
export function sharedWithOthers(config: Config, { environments }: Others): SharedWith[] {
  const found = new Map<string, SharedWith>()
  for (const other of environments) {
    for (const shared of findShared(config, other)) {
      const known = found.get(shared.kind)
      if (known) known.files.push(environmentFile(other))
      else found.set(shared.kind, { ...shared, files: [environmentFile(other)] })
    }
  }
  return [...found.values()]
}
