import {
  type AzureGroups,
  askForBackendHost,
  getRememberedHost,
  isTenantHost,
} from '../../config/backendHost.ts'
import { type Config, formatKeyFile, formatScriptLine } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import { type Difference, type Field, ok, type Task, type VpsContext } from '../../tasks/task.ts'
import { OpsError, usageError } from '../../util/errors.ts'
import { packFiles, remoteScript, type Site } from '../remote/vps.ts'
import { inspectServer, invalidateServerState, type ServerState } from '../serverState.ts'
import {
  findDifferences,
  getSetName,
  isHostName,
  type NginxFiles,
  type Phase,
  renderNginx,
} from './render.ts'

interface NginxOptions {
  server?: Task | undefined
  /** For a list that may ask Azure: an nginx without a backend gets the host that Azure shows now. */
  azure?: AzureGroups | undefined
}

/** Configures nginx to answer the CA or, if a certificate already exists, to serve the whole site. */
export function nginxHttpTask(
  context: VpsContext,
  { server, azure, title = 'nginx on port 80' }: NginxOptions & { title?: string } = {},
): Task {
  return {
    id: 'nginx-http',
    title,
    part: 'ionos',
    after: [server],
    async inspect(ahead) {
      const state = await inspectServer(context)
      if (ahead.willChange(server))
        return planLater(context, state, 'http', 'after the packages are installed')
      return inspectNginx(context, state, getWantedPhase(state), azure)
    },
    always: () => invalidateServerState(context),
  }
}

/** Configures nginx with TLS, the static site and the proxy, after the `earlier` tasks of the same list. */
export function nginxHttpsTask(
  context: VpsContext,
  earlier: NginxOptions & {
    nginxHttp?: Task | undefined
    certificate?: Task | undefined
    after?: readonly Task[]
  } = {},
): Task {
  const { server, nginxHttp, certificate, azure, after = [] } = earlier
  return {
    id: 'nginx-https',
    title: 'nginx with TLS, pages and /api/',
    part: 'ionos',
    after: [certificate, ...after],
    async inspect(ahead) {
      const state = await inspectServer(context)
      if (ahead.willChange(server))
        return planLater(context, state, 'https', 'after nginx and the certificate', azure)
      if (getWantedPhase(state) === 'https') {
        if (ahead.willChange(nginxHttp)) return ok('the task nginx-http activates it')
        return inspectNginx(context, state, 'https', azure)
      }
      if (ahead.willChange(certificate))
        return planLater(context, state, 'https', 'after the certificate is issued', azure)
      throw new OpsError({
        what: `The VPS has no certificate for ${context.config.domain}, so nginx cannot serve HTTPS`,
        next: `Issue it first: ${formatScriptLine('issue-certificate')}`,
      })
    },
    always: () => invalidateServerState(context),
  }
}

/** Sends /api/ to another host, for releases without downtime. If nginx rejects the change, the previous host stays. */
export function switchBackendTask(context: VpsContext, host: string): Task {
  return {
    id: 'switch-backend',
    title: `nginx to ${host}`,
    part: 'ionos',
    async inspect() {
      const state = await inspectServer(context)
      if (getWantedPhase(state) === 'http') {
        throw new OpsError({
          what: `nginx does not serve ${context.config.domain} over HTTPS yet, so there is no backend to switch`,
          next: `Set it up first: ${formatScriptLine('configure-nginx')}`,
        })
      }
      return inspectNginx(context, state, 'https', undefined, host)
    },
    always: () => invalidateServerState(context),
  }
}

/**
 * The command of switchBackendTask, independent of the current configuration. While the host has no name yet, the set
 * has none either.
 */
export function switchBackendCommand(site: Site, state: ServerState, host: string | undefined): Command {
  const files = renderFiles(site, state, 'https', host)
  return nginxCommand(site, files, host ? getSetName(files) : '<set>')
}

/** Activates a set of files (remote/nginx.sh). */
export function nginxCommand({ config, server }: Site, files: NginxFiles, set = getSetName(files)): Command {
  const { pairs, payload } = packFiles(files)
  return remoteScript(server, 'change', 'nginx', [config.domain, set, ...pairs], {
    ...{ timeoutMs: 90_000, payload, explain: explainRefusal },
  })
}

const beforeRestart = 'Do it before nginx restarts'

/** The lines that remote/nginx.sh prints, and what they mean. */
const refusals: readonly { line: RegExp; what: string; next: string | ((output: string) => string) }[] = [
  {
    line: /^another change of nginx is in progress$/m,
    what: 'Another change of nginx is in progress on the VPS, so nothing was changed',
    next: 'Wait until it has ended, then run this command again.',
  },
  {
    line: /^some nginx files could not be restored$/m,
    what: 'The new nginx configuration is not active, and some files could not be restored',
    next: `Find out on the VPS why the files cannot be written (df -h /etc/nginx, mount), then run this command again: it first restores the remaining files. ${beforeRestart}.`,
  },
  {
    line: /^nginx rejects the previous configuration too:$/m,
    what: 'nginx rejected the new configuration; every file was restored, but nginx rejects the previous configuration too',
    next: (output) => `${remedy(output)} ${beforeRestart}: it would not start, and every site would be down.`,
  },
  {
    line: /^nginx does not start$/m,
    what: 'nginx accepts the configuration but does not start; the previous files were restored',
    next: 'Find what else uses its ports on the VPS (ss -ltnp), stop it, then run this command again.',
  },
  {
    line: /nginx/,
    what: 'nginx rejected the new configuration; the previous one was restored',
    next: (output) => remedy(output),
  },
]

function explainRefusal(output: string) {
  const found = refusals.find(({ line }) => line.test(output))
  if (!found) return undefined
  const { what, next } = found
  return { what, said: output.trim(), next: typeof next === 'string' ? next : next(output) }
}

const remedy = (output: string): string =>
  /duplicate default server/.test(output)
    ? 'Another site in /etc/nginx/sites-enabled on the VPS claims default_server: remove the word there, then run this command again.'
    : 'Fix what nginx reports (a file of another site in /etc/nginx, a port in use), then run this command again.'

/**
 * Throws (exit 2) when nginx serves another site of this toolbox. Each of them is the default server of both ports, for
 * visitors who name no site, and nginx accepts only one (https://nginx.org/en/docs/http/ngx_http_core_module.html#listen).
 */
function assertOnlySite({ config, server }: Site, { nginx }: ServerState): void {
  const [other] = nginx.neighbours
  if (other === undefined) return
  throw usageError(
    `The VPS ${server.address} already serves ${other}, so nginx cannot serve ${config.domain} there, too: both would be its default server`,
    `Set ${server.keys.address} in ${formatKeyFile(server.keys.address)} to another VPS. If nobody needs ${other} any more, disable it on this one: rm /etc/nginx/sites-enabled/${other}.conf`,
  )
}

/** Even an expired certificate counts: a site never returns to plain HTTP. */
const getWantedPhase = (state: ServerState): Phase => (state.certificate.lineage ? 'https' : 'http')

/** Never resolves (RFC 6761), so /api/ answers 502. */
const noBackend = 'backend.invalid'

/**
 * The host for /api/. Only a release of the backend changes it. Before the first one, nginx gets the host that Azure shows
 * or, if Azure is not asked or does not answer, the one that this machine saw last: unless that is a name that somebody
 * else may have by now.
 */
async function findBackend(
  config: Config,
  { nginx: { backend } }: ServerState,
  azure: AzureGroups | undefined,
): Promise<string | undefined> {
  if (isHostName(backend) && backend !== noBackend) return backend
  const remembered = () => getRememberedHost(config)
  const host = azure ? await askForBackendHost(config, azure).catch(remembered) : remembered()
  return host !== undefined && isTenantHost(config, host) ? host : undefined
}

/** @param to the host to switch to; undefined keeps it */
async function inspectNginx(
  context: VpsContext,
  state: ServerState,
  phase: Phase,
  azure: AzureGroups | undefined,
  to?: string,
): Promise<Difference> {
  const { config } = context
  assertOnlySite(context, state)
  const host = to ?? (phase === 'https' ? await findBackend(config, state, azure) : undefined)
  const files = renderFiles(context, state, phase, host)
  const reasons = findDifferences(config, files, state)
  // Otherwise a run with --skip-azure would succeed without mentioning that the API does not work.
  const gap =
    phase === 'https' && host === undefined
      ? '; /api/ answers 502 until a release of the backend, whose host this machine does not know'
      : ''
  if (reasons.length === 0) return ok(`configuration ${getSetName(files)} is active${gap}`)
  const bare = state.nginx.current === ''
  return {
    state: bare ? 'create' : 'change',
    what: `${bare ? `configuration for ${phase.toUpperCase()}` : reasons.join(', ')}${gap}`,
    fields: getFields(state, files, to),
    effects: [nginxCommand(context, files)],
  }
}

function getFields(state: ServerState, files: NginxFiles, host: string | undefined): Field[] {
  const { current, backend } = state.nginx
  const wanted = getSetName(files)
  return [
    ...(host && backend !== host ? [{ name: 'backend', before: backend || undefined, after: host }] : []),
    // Equal when nginx is merely not running, or has not loaded the set.
    ...(current === wanted ? [] : [{ name: 'configuration', before: current || undefined, after: wanted }]),
  ]
}

const renderFiles = (site: Site, state: ServerState, phase: Phase, host?: string): NginxFiles =>
  renderNginx(site, phase, {
    version: state.nginx.version ?? state.nginx.candidate,
    ipv6: state.ipv6,
    nameservers: state.nameservers,
    backend: host ?? noBackend,
  })

/** For a plan, while its prerequisites are missing. */
async function planLater(
  context: VpsContext,
  state: ServerState,
  phase: Phase,
  when: string,
  azure?: AzureGroups,
): Promise<Difference> {
  assertOnlySite(context, state)
  const host = phase === 'https' ? await findBackend(context.config, state, azure) : undefined
  const files = renderFiles(context, state, phase, host)
  return {
    state: state.nginx.current ? 'change' : 'create',
    what: `configuration for ${phase.toUpperCase()}, ${when}`,
    fields: getFields(state, files, host),
    effects: [nginxCommand(context, files)],
  }
}
