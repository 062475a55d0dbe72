import { existsSync, readFileSync } from 'node:fs'
import net from 'node:net'
import { setImmediate as aTurn } from 'node:timers/promises'
import type { Client } from 'ssh2'
import type { Config } from '../../config/config.ts'
import { createNetworkOptions } from '../../config/network.ts'
import type { Host, Remote } from '../../shell/remote.ts'
import type { Context } from '../../tasks/task.ts'
import { findLogins, readSshSettings, type SshSettings } from './keys.ts'
import type { HostKeyVerdict } from './knownHosts.ts'

const connectMs = 15_000
const handshakeMs = 20_000

/**
 * Opens the one connection to a host: the host key must be in known_hosts, and login is by public key only. Without
 * noDelay, Nagle's algorithm would add 40 to 80 ms to each line.
 * @param leaving aborted when the connection is no longer needed
 * @param onGreeting called once with what the login shell prints before a line
 * Throws exit 2 (wrong key file), 3 (unreachable, unknown or changed host key), 4 (keys refused).
 */
export async function openHost(
  { config, runner }: Context,
  host: Host,
  leaving: AbortSignal,
  onGreeting?: (text: string) => void,
): Promise<Remote> {
  const settings = await readSshSettings(host, runner)
  // Connect before ssh2 is loaded, because loading it blocks this process.
  const connecting = connectTcp(config, host, settings, leaving)
  connecting.catch(() => {}) // awaited below
  await aTurn()
  const loading = Promise.all([
    import('./knownHosts.ts'),
    import('./errors.ts'),
    import('./channel.ts'),
    import('node-ssh'),
    findLogins(host, settings),
  ])
  const [hosts, errors, { createRemote }, { NodeSSH }, logins] = await loading.catch((thrown) => {
    connecting.then((opened) => opened.destroy()).catch(() => {})
    throw thrown
  })
  const { getHostKeyAlgorithms, evaluateHostKey, formatHostName, parseKnownHosts } = hosts
  const { createHandshakeError, createHostKeyError, createLoginError } = errors
  // The names that known_hosts may use for this server, the configured one first.
  const names = settings.hostKeyAlias
    ? [settings.hostKeyAlias]
    : [...new Set([formatHostName(host.address, host.port), formatHostName(settings.hostname, host.port)])]
  const known = existsSync(host.knownHosts) ? parseKnownHosts(readFileSync(host.knownHosts, 'utf8')) : []
  const socket = await connecting
  if (socket.errored) throw createHandshakeError(host, socket.errored)

  let shown: { verdict: HostKeyVerdict; key: string } | undefined
  const tried: string[] = []
  const waiting = [...logins.methods]
  const ssh = new NodeSSH()
  try {
    await ssh.connect({
      host: host.address,
      username: host.user,
      sock: socket,
      readyTimeout: handshakeMs,
      keepaliveInterval: 15_000,
      keepaliveCountMax: 4,
      algorithms: { serverHostKey: getHostKeyAlgorithms(known, names) },
      hostVerifier: (blob: Buffer) => {
        const key = blob.toString('base64')
        shown = { key, verdict: evaluateHostKey(known, names, key) }
        return shown.verdict.is === 'known'
      },
      // ssh2 also accepts a method as the result, or false when there is no other; its types allow only a callback.
      authHandler: () => {
        const login = waiting.shift()
        if (login) tried.push(login.name)
        return login?.method ?? false
      },
    })
  } catch (error) {
    socket.destroy()
    if (shown && shown.verdict.is !== 'known')
      throw createHostKeyError(host, names[0]!, shown.key, shown.verdict)
    if ((error as { level?: string }).level === 'client-authentication' || shown)
      throw createLoginError(host, error as Error, tried, logins.skipped)
    throw createHandshakeError(host, error as Error)
  }
  const remote = createRemote(ssh.connection as Client, host, onGreeting)
  return {
    ...remote,
    close() {
      remote.close()
      socket.destroySoon() // Sends what has been written and waits for no answer.
    },
  }
}

async function connectTcp(
  config: Config,
  host: Host,
  settings: SshSettings,
  leaving: AbortSignal,
): Promise<net.Socket> {
  const { hostname } = settings
  const { resolve } = createNetworkOptions(config)
  const failed = async (error: NodeJS.ErrnoException) => {
    const { createSocketError } = await import('./errors.ts')
    return createSocketError(config, host, hostname, error, settings.proxy)
  }
  const addresses = await resolve(hostname).catch(async (error: NodeJS.ErrnoException) => {
    throw await failed(error)
  })
  const socket = net.connect({
    host: hostname,
    port: host.port,
    noDelay: true,
    lookup: (_name, options, done) => {
      const [first] = addresses
      if (options.all) done(null, addresses)
      else if (first) done(null, first.address, first.family)
      else done(Object.assign(new Error('no address'), { code: 'ENOTFOUND' }), '')
    },
  })
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      socket.destroy()
      failed(error).then(reject, reject)
    }
    const timer = setTimeout(
      () => fail(Object.assign(new Error('time-out'), { code: 'ETIMEDOUT' })),
      connectMs,
    )
    const leave = () => fail(new Error('it is no longer needed'))
    leaving.addEventListener('abort', leave)
    socket.once('error', fail)
    socket.once('connect', () => {
      clearTimeout(timer)
      leaving.removeEventListener('abort', leave)
      socket.removeListener('error', fail)
      // Only until ssh2 listens; an earlier error is in socket.errored.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}
