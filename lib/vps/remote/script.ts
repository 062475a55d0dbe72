import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import type { Config } from '../../config/config.ts'
import type { Command, HostCommand } from '../../shell/command.ts'
import type { EffectKind } from '../../util/effect.ts'
import { vps } from './vps.ts'

/**
 * Reads exactly the script from standard input, so that the rest is the script's input. An incomplete script, after a lost
 * connection, does not run.
 */
const loader =
  'script=$(head -c "$1") && [ "$(printf %s "$script" | wc -c)" -eq "$1" ] && shift && eval "$script"'

/**
 * A POSIX sh script of this folder, run as root on the VPS. Values are its arguments, never a part of its text.
 *
 * @param payload the script's standard input; a function opens it once per attempt
 */
export function remoteScript(
  config: Config,
  effect: EffectKind,
  name: string,
  args: readonly string[],
  rest: Partial<Pick<Command, 'timeoutMs' | 'accept' | 'explain' | 'retry'>> & {
    payload?: readonly Uint8Array[] | (() => AsyncIterable<Uint8Array>)
  } = {},
): HostCommand {
  const { payload = [], ...options } = rest
  // $( ) drops newlines at the end.
  const script = readFileSync(path.join(import.meta.dirname, `${name}.sh`), 'utf8').trimEnd()
  async function* input(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(script)
    yield* typeof payload === 'function' ? payload() : payload
  }
  const { sudo } = vps(config)
  const run = { read: sudo, change: sudo.change, record: sudo.record }[effect]
  const stdin = () => Readable.from(input(), { objectMode: false })
  return run({ ...options, stdin })`sh -c ${loader} ${name} ${Buffer.byteLength(script)} ${args}`
}

/** Files for a script: pairs of name and length as its arguments, the contents as its input. */
export function packFiles(files: Readonly<Record<string, string>>) {
  const payload = Object.values(files).map((content) => Buffer.from(content))
  const pairs = Object.keys(files).flatMap((name, index) => [name, String(payload[index]!.length)])
  return { pairs, payload }
}

const write = 'cat > "$1/.$2.new" && mv "$1/.$2.new" "$1/$2"'
/** Names that begin with a time sort by age. What cannot be removed now is removed next time. */
const prune = '{ cd "$1" && LC_ALL=C ls | head -n "-$3" | xargs -r rm -f --; } || :'

/**
 * Writes a file of this tool's own records on the VPS by one rename.
 * @param folder `ours` is created if it is missing, readable only by root; `there` must exist
 * @param keep how many files of the folder to keep, the last by name; undefined: all
 */
export const recordFile = (
  config: Config,
  folder: { ours: string } | { there: string },
  name: string,
  text: string,
  keep?: number,
): Command => {
  const [ready, place] =
    'ours' in folder ? ['umask 077 && mkdir -p "$1" && ', folder.ours] : ['', folder.there]
  const [after, args] = keep === undefined ? ['', []] : [` && ${prune}`, [String(keep)]]
  const script = `${ready}${write}${after}`
  return vps(config).sudo.record({ stdin: text })`sh -c ${script} record ${place} ${name} ${args}`
}
