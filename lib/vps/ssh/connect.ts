import net from 'node:net'
import type { Duplex } from 'node:stream'
import { setImmediate as aTurn } from 'node:timers/promises'
import type { Client } from 'ssh2'
import { createNetworkOptions } from '../../config/network.ts'
import type { Host, Remote } from '../../shell/remote.ts'
import type { Context } from '../../tasks/task.ts'
import { findLogins } from './keys.ts'
import type { FoundKey } from './knownHosts.ts'
import {
  hasProxy,
  type KeyFiles,
  readJump,
  readKeyFiles,
  readSshSettings,
  type SshSettings,
} from './settings.ts'

const connectMs = 15_000
const handshakeMs = 20_000

/** What a connection has to say to the operator. */
interface Tell {
  /** Called once with what the login shell prints before a line. */
  greeting?(text: string): void
  note?(text: string): void
}

/**
 * Opens the one connection to a host: the host key must be in known_hosts, and login is by public key only. ProxyJump of
 * ssh's configuration is followed; each jump host is checked and logged in to in the same way.
 * @param leaving aborted when the connection is no longer needed
 * Throws exit 2 (wrong key file), 3 (unreachable, unknown or changed host key), 4 (keys refused).
 */
export async function openHost(
  context: Context,
  host: Host,
  leaving: AbortSignal,
  tell: Tell = {},
): Promise<Remote> {
  const settings = await readSshSettings(host, context.runner)
  if (settings.proxyCommand)
    tell.note?.(
      `ssh's configuration has a ProxyCommand for ${host.address} (${settings.proxyCommand}), which these scripts do not run: they connect directly. They follow ProxyJump.`,
    )
  const jumps: Session[] = []
  const leave = () => {
    for (const jump of jumps.reverse()) jump.close()
  }
  try {
    for (const text of settings.jumps) {
      const jump = await readJump(text, host, context.runner)
      if (jump.settings.proxyCommand || jump.settings.jumps.length > 0)
        tell.note?.(
          `ssh's configuration has a proxy for the jump host ${jump.host.address}, which these scripts do not use: list all jump hosts in the ProxyJump of ${host.address}.`,
        )
      jumps.push(await open(jump.host, jump.settings))
    }
    const [session, { createRemote }] = await Promise.all([
      open(host, settings),
      aTurn().then(() => import('./channel.ts')),
    ])
    const remote = createRemote(session.client, host, tell.greeting)
    return {
      ...remote,
      close() {
        remote.close()
        session.close()
        leave()
      },
    }
  } catch (error) {
    leave()
    throw error
  }

  function open(to: Host, its: SshSettings): Promise<Session> {
    const connecting = connect(to, its)
    return openSession(to, its, readKeyFiles(to, its, context.runner), connecting)
  }

  function connect(to: Host, its: SshSettings): Promise<Duplex> {
    const last = jumps.at(-1)
    return last ? forward(last, to, its) : connectTcp(context, to, its, leaving)
  }
}

interface Session {
  host: Host
  client: Client
  /** Sends what has been written and waits for no answer. */
  close(): void
}

/** Makes an ssh session of a connection. Without noDelay, Nagle's algorithm would add 40 to 80 ms to each line. */
async function openSession(
  host: Host,
  settings: SshSettings,
  reading: Promise<KeyFiles>,
  connecting: Promise<Duplex>,
): Promise<Session> {
  // Connect before ssh2 is loaded, because loading it blocks this process.
  connecting.catch(() => {}) // awaited below
  await aTurn()
  const loading = Promise.all([
    import('./knownHosts.ts'),
    import('./errors.ts'),
    import('node-ssh'),
    findLogins(host, settings),
    reading,
  ])
  const [hosts, errors, { NodeSSH }, logins, keyFiles] = await loading.catch((thrown) => {
    connecting.then((opened) => opened.destroy()).catch(() => {})
    throw thrown
  })
  const { createHandshakeError, createHostKeyError, createLoginError } = errors
  // The names that known_hosts may use for this server, the configured one first.
  const names = settings.hostKeyAlias
    ? [settings.hostKeyAlias]
    : [
        ...new Set([
          hosts.formatHostName(host.address, host.port),
          hosts.formatHostName(settings.hostname, host.port),
        ]),
      ]
  const known = hosts.readKnownHosts(keyFiles.knownHosts)
  const revoked = hosts.readRevokedKeys(keyFiles.revokedHostKeys)
  const socket = await connecting
  // A connection that was closed while the key files were read: ssh2 would wait for a handshake until its limit.
  if (socket.errored || socket.destroyed)
    throw createHandshakeError(host, socket.errored ?? new Error('Connection lost before handshake'))

  let shown: FoundKey | undefined
  const tried: string[] = []
  const waiting = [...logins.methods]
  const ssh = new NodeSSH()
  try {
    await ssh.connect({
      host: host.address,
      username: host.user,
      sock: socket as net.Socket,
      readyTimeout: handshakeMs,
      keepaliveInterval: 15_000,
      keepaliveCountMax: 4,
      algorithms: {
        serverHostKey: hosts.getHostKeyAlgorithms(
          known.flatMap(({ entries }) => entries),
          names,
        ),
      },
      hostVerifier: (blob: Buffer) => {
        shown = hosts.findHostKey(known, names, blob.toString('base64'), revoked)
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
      throw createHostKeyError({ ...host, knownHosts: shown.file }, names[0]!, shown.key, shown.verdict)
    if ((error as { level?: string }).level === 'client-authentication' || shown)
      throw createLoginError(host, error as Error, tried, logins.skipped)
    throw createHandshakeError(host, error as Error)
  }
  const client = ssh.connection as Client
  // Without a listener, its error would end the program. The session behind a lost jump host closes and reports the loss.
  client.on('error', () => {})
  return {
    host,
    client,
    close() {
      client.end()
      if (socket instanceof net.Socket) socket.destroySoon()
    },
  }
}

/** A connection from a jump host to the next host. */
async function forward({ client, host }: Session, to: Host, { hostname }: SshSettings): Promise<Duplex> {
  const { createJumpError } = await import('./errors.ts')
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(createJumpError(host, hostname, to.port, error))
    const timer = setTimeout(() => fail(new Error('time-out')), connectMs)
    client.forwardOut('127.0.0.1', 0, hostname, to.port, (error, channel) => {
      clearTimeout(timer)
      if (error) fail(error)
      else resolve(channel)
    })
  })
}

async function connectTcp(
  { config, runner }: Context,
  host: Host,
  settings: SshSettings,
  leaving: AbortSignal,
): Promise<net.Socket> {
  const { hostname } = settings
  const { resolve } = createNetworkOptions(config)
  const failed = async (error: NodeJS.ErrnoException) => {
    const { createSocketError } = await import('./errors.ts')
    const proxy = settings.proxyCommand !== '' || (host.key !== '' && (await hasProxy(host, runner)))
    return createSocketError(config, host, hostname, error, proxy)
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
