import type { Run } from '../cli/defineScript.ts'
import type { Config } from '../config/config.ts'
import { findShared, getEnvironmentFile, type Others, readOthers } from '../config/environments.ts'
import { type OpsError, usageError } from '../util/errors.ts'

/**
 * The configuration of a run that changes something. Throws (exit 2) when another environment of the folder names the
 * same resources and neither file allows that. Nothing has been changed then.
 */
export async function getSeparateConfig(run: Pick<Run<object>, 'config' | 'log'>): Promise<Config> {
  const config = await run.config()
  const others = await readOthers(config)
  for (const { file, why } of others.unreadable)
    run.log(`! ${file} cannot be read, so what it names is not known: ${why}`)
  assertSeparate(config, others)
  return config
}

/** Throws (exit 2) naming what the first other environment names, too, unless SHARES in either file lists it. */
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
  // What is added to .env is read by every environment.
  const second = config.environment === 'default' ? theirs : file
  return usageError(
    `${file} names what ${theirs} names, too:\n${lines.join('\n')}`,
    [
      `Set other names in ${second}. If both are meant to share this, write there: SHARES=${[...new Set(kinds)].join(',')}`,
      ...(other.environment === 'default'
        ? []
        : [`If ${theirs} is only a copy and no environment, move it to another folder`]),
      ...(config.environment === 'default' || other.environment === 'default'
        ? ['If .env only holds what the environments have in common, write BASE_ONLY=yes in .env']
        : []),
    ].join('\n  '),
  )
}
