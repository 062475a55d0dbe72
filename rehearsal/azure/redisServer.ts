import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { poll } from '../../lib/util/poll.ts'
import type { Machine } from '../machine.ts'
import { accepts, argv } from '../processes.ts'
import { refuse } from './errors.ts'
import { jsonBody, ok, type Reply } from './http.ts'
import { isTaken } from './names.ts'
import { serverProgram, startServerMachine } from './serverMachine.ts'
import type { Action, Request } from './types.ts'
import type { Resource, World } from './world.ts'

/** A Redis server of the rehearsal: Debian's redis-server, TLS only, in a separate machine. */
export interface RedisServer {
  machine: Machine
  host: string
  port: number
  keys: { primary: string; secondary: string }
  regenerate(which: 'primary' | 'secondary'): Promise<void>
  /** While it runs, and with its data. */
  change(options: Pick<RedisOptions, 'evictionPolicy' | 'keysAllowed'>): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
  running(): boolean
  remove(): Promise<void>
}

export interface RedisOptions {
  name: string
  host: string
  port: number
  /** Bytes of maxmemory. */
  memory: number
  evictionPolicy: string
  keysAllowed: boolean
  /**
   * One node that owns all slots and enforces the rules of a cluster, as every policy but NoCluster does. Azure lets DEL,
   * MSET, MGET, EXISTS, UNLINK and TOUCH cross slots under EnterpriseCluster; this one refuses them, too.
   */
  clustered: boolean
}

/** Like Azure's keys: 44 characters that end with `=`. */
const newKey = (): string => randomBytes(32).toString('base64')

function configuration(options: RedisOptions): string {
  return [
    'bind 0.0.0.0',
    'port 0',
    `tls-port ${options.port}`,
    'tls-cert-file /etc/redis/server.crt',
    'tls-key-file /etc/redis/server.key',
    'tls-auth-clients no',
    'tls-protocols "TLSv1.2 TLSv1.3"',
    'protected-mode no',
    'save ""',
    'appendonly no',
    'dir /var/lib/redis',
    `maxmemory ${options.memory}`,
    `maxmemory-policy ${options.evictionPolicy}`,
    'aclfile /etc/redis/users.acl',
    ...(options.clustered
      ? ['cluster-enabled yes', 'tls-cluster yes', 'tls-ca-cert-file /etc/ssl/certs/ca-certificates.crt']
      : []),
  ].join('\n')
}

export async function startRedis(world: World, wanted: RedisOptions): Promise<RedisServer> {
  const options = { ...wanted }
  const { machine, certificate } = await startServerMachine(world, `redis-${options.name}`, options.host)
  const keys = { primary: newKey(), secondary: newKey() }
  const own = newKey()
  const write = (file: string, text: string) => writeFileSync(join(machine.root, 'etc/redis', file), text)
  const writeUsers = () => {
    const rules = options.keysAllowed ? `on >${keys.primary} >${keys.secondary} ~* &* +@all` : 'off nopass'
    write('users.acl', `user default ${rules}\nuser azure on >${own} ~* &* +@all\n`)
  }
  const program = serverProgram(machine, {
    title: `Redis of ${options.host}`,
    argv: ['redis-server', '/etc/redis/rehearsal.conf'],
    user: 'redis',
    answers: () => accepts(machine.address, options.port),
    endSignal: 'SIGTERM',
  })

  async function start(): Promise<void> {
    if (program.running()) return
    await program.start()
    if (options.clustered) await takeSlots()
  }

  /**
   * Slots are kept across a restart. The server serves them once it has checked its cluster, which takes
   * about two seconds.
   */
  async function takeSlots(): Promise<void> {
    const info = await cli('CLUSTER', 'INFO')
    if (/cluster_slots_assigned:0\b/.test(info)) await cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    await poll(async () => /cluster_state:ok/.test(await cli('CLUSTER', 'INFO')) || undefined, {
      ...{ intervalMs: 100, timeoutMs: 20_000 },
      describe: () => new Error(`The Redis of ${options.host} does not serve its slots.`),
    })
  }

  async function cli(...words: string[]): Promise<string> {
    const line = argv`
      redis-cli --tls --cacert /etc/ssl/certs/ca-certificates.crt --sni ${options.host} --user azure
        -p ${options.port} ${words}`
    const { stdout, stderr } = await machine.run(line, { env: { REDISCLI_AUTH: own } })
    if (/^(ERR|NOAUTH|WRONGPASS)/.test(stdout))
      throw new Error(`Redis refused ${words[0]}: ${stdout}${stderr}`)
    return stdout
  }

  try {
    await machine.run(['sh', '-c', 'umask 077; mkdir -p /etc/redis /var/lib/redis'])
    write('server.key', certificate.key)
    write('server.crt', certificate.certificate)
    write('rehearsal.conf', configuration(options))
    writeUsers()
    await machine.run(['sh', '-c', 'chown -R redis:redis /etc/redis /var/lib/redis'])
    await start()
  } catch (error) {
    await machine.stop()
    throw error
  }
  await world.dns.set(options.host, [machine.address])
  return {
    machine,
    host: options.host,
    port: options.port,
    keys,
    start,
    stop: program.stop,
    running: program.running,
    async regenerate(which) {
      keys[which] = newKey()
      writeUsers()
      await cli('ACL', 'LOAD')
    },
    async change(next) {
      if (options.evictionPolicy === next.evictionPolicy && options.keysAllowed === next.keysAllowed) return
      Object.assign(options, next)
      write('rehearsal.conf', configuration(options))
      writeUsers()
      if (!program.running()) return
      await cli('CONFIG', 'SET', 'maxmemory-policy', options.evictionPolicy)
      await cli('ACL', 'LOAD')
    },
    async remove() {
      await world.dns.remove(options.host)
      await program.stop()
      await machine.stop()
    },
  }
}

export const gigabyte = 1024 ** 3

/** Throws for a name that Azure does not allow or that another cache has. */
export function checkGlobalName({ world, address }: Request, longest: number): void {
  if (!/^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$/.test(address.name) || address.name.length > longest)
    throw refuse('redisName', { name: address.name, longest })
  if (isTaken(world, address)) throw refuse('redisNameTaken')
}

/** The server behind a cache. Throws while there is none. */
const getRedis = (resource: Resource): RedisServer => {
  const found: RedisServer | undefined = resource.runtime.server
  if (found) return found
  throw refuse('redisNotReady', { name: resource.name, state: resource.state })
}

/** listKeys and regenerateKey of both kinds. @param allow throws where keys are switched off */
export function keyActions(allow: (resource: Resource) => void = () => {}): Record<string, Action> {
  const show = (resource: Resource): Reply => {
    const { primary, secondary } = getRedis(resource).keys
    return ok({ primaryKey: primary, secondaryKey: secondary })
  }
  return {
    listkeys(_world, resource) {
      allow(resource)
      return show(resource)
    },
    async regeneratekey(_world, resource, call) {
      allow(resource)
      await getRedis(resource).regenerate(jsonBody(call).keyType === 'Secondary' ? 'secondary' : 'primary')
      return show(resource)
    },
  }
}
