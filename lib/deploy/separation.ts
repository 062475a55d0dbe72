import { getResources } from '../azure/resources/index.ts'
import type { Config } from '../config/config.ts'
import {
  getEnvironmentFile,
  isSameCloud,
  type Others,
  readOthers,
  type ShareRule,
} from '../config/environments.ts'
import { shareKinds } from '../config/schema.ts'
import { type OpsError, usageError } from '../util/errors.ts'
import { siteShareRules } from '../vps/shareRules.ts'

/** Something that both environments name and that is, as far as can be told, the same thing. */
export interface Shared extends Pick<ShareRule, 'kind' | 'keys'> {
  /** `PostgreSQL server codexdominion-db` */
  what: string
}

/** Something that this environment shares with others, and their files. */
export interface SharedWith extends Shared {
  files: string[]
}

/** Finds everything that other environments also name, intended or not. */
export function findSharedWithOthers(config: Config, { environments }: Others): SharedWith[] {
  const found = new Map<string, SharedWith>()
  for (const other of environments) {
    for (const shared of findShared(config, other)) {
      const known = found.get(shared.kind)
      if (known) known.files.push(getEnvironmentFile(other))
      else found.set(shared.kind, { ...shared, files: [getEnvironmentFile(other)] })
    }
  }
  return [...found.values()]
}

/** Every rule, in the order of `shareKinds`. */
export function listShareRules(config: Config): ShareRule[] {
  const inAzure = getResources(config)
    .flatMap(({ shared }) => shared)
    .map(
      (rule): ShareRule => ({
        ...rule,
        isSame: (own, its) => isSameCloud(own, its) && rule.isSame(own, its),
      }),
    )
  const rank = ({ kind }: ShareRule) => shareKinds.indexOf(kind)
  return [...inAzure, ...siteShareRules].sort((a, b) => rank(a) - rank(b))
}

/** Finds everything that both environments name, intended or not. */
export const findShared = (config: Config, other: Config): Shared[] =>
  listShareRules(config)
    .filter(({ isSame }) => isSame(config, other))
    .map(({ kind, keys, describe }) => ({ kind, what: describe(config), keys }))

/**
 * The configuration of a run that makes changes. Throws (exit 2) when another environment names the same resource and
 * neither file allows it.
 */
export async function getSeparateConfig(run: {
  config(): Promise<Config>
  log(line: string): void
}): Promise<Config> {
  const config = await run.config()
  const others = await readOthers(config)
  for (const { file, why } of others.unreadable)
    run.log(`! ${file} cannot be read, so it is unknown what it names: ${why}`)
  assertSeparate(config, others)
  return config
}

/** Throws (exit 2), listing what the first other environment also names, unless SHARES in either file allows it. */
export function assertSeparate(config: Config, { environments }: Others): void {
  for (const other of environments) {
    const meant = [...config.shares, ...other.shares]
    const shared = findShared(config, other).filter(({ kind }) => !meant.includes(kind))
    if (shared.length === 0) continue
    const lines = shared.map(({ what, keys }) => `  ${what} (${keys.join(', ')})`)
    throw refusal(config, other, lines, [...meant, ...shared.map(({ kind }) => kind)])
  }
}

function refusal(config: Config, other: Config, lines: string[], kinds: readonly string[]): OpsError {
  const [file, theirs] = [getEnvironmentFile(config), getEnvironmentFile(other)]
  // Every environment reads whatever is added to .env.
  const second = config.environment === 'default' ? theirs : file
  return usageError(
    `${file} and ${theirs} name the same resources:\n${lines.join('\n')}`,
    [
      `Set different names in ${second}. If both are meant to share them, add to it: SHARES=${[...new Set(kinds)].join(',')}`,
      ...(other.environment === 'default'
        ? []
        : [`If ${theirs} is only a copy and not an environment, move it to another folder`]),
      ...(config.environment === 'default' || other.environment === 'default'
        ? ['If .env holds only what the environments have in common, write BASE_ONLY=yes in .env']
        : []),
    ].join('\n  '),
  )
}
