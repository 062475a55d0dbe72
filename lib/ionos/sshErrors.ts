import { exitCode, OpsError, unknownError } from '../command/errors.ts'
import type { Config } from '../config/config.ts'
import { formatKeyFile } from '../config/pasteLine.ts'
import { fingerprint, keyType, type Verdict } from './knownHosts.ts'

const reason: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it answers, but nothing listens on that port',
  ETIMEDOUT: 'nothing answers: a firewall drops the packets, or the machine is off',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'this machine has no route to its network',
  ECONNRESET: 'the connection was cut before a word was said: a firewall, or sshd is overloaded',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name server does not answer',
  ESERVFAIL: 'the name server reports a failure of its own',
  ETIMEOUT: 'the name server does not answer',
}

/** No TCP connection: says which of name, route, firewall and port it is. Exit 3. */
export function socketError(
  config: Config,
  host: string,
  error: NodeJS.ErrnoException,
  proxy: boolean,
): OpsError {
  const { port, host: configured } = config.ionos
  const code = codeOf(error)
  const named = ['ENOTFOUND', 'EAI_AGAIN', 'ESERVFAIL', 'ETIMEOUT'].includes(code)
  const next = named
    ? `Check IONOS_HOST in ${formatKeyFile('IONOS_HOST')} (${configured})${config.network.dnsServer ? ` and DNS_SERVER (${config.network.dnsServer})` : ''}.`
    : `Check IONOS_HOST and IONOS_PORT in ${formatKeyFile('IONOS_HOST', 'IONOS_PORT')}, that the VPS runs, and that its firewall and IONOS's let port ${port} in.`
  return unknownError(
    `The VPS ${host} cannot be reached on port ${port}: ${reason[code] ?? error.message}`,
    `${code || error.name}: ${error.message}`,
    proxy
      ? `${next} Note: your ssh configuration goes through a jump host or proxy command; these scripts connect directly.`
      : next,
  )
}

/** Several addresses were tried: the last error is inside. */
function codeOf(error: NodeJS.ErrnoException): string {
  const inner = error instanceof AggregateError ? (error.errors.at(-1) as NodeJS.ErrnoException) : error
  return inner?.code ?? error.code ?? ''
}

/** Something answers, but no ssh session comes of it. Exit 3. */
export function handshakeError(config: Config, error: Error): OpsError {
  const { host, port } = config.ionos
  const slow = /timed out|no response/i.test(error.message)
  const cut = /connection lost before handshake|ECONNRESET/i.test(error.message)
  return unknownError(
    slow
      ? `The VPS ${host} accepts connections on port ${port}, but no ssh handshake comes about`
      : cut
        ? `Something accepts connections to ${host}:${port} and closes them without a word`
        : `No ssh session with ${host}:${port} comes about`,
    error.message,
    cut
      ? `A firewall or proxy on the way answers for it, its sshd is overloaded (MaxStartups), or sshd refuses this address for a while after failed logins (PerSourcePenalties of OpenSSH 9.8 and newer: wait ten minutes at most). Check IONOS_HOST and IONOS_PORT in ${formatKeyFile('IONOS_HOST', 'IONOS_PORT')}, and that the VPS runs.`
      : `Check that port ${port} is sshd's (IONOS_PORT) and that the VPS is not overloaded.`,
  )
}

/** The key that the server shows is not the one that known_hosts vouches for. Exit 3; there is no way around it here. */
export function hostKeyError(config: Config, name: string, key: string, verdict: Verdict): OpsError {
  const { host, port, knownHosts } = config.ionos
  const shown = `${keyType(key)} ${fingerprint(key)}`
  if (verdict.is === 'changed') {
    const where = verdict.lines.map((line) => `${knownHosts} line ${line}`).join(', ')
    return unknownError(
      `The host key of ${host}:${port} is NOT the one known for it (${where}): someone may be answering in its place`,
      `It shows ${shown}${verdict.sameType ? '' : ', a type that known_hosts does not list for it'}.`,
      `If the VPS was reinstalled, compare that fingerprint with the provider's console (there: ${keygen(key)}), then replace ${where} by hand. Otherwise do not connect.`,
    )
  }
  if (verdict.is === 'revoked') {
    return unknownError(
      `The host key of ${host}:${port} is marked as revoked (${knownHosts} line ${verdict.line})`,
      `It shows ${shown}.`,
      'Do not connect. Give the server a new host key and write that one into known_hosts.',
    )
  }
  return unknownError(
    `The host key of ${host}:${port} is not known, so nothing was sent to it`,
    `It shows ${shown}.`,
    [
      `Compare the fingerprint with the provider's console (on the VPS: ${keygen(key)}).`,
      `If it is the same, append this line to ${knownHosts}:`,
      `${name} ${keyType(key)} ${key}`,
    ].join('\n'),
  )
}

const keyFiles: Readonly<Record<string, string>> = { 'ssh-ed25519': 'ed25519', 'ssh-rsa': 'rsa' }
const keygen = (key: string): string =>
  `ssh-keygen -lf /etc/ssh/ssh_host_${keyFiles[keyType(key)] ?? 'ecdsa'}_key.pub`

/** The server let none of our keys in. Exit 4. */
export function refusedError(config: Config, error: Error, tried: string[], leftOut: string[]): OpsError {
  const { user, host, key } = config.ionos
  return new OpsError({
    what: `${host} refuses to let ${user} in with any of the keys tried`,
    said: [
      error.message,
      ...tried.map((name) => `tried: ${name}`),
      ...leftOut.map((why) => `not tried: ${why}`),
    ].join('\n'),
    next: `Add the public half of ${key || 'one of them'} to ~${user}/.ssh/authorized_keys on the VPS, or set IONOS_USER and IONOS_SSH_KEY in ${formatKeyFile('IONOS_USER', 'IONOS_SSH_KEY')}.`,
    exitCode: exitCode.notLoggedIn,
  })
}
