import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { Config } from '../../config/config.ts'
import type { Command, HostCommand } from '../../shell/command.ts'
import type { EffectKind } from '../../util/effect.ts'
import { vps } from './vps.ts'

/**
 * Reads the script off its standard input, exactly its own length, so that what follows is the script's input. A script
 * that a lost connection cut off is not run.
 */
const loader =
  'script=$(head -c "$1") && [ "$(printf %s "$script" | wc -c)" -eq "$1" ] && shift && eval "$script"'

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
): HostCommand {
  const { payload, ...options } = rest
  // $( ) drops newlines at the end.
  const script = readFileSync(path.join(import.meta.dirname, `${name}.sh`), 'utf8').trimEnd()
  const { sudo } = vps(config)
  const run = { read: sudo, change: sudo.change, record: sudo.record }[effect]
  const stdin = () => Readable.from(concat(Buffer.from(script), payload), { objectMode: false })
  return run({ ...options, stdin })`sh -c ${loader} ${name} ${Buffer.byteLength(script)} ${args}`
}

async function* concat(
  script: Uint8Array,
  payload: (() => AsyncIterable<Uint8Array>) | undefined,
): AsyncGenerator<Uint8Array> {
  yield script
  if (payload) yield* payload()
}
