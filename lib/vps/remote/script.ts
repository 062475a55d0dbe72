import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { EffectKind } from '../../util/effect.ts'
import { exitCode, type Failure } from '../../util/errors.ts'

/**
 * Reads the script off its standard input, exactly its own length, so that what follows is the script's input. A script
 * that a lost connection cut off is not run.
 */
const loader =
  'script=$(head -c "$1") && [ "$(printf %s "$script" | wc -c)" -eq "$1" ] && shift && eval "$script"'

const minute = 60_000

/**
 * A command line as root there: itself for root, through sudo for everyone else. sudo keeps the locale of the connection
 * (sshFrame.ts) unless sudoers says otherwise, and takes PAM's then (sudoers(5), Command environment).
 */
export const asRoot = (config: Config, argv: readonly string[]): string[] =>
  config.ionos.user === 'root' ? [...argv] : ['sudo', '-n', '--', 'env', 'LC_ALL=C', ...argv]

/**
 * A POSIX sh script of `remote/`, run as root on the VPS. Values of the configuration arrive as its arguments and are
 * never part of its text.
 *
 * @param payload what the script reads on its standard input after itself; opened once per attempt
 */
export function remoteScript(
  config: Config,
  effect: EffectKind,
  name: string,
  args: readonly string[],
  rest: Partial<Pick<Command, 'timeoutMs' | 'accept' | 'explain' | 'retry'>> & {
    payload?: () => AsyncIterable<Uint8Array>
  } = {},
): Command {
  const { payload, ...options } = rest
  // $( ) drops newlines at the end.
  const script = readFileSync(path.join(import.meta.dirname, `${name}.sh`), 'utf8').trimEnd()
  return {
    argv: asRoot(config, ['sh', '-c', loader, name, String(Buffer.byteLength(script)), ...args]),
    on: 'vps',
    effect,
    timeoutMs: 2 * minute,
    ...options,
    stdin: () => Readable.from(joined(Buffer.from(script), payload), { objectMode: false }),
    explain: (output) => sudoTrouble(config, output) ?? options.explain?.(output),
  }
}

async function* joined(
  script: Uint8Array,
  payload: (() => AsyncIterable<Uint8Array>) | undefined,
): AsyncGenerator<Uint8Array> {
  yield script
  if (payload) yield* payload()
}

/** A single command as root on the VPS. */
export const rootCommand = (
  config: Config,
  effect: EffectKind,
  argv: readonly string[],
  rest: Partial<Omit<Command, 'argv' | 'on' | 'effect'>> = {},
): Command => ({
  argv: asRoot(config, argv),
  on: 'vps',
  effect,
  timeoutMs: 2 * minute,
  ...rest,
  explain: (output) => sudoTrouble(config, output) ?? rest.explain?.(output),
})

/** What sudo says when it will not do it without a person. */
function sudoTrouble(config: Config, output: string): Partial<Failure> | undefined {
  const { user, host } = config.ionos
  if (user === 'root') return undefined
  if (/sudo: .*password is required|sudo: a terminal is required|is not in the sudoers/i.test(output)) {
    return {
      what: `${user} may not use sudo without a password on ${host}`,
      said: output.trim(),
      next: `Set IONOS_USER=root, or allow it there (visudo): ${user} ALL=(ALL) NOPASSWD: ALL`,
      exitCode: exitCode.notLoggedIn,
    }
  }
  if (/sudo: (command )?not found/i.test(output)) {
    return {
      what: `${user} is not root on ${host}, and sudo is not installed there`,
      said: output.trim(),
      next: 'Set IONOS_USER=root, or install sudo on the VPS.',
      exitCode: exitCode.notLoggedIn,
    }
  }
  return undefined
}
