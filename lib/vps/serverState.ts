import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Command } from '../shell/command.ts'
import type { Runner } from '../shell/runner.ts'
import { eachServer, type VpsContext } from '../tasks/task.ts'
import { exitCode, unknownError } from '../util/errors.ts'
import { writeAtomically } from '../util/files.ts'
import { parseRelease } from './frontend/release.ts'
import { parseMaintenance } from './maintenance/page.ts'
import { acmeRoot, remoteScript, renewalHook, type Site } from './remote/vps.ts'

/** What a bare Debian or Ubuntu needs. zstd is for uploads; nginx serves finished .gz files, so it needs no brotli. */
export const sitePackages = ['nginx', 'certbot', 'ca-certificates', 'zstd'] as const

/** What one run of server-state.sh reports about the VPS. */
export type ServerState = ReturnType<typeof parseServerState>
export type Certificate = NonNullable<ServerState['certificate']['lineage']>

/** The states that a run has read, by the server's address. */
const known = new WeakMap<Runner, Map<string, Promise<ServerState>>>()

const getStates = ({ runner }: VpsContext) => known.get(runner) ?? known.set(runner, new Map()).get(runner)!

/** Reads the state once per run, and after `invalidateServerState`. Throws (exit 3 or 4) when the VPS does not answer. */
export function inspectServer(context: VpsContext): Promise<ServerState> {
  const states = getStates(context)
  const { address } = context.server
  const asked = states.get(address) ?? readServerState(context)
  states.set(address, asked)
  asked.catch(() => states.get(address) === asked && states.delete(address))
  return asked
}

/** The states of all servers, in their order. */
export const inspectServers = (context: VpsContext): Promise<ServerState[]> =>
  Promise.all(eachServer(context).map(inspectServer))

/** Call it after a change: the next inspection reads the state again. */
export const invalidateServerState = (context: VpsContext): void =>
  void getStates(context).delete(context.server.address)

/** Call this instead after a change whose effect is known: the state need not be read again. */
export function updateServerState(context: VpsContext, change: (state: ServerState) => ServerState): void {
  const { address } = context.server
  const asked = getStates(context).get(address)
  if (asked) getStates(context).set(address, asked.then(change))
}

export function serverStateCommand({ config, server }: Site): Command {
  const args = [config.ionos.webRoot, config.domain, acmeRoot, renewalHook, ...sitePackages]
  return remoteScript(server, 'read', 'server-state', args, {
    timeoutMs: 30_000,
    explain: () => ({
      what: `The state of ${server.address} cannot be read`,
      exitCode: exitCode.unknown,
    }),
  })
}

async function readServerState(context: VpsContext): Promise<ServerState> {
  const { stdout, stderr } = await context.runner.run(serverStateCommand(context))
  const state = parseServerState(stdout, context.server.address, stderr)
  rememberIpv6(context, state.ipv6Addresses)
  return state
}

/** The VPS's own IPv6 addresses, 32 hexadecimal digits each. Throws (exit 3 or 4) when the VPS does not answer. */
export const readOwnIpv6 = async (context: VpsContext): Promise<readonly string[]> =>
  (await inspectServer(context)).ipv6Addresses

const ipv6File = ({ config, server }: Site): string => path.join(config.stateDir, `${server.name}-ipv6.json`)

function rememberIpv6(site: Site, addresses: readonly string[]): void {
  if (getRememberedIpv6(site)?.join() === addresses.join()) return
  try {
    const seen = { host: site.server.address, addresses }
    writeAtomically(ipv6File(site), JSON.stringify(seen), { mode: 0o600 })
  } catch {
    // Checks without a login then say that they do not know the addresses.
  }
}

/**
 * The VPS's own IPv6 addresses as this machine last saw them, for checks that use no ssh. Undefined: it never saw them.
 */
export function getRememberedIpv6(site: Site): readonly string[] | undefined {
  try {
    const { host, addresses } = JSON.parse(readFileSync(ipv6File(site), 'utf8'))
    return host === site.server.address && Array.isArray(addresses) ? addresses : undefined
  } catch {
    return undefined
  }
}

/** Parses the lines of server-state.sh. Throws (exit 3) when one of them is missing. */
export function parseServerState(output: string, host: string, stderr = '') {
  const facts = output.split('\n').map((line) => line.split('\t'))
  const rows = (name: string) => facts.filter((fact) => fact[0] === name)
  const all = (name: string) => rows(name).map((fact) => fact[1] ?? '')
  const one = (name: string) => all(name)[0] ?? ''
  const words = (name: string) => one(name).split(' ').filter(Boolean)
  const yes = (name: string) => one(name) === 'yes'
  if (one('server-state') !== '1' || one('end') !== 'server-state') {
    throw unknownError(
      `${host} did not report its state`,
      `${stderr}\n${output}`.trim().slice(0, 2000),
      'Log in and check that a plain `sh` works there, and that no start file (profile, banner) prints anything.',
    )
  }
  const listed = all('nameserver')
  const deadNameservers = all('nameserver.dead')
  const answering = listed.filter((server) => !deadNameservers.includes(server))
  const packages = facts.filter((fact) => fact[0]?.startsWith('package.') && fact[1] === 'installed')
  // systemctl prints one line per unit, also for a missing one.
  const activeUnits = one('units.active').split(' ')
  const enabledUnits = one('units.enabled').split(' ')
  return {
    os: { id: one('os.ID'), like: words('os.ID_LIKE'), version: one('os.VERSION_ID') },
    systemd: yes('systemd'),
    ipv6: yes('ipv6'),
    /** Its public addresses, 32 hexadecimal digits each. */
    ipv6Addresses: all('ipv6.address'),
    /** The installed ones of the packages that the site needs. */
    packages: new Set(packages.map((fact) => fact[0]!.slice('package.'.length))),
    /** dpkg was killed and must be repaired before anything is installed. */
    dpkgInterrupted: yes('dpkg.interrupted'),
    /** Those of /etc/resolv.conf that answer; all of them if none does. */
    nameservers: answering.length > 0 ? answering : listed,
    deadNameservers,
    freeBytes: Number(one('disk.freeKb')) * 1024,
    /** What a killed publish left; the next publish removes it before it needs space. */
    leftoverBytes: Number(one('disk.leftoverBytes')),
    nginx: {
      /** Undefined when nginx is not installed. */
      version: one('nginx.version') || undefined,
      /** The version that would be installed; '' when that is unknown. */
      candidate: one('nginx.candidate'),
      active: activeUnits[0] === 'active',
      enabled: enabledUnits[0] === 'enabled',
      /** On port 80, where the CA asks first. */
      listensOnIpv6: yes('nginx.ipv6'),
      /** Names of the active configuration set, and of the last one that nginx loaded. */
      current: one('nginx.current'),
      loaded: one('nginx.loaded'),
      /** SHA-256 of the active files, by name. */
      files: Object.fromEntries(rows('nginx.file').map(([, sha = '', name = '']) => [name, sha])),
      /** The host that /api/ goes to; '' when none is configured. */
      backend: one('nginx.backend'),
      /** The target of the link in sites-enabled. */
      site: one('nginx.site'),
      /** Domains of other sites of this toolbox that nginx serves, and that are its default server. */
      neighbours: all('nginx.neighbour'),
      /** Debian's default site is enabled. */
      defaultSite: yes('nginx.default'),
      /** A change was interrupted and left its journal (remote/nginx.sh); the next change undoes it. */
      unfinished: yes('nginx.unfinished'),
    },
    /** Who else has a port that nginx needs: `port 80 is taken by apache2 (process 12)`. */
    takenPorts: rows('port')
      .filter(([, , name]) => name !== 'nginx')
      .map(([, port, name, pid]) => ({ pid, text: `port ${port} is taken by ${name} (process ${pid})` })),
    /** Undefined while visitors get the site. */
    maintenance: parseMaintenance(one('maintenance')),
    certificate: {
      lineage: parseCertificate(one('certificate.pem')),
      server: one('certificate.server'),
      authenticator: one('certificate.authenticator'),
      hook: one('certificate.hook'),
      timer: activeUnits[1] === 'active' && enabledUnits[1] === 'enabled',
    },
    web: { releases: yes('web.releases'), acme: yes('web.acme'), status: yes('web.status') },
    /** Ids of the live release and the one before it; '' when there is none. */
    live: one('live'),
    previous: one('previous'),
    /** Releases that caches may hold pages of (purge.ts); empty before the first purge. */
    cached: words('cached'),
    releases: rows('release').flatMap(
      ([, id = '', keep = '', json = '']) => parseRelease(id, json, keep === 'keep') ?? [],
    ),
  }
}

/** Undefined when there is none or it is damaged; the certificate task then requests a new one. */
function parseCertificate(base64: string) {
  if (!base64) return undefined
  try {
    const certificate = new X509Certificate(Buffer.from(base64, 'base64'))
    const names = (certificate.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('DNS:'))
    return {
      names: names.map((name) => name.slice('DNS:'.length)),
      /** Hexadecimal, like the one that nginx serves. */
      serial: certificate.serialNumber,
      notBefore: certificate.validFromDate,
      notAfter: certificate.validToDate,
    }
  } catch {
    return undefined
  }
}
