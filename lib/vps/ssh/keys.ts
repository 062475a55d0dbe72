import { existsSync, readFileSync } from 'node:fs'
import type { AnyAuthMethod, BaseAgent, ParsedKey } from 'ssh2'
import { formatKeyFile, isServer } from '../../config/config.ts'
import type { Host } from '../../shell/remote.ts'
import { exitCode, OpsError, usageError } from '../../util/errors.ts'
import type { SshSettings } from './settings.ts'

interface Login {
  name: string
  method: AnyAuthMethod
}

/** The logins in the order tried, and why other keys are not among them. */
interface Logins {
  methods: Login[]
  skipped: string[]
}

/** The key of IONOS_SSH_KEY, or the agent's and the usual files. Throws exit 2 (not a private key) or 4 (none usable). */
export async function findLogins(host: Host, settings: SshSettings): Promise<Logins> {
  const agentKeys = await readAgentKeys(settings.agent)
  const logins = host.key
    ? await findConfiguredKey(host, agentKeys)
    : await findAnyKey(host, settings, agentKeys)
  if (logins.methods.length > 0) return logins
  throw new OpsError({
    what: `No key available to log in to ${host.address}`,
    said: logins.skipped.join('\n') || undefined,
    next: isServer(host)
      ? `Set ${host.keys.key} in ${formatKeyFile(host.keys.key)} to a private key file, or load a key into the ssh agent (ssh-add).`
      : `Set IdentityFile of ${host.address} in your ssh configuration to a private key file, or load a key into the ssh agent (ssh-add).`,
    exitCode: exitCode.notLoggedIn,
  })
}

interface AgentKeys {
  agent: BaseAgent
  keys: ParsedKey[]
}

async function findConfiguredKey(host: Host, agentKeys: AgentKeys | undefined): Promise<Logins> {
  const file = host.key
  const { key, problem } = await readKey(file)
  if (key) return { methods: [createKeyLogin(host, file, key)], skipped: [] }
  if (problem === hasPassphrase) {
    if (agentKeys) {
      const own = await selectAgentKeys(agentKeys, [file])
      return { methods: [createAgentLogin(host, own ?? agentKeys)], skipped: [] }
    }
    throw new OpsError({
      what: `The private key ${file} has a passphrase, and no ssh agent holds it`,
      next: `Load it, then run this command again: ssh-add ${file}`,
      exitCode: exitCode.notLoggedIn,
    })
  }
  // Only a server has a configured key.
  const set = isServer(host) ? `Set ${host.keys.key} in ${formatKeyFile(host.keys.key)} to` : 'Use'
  throw usageError(
    `The private key ${file}: ${problem}`,
    `${set} a private key in OpenSSH or PEM format (created by: ssh-keygen -t ed25519).`,
  )
}

async function findAnyKey(
  host: Host,
  settings: SshSettings,
  agentKeys: AgentKeys | undefined,
): Promise<Logins> {
  const methods: Login[] = []
  const skipped: string[] = []
  if (agentKeys && !settings.identitiesOnly) methods.push(createAgentLogin(host, agentKeys))
  for (const file of settings.identityFiles.filter((each) => existsSync(each))) {
    const { key, problem } = await readKey(file)
    if (key) methods.push(createKeyLogin(host, file, key))
    else skipped.push(problem === hasPassphrase ? `${file} ${problem}` : `${file}: ${problem}`)
  }
  // IdentitiesOnly asks for the files, but a key with a passphrase works only through the agent.
  if (agentKeys && (settings.identitiesOnly || methods.length === 0)) {
    const own = await selectAgentKeys(agentKeys, settings.identityFiles)
    if (own) methods.unshift(createAgentLogin(host, own))
    else if (methods.length === 0) methods.push(createAgentLogin(host, agentKeys))
  }
  return { methods, skipped }
}

const hasPassphrase = 'has a passphrase; load it with ssh-add'

async function readKey(file: string): Promise<{ key?: Buffer; problem?: string }> {
  const { default: ssh2 } = await import('ssh2')
  let key: Buffer
  try {
    key = readFileSync(file)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    return { problem: code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})` }
  }
  const parsed = ssh2.utils.parseKey(key)
  if (parsed instanceof Error) {
    const { message } = parsed
    const locked = /passphrase|encrypted/i.test(message)
    return { problem: locked ? hasPassphrase : `it is not a valid private key (${message})` }
  }
  const first = Array.isArray(parsed) ? parsed[0] : parsed
  return first?.isPrivateKey() ? { key } : { problem: 'it is a public key; the private key is needed' }
}

/** Undefined without an agent, and when it holds no key. */
async function readAgentKeys(socket: string): Promise<AgentKeys | undefined> {
  if (!socket) return undefined
  const { default: ssh2 } = await import('ssh2')
  const agent = ssh2.createAgent(socket)
  // Do not wait for an agent that does not answer; ssh2 would fail with its error.
  const keys = await new Promise<ParsedKey[]>((resolve) => {
    const timer = setTimeout(() => resolve([]), 3000)
    agent.getIdentities((error, found) => {
      clearTimeout(timer)
      // All agents of ssh2 return parsed keys, although its types allow others.
      resolve(error ? [] : ((found ?? []) as ParsedKey[]))
    })
  })
  return keys.length > 0 ? { agent, keys } : undefined
}

/**
 * The agent with only the keys of these files, by their .pub files: sshd ends a login after six keys (MaxAuthTries in
 * sshd_config(5)). Undefined if the agent holds none of them.
 */
async function selectAgentKeys(
  { agent, keys }: AgentKeys,
  files: readonly string[],
): Promise<AgentKeys | undefined> {
  const { default: ssh2 } = await import('ssh2')
  const blob = (key: ParsedKey) => key.getPublicSSH().toString('base64')
  const wanted = files
    .map((file) => (file.endsWith('.pub') ? file : `${file}.pub`))
    .filter((file) => existsSync(file))
    .map((file) => ssh2.utils.parseKey(readFileSync(file)))
    .flatMap((parsed) => (parsed instanceof Error ? [] : [parsed].flat().map(blob)))
  const own = keys.filter((key) => wanted.includes(blob(key)))
  if (own.length === 0) return undefined
  const getIdentities: BaseAgent['getIdentities'] = (done) => done(null, own)
  // ssh2 accepts only instances of its classes.
  return { agent: Object.create(agent, { getIdentities: { value: getIdentities } }), keys: own }
}

const createKeyLogin = ({ user }: Host, file: string, key: Buffer): Login => ({
  name: file,
  method: { type: 'publickey', username: user, key },
})

const createAgentLogin = ({ user }: Host, { agent, keys }: AgentKeys): Login => ({
  name: `the agent's ${keys.map((key) => `${key.type}${key.comment ? ` (${key.comment})` : ''}`).join(', ')}`,
  method: { type: 'agent', username: user, agent },
})
