import { homedir, userInfo } from 'node:os'
import path from 'node:path'
import { type Command, local } from '../../shell/command.ts'
import type { Host } from '../../shell/remote.ts'
import type { Runner } from '../../shell/runner.ts'

type Place = Pick<Host, 'address' | 'port' | 'user'>

/** The settings of ssh's own configuration for a host that matter here. */
export type SshSettings = ReturnType<typeof getDefaultSettings>

const ownFile = (name: string): string => path.join(homedir(), '.ssh', name)
const defaultKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'].map(ownFile)
export const usualKnownHosts = ownFile('known_hosts')

/** The settings with IONOS_SSH_KEY or without OpenSSH. */
const getDefaultSettings = ({ address, port, user }: Place) => ({
  ...{ hostname: address, port, user, hostKeyAlias: '' },
  ...{ identityFiles: defaultKeys, identitiesOnly: false },
  /** The agent's socket; '' when there is none. */
  agent: process.env.SSH_AUTH_SOCK ?? (process.platform === 'win32' ? '\\\\.\\pipe\\openssh-ssh-agent' : ''),
  knownHosts: [usualKnownHosts],
  /** The files of RevokedHostKeys. */
  revokedHostKeys: [] as string[],
  /** The jump hosts on the way, the first one first. */
  jumps: [] as string[],
  /** '' when there is none. It is named in messages, but never run. */
  proxyCommand: '',
})

/** What OpenSSH would use, or the defaults: with IONOS_SSH_KEY, and where `ssh -G` does not work. */
export async function readSshSettings(host: Host, runner: Pick<Runner, 'run'>): Promise<SshSettings> {
  return host.key ? getDefaultSettings(host) : askOpenSsh(host, runner)
}

/** The files that decide about a host's key. */
export type KeyFiles = Pick<SshSettings, 'knownHosts' | 'revokedHostKeys'>

/** What OpenSSH would use, also with IONOS_SSH_KEY, which replaces only the ways to log in and to connect. */
export async function readKeyFiles(
  host: Host,
  settings: SshSettings,
  runner: Pick<Runner, 'run'>,
): Promise<KeyFiles> {
  const { knownHosts, revokedHostKeys } = host.key ? await askOpenSsh(host, runner) : settings
  // IONOS_KNOWN_HOSTS takes precedence over ssh's own files.
  return { revokedHostKeys, knownHosts: host.knownHosts === usualKnownHosts ? knownHosts : [host.knownHosts] }
}

/** Whether OpenSSH would go through another machine. */
export async function hasProxy(host: Host, runner: Pick<Runner, 'run'>): Promise<boolean> {
  const { jumps, proxyCommand } = await askOpenSsh(host, runner)
  return jumps.length > 0 || proxyCommand !== ''
}

async function askOpenSsh(host: Host, runner: Pick<Runner, 'run'>): Promise<SshSettings> {
  const answer = await runner.run(settingsCommand(host)).catch(() => undefined)
  return answer ? parseSshSettings(answer.stdout, host) : getDefaultSettings(host)
}

/** `ssh -G` prints the settings without connecting (ssh(1)). */
export const settingsCommand = ({ address, port, user }: Place): Command =>
  local({ timeoutMs: 10_000 })`ssh -G -p ${port} -l ${user} -- ${address}`

/**
 * Reads a jump host as ProxyJump names it: `[user@]host[:port]` or `ssh://…` (ssh_config(5)). A missing user
 * or port comes from ssh's configuration.
 */
export async function readJump(
  text: string,
  behind: Host,
  runner: Pick<Runner, 'run'>,
): Promise<{ host: Host; settings: SshSettings }> {
  const [, named, bare = text, port] =
    /^(?:ssh:\/\/)?(?:(.+)@)?(\[[^\]]+\]|[^:]+)(?::(\d+))?\/?$/.exec(text) ?? []
  const address = bare.replace(/^\[(.*)\]$/, '$1')
  const ask = local({
    timeoutMs: 10_000,
  })`ssh -G ${port ? ['-p', port] : []} ${named ? ['-l', named] : []} -- ${address}`
  const { stdout } = await runner.run(ask)
  const unnamed = { address, port: Number(port ?? 22), user: named ?? userInfo().username }
  const settings = parseSshSettings(stdout, unnamed)
  const { knownHosts } = behind
  const label = `the jump host ${address}`
  const host = { name: 'jump', label, address, port: settings.port, user: settings.user, key: '', knownHosts }
  return { host, settings }
}

/** Parses the output of `ssh -G`: one `keyword value` per line. */
export function parseSshSettings(output: string, place: Place): SshSettings {
  const plain = getDefaultSettings(place)
  const lines = output.split(/\r?\n/).map((line) => {
    const [word = '', ...rest] = line.split(' ')
    return { word, value: rest.join(' ').trim() }
  })
  const one = (word: string) => lines.find((line) => line.word === word)?.value
  const set = (word: string) => ((one(word) ?? 'none') === 'none' ? '' : one(word)!)
  const { hostname, port, user } = {
    ...{ hostname: one('hostname') || plain.hostname, port: Number(one('port') ?? plain.port) },
    user: one('user') || plain.user,
  }
  const tokens: Record<string, string> = {
    ...{ '%': '%', d: homedir(), h: hostname, n: place.address },
    ...{ p: String(port), r: user, u: userInfo().username },
  }
  const expand = (text: string) =>
    expandHome(text).replaceAll(/%(.)/g, (whole, token: string) => tokens[token] ?? whole)
  const files = lines.filter((line) => line.word === 'identityfile').map((line) => expand(line.value))
  const getFiles = (word: string) => set(word).split(' ').filter(Boolean).map(expand)
  const known = ['userknownhostsfile', 'globalknownhostsfile'].flatMap(getFiles)
  const agent = one('identityagent')
  const named = agent === 'none' ? '' : expand(agent ?? '')
  return {
    ...{ hostname, port, user, hostKeyAlias: one('hostkeyalias') ?? '' },
    identityFiles: files.length > 0 ? files : plain.identityFiles,
    identitiesOnly: one('identitiesonly') === 'yes',
    agent: agent === undefined || agent === 'SSH_AUTH_SOCK' ? plain.agent : named,
    knownHosts: known.length > 0 ? known : plain.knownHosts,
    revokedHostKeys: getFiles('revokedhostkeys'),
    jumps: set('proxyjump').split(',').filter(Boolean).map(expand),
    proxyCommand: set('proxycommand'),
  }
}

const expandHome = (file: string): string => file.replace(/^~(?=$|[/\\])/, homedir())
