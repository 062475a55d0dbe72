import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import { backendPort, type Config, type Server } from '../../config/config.ts'
import { OpsError, usageError } from '../../util/errors.ts'
import { isAtLeast } from '../../util/semver.ts'
import { acmeRoot, getSiteRoot, type Site } from '../remote/vps.ts'
import type { ServerState } from '../serverState.ts'
import { renderTemplate } from '../template.ts'

/** One set of configuration files, by name. The folder of a set is named after its content. */
export type NginxFiles = Readonly<Record<string, string>>

/** `http` before there is a certificate, `https` with one. */
export type Phase = 'http' | 'https'

/** What the configuration depends on besides `.env`. */
interface NginxFacts {
  /** `1.22.1` */
  version: string
  ipv6: boolean
  nameservers: readonly string[]
  backend: string
}

/** The folder of the site's sets; its links `current` and `loaded` point to one of them. */
const getNginxFolder = (config: Config): string => `/etc/nginx/dominion/${config.domain}`

/** Renders the set of a phase. Throws when the VPS has no name server that nginx can use. */
export function renderNginx({ config, server }: Site, phase: Phase, facts: NginxFacts): NginxFiles {
  const { domain } = config
  const folder = `${getNginxFolder(config)}/current`
  const common = {
    ...{ domain, acmeRoot, ...renderOthers(config, server) },
    listenHttpDefault: renderListen(facts, 80, 'default_server'),
    listenHttp: renderListen(facts, 80),
  }
  if (phase === 'http') return { 'site.conf': renderTemplate('site-http.conf', common) }
  const http2 = !isAtLeast(facts.version, '1.25.1')
  return {
    'site.conf': renderTemplate('site-https.conf', {
      ...common,
      folder,
      siteRoot: getSiteRoot(config),
      listenHttpsDefault: renderListen(facts, 443, 'ssl', http2 ? 'http2' : '', 'default_server'),
      listenHttps: `${renderListen(facts, 443, 'ssl', http2 ? 'http2' : '')}${http2 ? '' : '\n    http2 on;'}`,
      // An older nginx completes the handshake with its certificate, then closes the connection.
      refuseUnknown: isAtLeast(facts.version, '1.19.4') ? 'ssl_reject_handshake on;' : 'return 444;',
      limits: renderTemplate('limits.conf', { domain }).trimEnd(),
      apiErrors: renderApiErrors(folder),
    }),
    'tls.conf': renderTemplate('tls.conf', { domain }),
    'timeouts.conf': renderTemplate('timeouts.conf'),
    'headers.conf': renderTemplate('headers.conf'),
    'api-headers.conf': renderTemplate('api-headers.conf'),
    'compression.conf': renderTemplate('compression.conf'),
    'proxy.conf': renderTemplate('proxy.conf', { resolver: getResolvers(server, facts.nameservers) }),
    'backend.conf': renderTemplate('backend.conf', {
      backend: assertHostName(facts.backend),
      port: String(backendPort),
    }),
  }
}

/** Where a challenge of the CA is that this server does not have: on another one, if there are several. */
function renderOthers({ domain, servers }: Config, server: Server) {
  const others = servers.filter((each) => each.address !== server.address)
  if (others.length === 0) return { others: '', notHere: '=404', askOthers: '' }
  const lines = others.map(({ publicIp }) => `    server ${publicIp};\n`).join('')
  return {
    others: `\n\nupstream ${domain}-others {\n${lines}}`,
    notHere: '@others',
    askOthers: `\n\n${renderTemplate('acme-others.conf', { domain }).trimEnd()}`,
  }
}

/** The name of a set: the first 12 hexadecimal digits of the SHA-256 of names and contents. */
export function getSetName(files: NginxFiles): string {
  const hash = createHash('sha256')
  for (const name of Object.keys(files).sort()) hash.update(`${name}\0${files[name]}\0`)
  return hash.digest('hex').slice(0, 12)
}

/** Lists why nginx does not run with exactly these files. */
export function findDifferences(config: Config, files: NginxFiles, { nginx }: ServerState): string[] {
  const name = getSetName(files)
  const sha = (text: string) => createHash('sha256').update(text).digest('hex')
  const altered = [...new Set([...Object.keys(files), ...Object.keys(nginx.files)])].filter(
    (file) => files[file] === undefined || sha(files[file]) !== nginx.files[file],
  )
  return [
    ...altered.map((file) => {
      const difference = files[file] === undefined ? 'does not belong there' : 'differs'
      return `${file} ${nginx.files[file] ? difference : 'is missing'}`
    }),
    ...(nginx.site === getSiteFile(config) ? [] : ['the site is not enabled']),
    ...(nginx.defaultSite ? ["Debian's default site is enabled"] : []),
    ...(nginx.unfinished ? ['an earlier change was interrupted'] : []),
    ...(nginx.active ? [] : ['nginx is not running']),
    ...(nginx.loaded === name ? [] : ['nginx has not loaded it yet']),
  ]
}

const getSiteFile = (config: Config): string => `${getNginxFolder(config)}/current/site.conf`

const apiErrors: readonly { status: number; error: string; retryAfter?: number }[] = [
  { status: 413, error: 'The request is too large.' },
  { status: 429, error: 'Too many requests from this address.', retryAfter: 10 },
  { status: 502, error: 'The backend cannot be reached.', retryAfter: 10 },
  { status: 503, error: 'The service is under maintenance or overloaded.', retryAfter: 60 },
  { status: 504, error: 'The backend did not answer in time.', retryAfter: 10 },
]

const renderApiErrors = (folder: string): string =>
  apiErrors
    .map(({ status, error, retryAfter }) =>
      renderTemplate('api-error.conf', {
        ...{ folder, error, status: String(status) },
        retryAfter: retryAfter
          ? `add_header Retry-After ${retryAfter} always;`
          : '# Trying again does not help.',
      }).trimEnd(),
    )
    .join('\n\n')

function renderListen(facts: NginxFacts, port: number, ...words: string[]): string {
  const options = words
    .filter(Boolean)
    .map((word) => ` ${word}`)
    .join('')
  const lines = [`    listen ${port}${options};`]
  // Without IPv6 in the kernel, nginx would not start with this line.
  if (facts.ipv6) lines.push(`    listen [::]:${port}${options};`)
  return lines.join('\n')
}

function getResolvers({ address: host }: Server, nameservers: readonly string[]): string {
  // nginx does not support zones (fe80::1%eth0).
  const usable = nameservers
    .filter((address) => isIP(address) && !address.includes('%'))
    .map((address) => (isIP(address) === 6 ? `[${address}]` : address))
  if (usable.length > 0) return usable.join(' ')
  throw new OpsError({
    what: `${host} has no name server in /etc/resolv.conf, which nginx needs to find the backend`,
    next: 'Add a line such as `nameserver 9.9.9.9` to /etc/resolv.conf on the VPS.',
  })
}

export const isHostName = (host: string): boolean => /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(host)

function assertHostName(host: string): string {
  if (isHostName(host)) return host
  throw usageError(`${JSON.stringify(host)} is not a host name that nginx can proxy to`)
}
