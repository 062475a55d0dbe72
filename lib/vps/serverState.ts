import { X509Certificate } from 'node:crypto'
import type { Context } from '../tasks/context.ts'
import { exitCode, unknownError } from '../util/errors.ts'
import { parseRelease, type Release } from './frontend/release.ts'
import { type Maintenance, parseMaintenance } from './maintenance/page.ts'
import { remoteScript } from './remote/script.ts'

export interface Certificate {
  names: string[]
  /** Hexadecimal, as the served one's is compared with it. */
  serial: string
  notBefore: Date
  notAfter: Date
}

/** What is there on the VPS, as one exec saw it. */
export interface ServerState {
  os: { id: string; like: string[]; version: string }
  systemd: boolean
  ipv6: boolean
  /** Its public IPv6 addresses, 32 hexadecimal digits each. */
  ipv6Addresses: string[]
  /** Installed Debian packages, of those the face needs. */
  packages: ReadonlySet<string>
  /** dpkg was killed at its work, and wants to be set right before anything is installed. */
  dpkgInterrupted: boolean
  nameservers: string[]
  freeBytes: number
  /** What an interrupted publish left, which the next one removes before it needs room. */
  leftoverBytes: number
  nginx: {
    /** undefined: not installed. */
    version: string | undefined
    /** The version that would be installed; '' when that is not known either. */
    candidate: string
    active: boolean
    enabled: boolean
    /** Name of the configuration set that lies in force, and of the one that nginx was last seen to have loaded. */
    current: string
    loaded: string
    /** sha256 of the files in force, by name. */
    files: Readonly<Record<string, string>>
    /** The host that /api/ goes to; '' when none is configured. */
    backend: string
    /** Where sites-enabled's link of this site leads. */
    site: string
    /** Debian's own default site is enabled. */
    defaultSite: boolean
    /** A change of the configuration was cut off, and its journal is left (remote/nginx.sh): the next one undoes it. */
    unfinished: boolean
  }
  /** undefined: visitors get the site. */
  maintenance: Maintenance | undefined
  certificate: {
    lineage: Certificate | undefined
    server: string
    authenticator: string
    hook: string
    timer: boolean
  }
  web: { releases: boolean; acme: boolean; status: boolean }
  /** Ids; '' when there is none. */
  live: string
  previous: string
  /** Releases whose pages caches may hold (see purge.ts); empty when they were never told of one. */
  cached: string[]
  releases: Release[]
}

const known = new WeakMap<Context, Promise<ServerState>>()

/**
 * The state of the VPS, read once per run and again after `forget`.
 * Throws OpsError of exit 3 or 4 when the VPS cannot be asked.
 */
export function inspectServer(context: Context): Promise<ServerState> {
  const asked = known.get(context) ?? readServerState(context)
  known.set(context, asked)
  asked.catch(() => known.get(context) === asked && known.delete(context))
  return asked
}

/** After a change: what was read does not hold any more. */
export const invalidateServerState = (context: Context): void => void known.delete(context)

/** After a change whose whole effect is known: what was read holds with it. */
export function updateServerState(context: Context, change: (state: ServerState) => ServerState): void {
  const asked = known.get(context)
  if (asked) known.set(context, asked.then(change))
}

export const serverStateCommand = ({ config }: Pick<Context, 'config'>) =>
  remoteScript(config, 'read', 'server-state', [config.ionos.webRoot, config.domain], {
    timeoutMs: 30_000,
    explain: () => ({
      what: `${config.ionos.host} cannot be asked about its state`,
      exitCode: exitCode.unknown,
    }),
  })

async function readServerState(context: Context): Promise<ServerState> {
  const { stdout, stderr } = await context.runner.run(serverStateCommand(context))
  return parseServerState(stdout, context.config.ionos.host, stderr)
}

/** Reads the lines of server-state.sh. Throws (exit 3) when they are not all there. */
export function parseServerState(output: string, host: string, stderr = ''): ServerState {
  const facts = output.split('\n').map((line) => line.split('\t'))
  const rows = (name: string) => facts.filter((fact) => fact[0] === name)
  const one = (name: string) => rows(name)[0]?.[1] ?? ''
  const yes = (name: string) => one(name) === 'yes'
  if (one('server-state') !== '1' || one('end') !== 'server-state') {
    throw unknownError(
      `${host} did not answer the questions about its state`,
      `${stderr}\n${output}`.trim().slice(0, 2000),
      'Log in by hand and see whether a plain `sh` runs there and prints nothing of its own (profile, banner).',
    )
  }
  const packages = facts.filter((fact) => fact[0]?.startsWith('package.') && fact[1] === 'installed')
  // systemctl answers a line a unit, also for one that does not exist.
  const activeUnits = one('units.active').split(' ')
  const enabledUnits = one('units.enabled').split(' ')
  return {
    os: {
      id: one('os.ID'),
      like: one('os.ID_LIKE').split(' ').filter(Boolean),
      version: one('os.VERSION_ID'),
    },
    systemd: yes('systemd'),
    ipv6: yes('ipv6'),
    ipv6Addresses: rows('ipv6.address').map((fact) => fact[1] ?? ''),
    packages: new Set(packages.map((fact) => fact[0]!.slice('package.'.length))),
    dpkgInterrupted: yes('dpkg.interrupted'),
    nameservers: rows('nameserver').map((fact) => fact[1] ?? ''),
    freeBytes: Number(one('disk.freeKb')) * 1024,
    leftoverBytes: Number(one('disk.leftoverBytes')),
    nginx: {
      version: one('nginx.version') || undefined,
      candidate: one('nginx.candidate'),
      active: activeUnits[0] === 'active',
      enabled: enabledUnits[0] === 'enabled',
      current: one('nginx.current'),
      loaded: one('nginx.loaded'),
      files: Object.fromEntries(rows('nginx.file').map(([, sha = '', name = '']) => [name, sha])),
      backend: one('nginx.backend'),
      site: one('nginx.site'),
      defaultSite: yes('nginx.default'),
      unfinished: yes('nginx.unfinished'),
    },
    maintenance: parseMaintenance(one('maintenance')),
    certificate: {
      lineage: parseCertificate(one('certificate.pem')),
      server: one('certificate.server'),
      authenticator: one('certificate.authenticator'),
      hook: one('certificate.hook'),
      timer: activeUnits[1] === 'active' && enabledUnits[1] === 'enabled',
    },
    web: { releases: yes('web.releases'), acme: yes('web.acme'), status: yes('web.status') },
    live: one('live'),
    previous: one('previous'),
    cached: one('cached').split(' ').filter(Boolean),
    releases: rows('release').flatMap(
      ([, id = '', keep = '', json = '']) => parseRelease(id, json, keep === 'keep') ?? [],
    ),
  }
}

function parseCertificate(base64: string): Certificate | undefined {
  if (!base64) return undefined
  try {
    const certificate = new X509Certificate(Buffer.from(base64, 'base64'))
    return {
      names: (certificate.subjectAltName ?? '')
        .split(', ')
        .filter((name) => name.startsWith('DNS:'))
        .map((name) => name.slice('DNS:'.length)),
      serial: certificate.serialNumber,
      notBefore: certificate.validFromDate,
      notAfter: certificate.validToDate,
    }
  } catch {
    return undefined // a damaged file counts as none: the step asks for a new one
  }
}
