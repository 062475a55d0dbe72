import { existsSync, readFileSync } from 'node:fs'
import net from 'node:net'
import { setImmediate as aTurn } from 'node:timers/promises'
import type { Client } from 'ssh2'
import type { Config } from '../../config/config.ts'
import { createNetworkOptions } from '../../config/network.ts'
import type { Host, Remote } from '../../shell/remote.ts'
import type { Context } from '../../tasks/context.ts'
import { findLogins, readSshSettings, type SshSettings } from './keys.ts'
import type { HostKeyVerdict } from './knownHosts.ts'

const connectMs = 15_000
const handshakeMs = 20_000

/**
 * Opens the one connection to a host: host key checked against known_hosts (fail closed), public keys only, no Nagle
 * delay (FACTS: 40–80 ms an exec).
 * @param onGreeting hears once what the login shell prints before the lines that it runs
 * Throws exit 2 (wrong key file), 3 (unreachable, unknown or changed host key), 4 (keys refused).
 */
export async function openHost(
  { config, runner }: Context,
  host: Host,
  leaving: AbortSignal,
  onGreeting?: (text: string) => void,
): Promise<Remote> {
  const settings = await readSshSettings(host, runner)
  // The way to the VPS and back goes on while ssh is loaded, which takes all of this process once it has begun.
  const connecting = connectTcp(config, host, settings, leaving)
  connecting.catch(() => {}) // heard below
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
  // Names that known_hosts may list this server under, the configured one first.
  const names = settings.hostKeyAlias
    ? [settings.hostKeyAlias]
    : [...new Set([formatHostName(host.address, host.port), formatHostName(settings.hostname, host.port)])]
  const known = existsSync(host.knownHosts) ? parseKnownHosts(readFileSync(host.knownHosts, 'utf8')) : []
  const socket = await connecting
  if (socket.errored) throw createHandshakeError(host, socket.errored)

  let judged: { verdict: HostKeyVerdict; key: string } | undefined
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
      algorithms: { serverHostKey: getHostKeyAlgorithms(known, names) as never },
      hostVerifier: (shown: Buffer) => {
        const key = shown.toString('base64')
        judged = { key, verdict: evaluateHostKey(known, names, key) }
        return judged.verdict.is === 'known'
      },
      authHandler: (_left, _partial, next) => {
        const way = waiting.shift()
        if (way) tried.push(way.name)
        next(way ? way.method : (false as never))
      },
    })
  } catch (error) {
    socket.destroy()
    if (judged && judged.verdict.is !== 'known')
      throw createHostKeyError(host, names[0]!, judged.key, judged.verdict)
    if ((error as { level?: string }).level === 'client-authentication' || judged) {
      throw createLoginError(host, error as Error, tried, logins.skipped)
    }
    throw createHandshakeError(host, error as Error)
  }
  const remote = createRemote(ssh.connection as Client, host, onGreeting)
  return {
    ...remote,
    close() {
      remote.close()
      socket.destroySoon() // what is written still goes; nothing is left to be heard
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
    const leave = () => fail(new Error('it is needed no longer'))
    leaving.addEventListener('abort', leave)
    socket.once('error', fail)
    socket.once('connect', () => {
      clearTimeout(timer)
      leaving.removeEventListener('abort', leave)
      socket.removeListener('error', fail)
      // Until ssh listens: it looks at socket.errored then.
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}
