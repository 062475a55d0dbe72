import { type Config, formatKeyFile, isServer, type ServerKeys } from '../../config/config.ts'
import type { Host } from '../../shell/remote.ts'
import { exitCode, OpsError, unknownError } from '../../util/errors.ts'
import { formatFingerprint, getKeyType, type HostKeyVerdict } from './knownHosts.ts'

const reason: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens on that port',
  ETIMEDOUT: 'nothing answers: a firewall drops the packets, or the machine is off',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'this machine has no route to its network',
  ECONNRESET: 'the connection was reset at once: by a firewall, or because sshd is overloaded',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name server does not answer',
  ESERVFAIL: 'the name server reports a failure',
  ETIMEOUT: 'the name server does not answer',
}

/** Explains why there is no TCP connection: name, route, firewall or port. Exit 3. */
export function createSocketError(
  { network: { dnsServer } }: Config,
  host: Host,
  hostname: string,
  error: NodeJS.ErrnoException,
  proxy: boolean,
): OpsError {
  const code = getErrorCode(error)
  const { address, port } = host
  const unresolved = ['ENOTFOUND', 'EAI_AGAIN', 'ESERVFAIL', 'ETIMEOUT'].includes(code)
  if (!isServer(host))
    return unknownError(
      `The jump host ${hostname} cannot be reached on port ${port}: ${reason[code] ?? error.message}`,
      `${code || error.name}: ${error.message}`,
      `Check HostName and Port of ${address} in your ssh configuration, that it is running, and that its firewall admits port ${port}.`,
    )
  const { keys } = host
  const resolver = dnsServer ? `, and DNS_SERVER (${dnsServer}) in ${formatKeyFile('DNS_SERVER')}` : ''
  const next = unresolved
    ? `Check ${keys.address} (${address}) in ${formatKeyFile(keys.address)}${resolver}.`
    : `Check ${formatPlace(keys)}, that the VPS is running, and that its firewall and IONOS's admit port ${port}.`
  return unknownError(
    `The VPS ${hostname} cannot be reached on port ${port}: ${reason[code] ?? error.message}`,
    `${code || error.name}: ${error.message}`,
    proxy
      ? `${next} Note: your ssh configuration goes through a jump host or proxy command. These scripts follow ProxyJump only while ${keys.key} (${formatKeyFile(keys.key)}) is empty, and never run a ProxyCommand.`
      : next,
  )
}

const formatPlace = ({ address, port }: ServerKeys): string =>
  `${address} and ${port} in ${formatKeyFile(address, port)}`

/** The code of the last error, if several addresses were tried. */
function getErrorCode(error: NodeJS.ErrnoException): string {
  const inner = error instanceof AggregateError ? (error.errors.at(-1) as NodeJS.ErrnoException) : error
  return inner?.code ?? error.code ?? ''
}

/** Explains why a jump host did not connect to the next host. Exit 3. */
export const createJumpError = (jump: Host, hostname: string, port: number, error: Error): OpsError =>
  unknownError(
    `The jump host ${jump.address} does not connect to ${hostname}:${port}`,
    error.message,
    `Check ProxyJump in your ssh configuration, that ${hostname} can be reached from the jump host, and that its sshd allows it (AllowTcpForwarding).`,
  )

/** Explains why a TCP connection did not become an ssh session. Exit 3. */
export function createHandshakeError(server: Host, error: Error): OpsError {
  const { address: host, port } = server
  const [name, place] = isServer(server)
    ? ['VPS', formatPlace(server.keys)]
    : ['jump host', `Port of ${host} in your ssh configuration`]
  const slow = /timed out|no response/i.test(error.message)
  const cut = /connection lost before handshake|ECONNRESET/i.test(error.message)
  const what = cut
    ? `Something accepts connections to ${host}:${port} and closes them at once`
    : `The ssh handshake with ${host}:${port} failed`
  return unknownError(
    slow ? `The ${name} ${host} accepts connections on port ${port}, but the ssh handshake timed out` : what,
    error.message,
    cut
      ? `A firewall or proxy answers in its place, its sshd is overloaded (MaxStartups), or sshd refuses this address for a while after failed logins (PerSourcePenalties of OpenSSH 9.8 and newer: wait ten minutes at most). Check ${place}, and that the ${name} is running.`
      : `Check ${place}: port ${port} must be sshd's, and the ${name} not overloaded.`,
  )
}

/** Explains why the server's host key is not accepted. Exit 3; no flag overrides it. */
export function createHostKeyError(
  { address: host, port, knownHosts }: Host,
  name: string,
  key: string,
  verdict: HostKeyVerdict,
): OpsError {
  const shown = `${getKeyType(key)} ${formatFingerprint(key)}`
  if (verdict.is === 'changed') {
    const where = verdict.lines.map((line) => `${knownHosts} line ${line}`).join(', ')
    return unknownError(
      `The host key of ${host}:${port} is NOT the one known for it (${where}): someone may be answering in its place`,
      `It shows ${shown}${verdict.sameType ? '' : ', a type that known_hosts does not list for it'}.`,
      `If the VPS was reinstalled, compare that fingerprint with the provider's console (there: ${formatKeygenLine(key)}), then replace ${where} by hand. Otherwise do not connect.`,
    )
  }
  if (verdict.is === 'revoked') {
    return unknownError(
      `The host key of ${host}:${port} is marked as revoked (${knownHosts} line ${verdict.line})`,
      `It shows ${shown}.`,
      'Do not connect. Create a new host key for the server and add it to known_hosts.',
    )
  }
  if (verdict.is === 'unreadable') {
    return unknownError(
      `The host key of ${host}:${port} may be revoked: ${knownHosts} of RevokedHostKeys cannot be read (${verdict.reason})`,
      `It shows ${shown}.`,
      'Make it a readable text file with one public key per line, or correct RevokedHostKeys in your ssh configuration.',
    )
  }
  return unknownError(
    `The host key of ${host}:${port} is not known, so nothing was sent to it`,
    `It shows ${shown}.`,
    [
      `Compare the fingerprint with the provider's console (on the VPS: ${formatKeygenLine(key)}).`,
      `If they match, append this line to ${knownHosts}:`,
      `${name} ${getKeyType(key)} ${key}`,
    ].join('\n'),
  )
}

const keyFiles: Readonly<Record<string, string>> = { 'ssh-ed25519': 'ed25519', 'ssh-rsa': 'rsa' }
const formatKeygenLine = (key: string): string =>
  `ssh-keygen -lf /etc/ssh/ssh_host_${keyFiles[getKeyType(key)] ?? 'ecdsa'}_key.pub`

/** The server accepted none of the keys. Exit 4. */
export function createLoginError(server: Host, error: Error, tried: string[], skipped: string[]): OpsError {
  const { user, address: host, key } = server
  const tooMany = /too many authentication failures/i.test(error.message)
  const getNext = () => {
    if (!isServer(server))
      return `Set User, IdentityFile and IdentitiesOnly yes for ${host} in your ssh configuration, and add that public key to ~${user}/.ssh/authorized_keys there.`
    const { keys } = server
    if (tooMany)
      return `Set ${keys.key} in ${formatKeyFile(keys.key)} to the private key for this VPS, with its .pub file beside it; only that key is offered then. sshd allows six tries (MaxAuthTries). Behind a ProxyJump, set IdentityFile and IdentitiesOnly yes in your ssh configuration instead: ${keys.key} turns ProxyJump off.`
    return `Add the public key of ${key || 'one of them'} to ~${user}/.ssh/authorized_keys on the VPS, or set ${keys.user} and ${keys.key} in ${formatKeyFile(keys.user, keys.key)}.`
  }
  return new OpsError({
    what: tooMany
      ? `${host} ended the login for ${user} after too many keys of the ssh agent`
      : `${host} accepted none of the keys tried for ${user}`,
    said: [
      error.message,
      ...tried.map((name) => `tried: ${name}`),
      ...skipped.map((why) => `not tried: ${why}`),
    ].join('\n'),
    next: getNext(),
    exitCode: exitCode.notLoggedIn,
  })
}
