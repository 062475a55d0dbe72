import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { type Config, formatKeyFile, type Server } from '../../config/config.ts'
import { type Command, commandTemplate, type HostCommand, onHost } from '../../shell/command.ts'
import type { VpsContext } from '../../tasks/task.ts'
import type { EffectKind } from '../../util/effect.ts'
import { exitCode, type Failure } from '../../util/errors.ts'

/** The site on one server. */
export type Site = Pick<VpsContext, 'config' | 'server'>

export const acmeRoot = '/var/www/_acme'
export const renewalHook = '/etc/letsencrypt/renewal-hooks/deploy/dominion-nginx'
export const getSiteRoot = ({ ionos, domain }: Config): string => `${ionos.webRoot}/${domain}`

/**
 * Templates for commands on the VPS. `` vps(server)`df /` `` runs as the user of the login, `vps(server).sudo` as root,
 * through sudo if necessary. sudo may replace the locale of the connection (ssh/frame.ts) by PAM's, depending on sudoers
 * (sudoers(5), Command environment), so LC_ALL is set again.
 */
export function vps(server: Server) {
  const run = onHost(server)
  const prefix = server.user === 'root' ? [] : ['sudo', '-n', '--', 'env', 'LC_ALL=C']
  const sudo = commandTemplate((argv, effect, options) => {
    const explain = (output: string) => explainSudo(server, output) ?? options.explain?.(output)
    return { ...run({ ...options, explain })`${prefix} ${argv}`, effect }
  })
  return Object.assign(run, { sudo })
}

/** What sudo and sudo-rs (Ubuntu 25.10 and later) print when they would ask for a password, or refuse the user. */
const refusedBySudo = new RegExp(
  [
    'sudo: .*password is required|sudo: a terminal is required|is not in the sudoers|is not allowed to execute',
    "sudo: interactive authentication is required|I'm sorry \\S+ I'm afraid I can't do that",
    'Sorry, user \\S+ may not run',
  ].join('|'),
  'i',
)

function explainSudo({ user, address, keys }: Server, output: string): Partial<Failure> | undefined {
  if (user === 'root') return undefined
  const failure = { said: output.trim(), exitCode: exitCode.notLoggedIn }
  const asRoot = `Set ${keys.user}=root in ${formatKeyFile(keys.user)}`
  if (/sudo: sorry, you must have a tty/i.test(output)) {
    return {
      ...failure,
      what: `sudo on ${address} wants a terminal (requiretty), and these commands have none`,
      next: `${asRoot}, or add this line there (visudo): Defaults:${user} !requiretty`,
    }
  }
  if (refusedBySudo.test(output)) {
    return {
      ...failure,
      what: `${user} may not use sudo without a password on ${address}`,
      next: `${asRoot}, or allow it there (visudo): ${user} ALL=(ALL) NOPASSWD: ALL`,
    }
  }
  if (!/sudo: (command )?not found/i.test(output)) return undefined
  return {
    ...failure,
    what: `${user} is not root on ${address}, and sudo is not installed there`,
    next: `${asRoot}, or install sudo on the VPS.`,
  }
}

/** Reads exactly the script from standard input; the rest is the script's input. An incomplete script does not run. */
const loader =
  'script=$(head -c "$1") && [ "$(printf %s "$script" | wc -c)" -eq "$1" ] && shift && eval "$script"'

/**
 * A POSIX sh script of this folder, run as root on the VPS. Values are its arguments, never a part of its text.
 * @param payload the script's standard input; a function opens it once per attempt
 */
export function remoteScript(
  server: Server,
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
  const { sudo } = vps(server)
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
  server: Server,
  folder: { ours: string } | { there: string },
  name: string,
  text: string,
  keep?: number,
): Command => {
  const [ready, place] =
    'ours' in folder ? ['umask 077 && mkdir -p "$1" && ', folder.ours] : ['', folder.there]
  const [after, args] = keep === undefined ? ['', []] : [` && ${prune}`, [String(keep)]]
  const script = `${ready}${write}${after}`
  return vps(server).sudo.record({ stdin: text })`sh -c ${script} record ${place} ${name} ${args}`
}
