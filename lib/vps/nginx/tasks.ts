import type { Config } from '../../config/config.ts'
import { stableHost, surgeHost } from '../../config/endpoints.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Difference, type Field, ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { remoteScript } from '../remote/script.ts'
import { inspectServer, invalidateServerState, type ServerState } from '../serverState.ts'
import { findDifferences, getSetName, type NginxFiles, type Phase, renderNginx } from './render.ts'

/** nginx before there is a certificate: it answers the CA. With a certificate in place already, the whole site. */
export function nginxHttpTask(
  context: Context,
  { server, title = 'nginx on port 80' }: { server?: Task; title?: string } = {},
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
      return inspectNginx(context, state, getWantedPhase(state))
    },
    always: () => invalidateServerState(context),
  }
}

/** The tasks of the same list that come before nginx with TLS; none where a script only brings it up to date. */
export interface NginxHttpsOptions {
  server?: Task
  nginxHttp?: Task
  certificate?: Task
  after?: readonly Task[]
}

/** nginx with TLS, the static site and the proxy. */
export function nginxHttpsTask(
  context: Context,
  { server, nginxHttp, certificate, after = [] }: NginxHttpsOptions = {},
): Task {
  return {
    id: 'nginx-https',
    title: 'nginx with TLS, pages and /api/',
    part: 'ionos',
    after: [certificate, ...after],
    async inspect(ahead) {
      const state = await inspectServer(context)
      if (ahead.willChange(server))
        return planLater(context, state, 'https', 'after nginx and the certificate are there')
      if (getWantedPhase(state) === 'https') {
        if (ahead.willChange(nginxHttp)) return ok('the step nginx-http puts it in force')
        return inspectNginx(context, state, 'https')
      }
      if (ahead.willChange(certificate))
        return planLater(context, state, 'https', 'after the certificate is issued')
      throw new OpsError({
        what: `There is no certificate for ${context.config.domain} on the VPS, so nginx cannot serve HTTPS`,
        next: `Issue it first: ${formatScriptLine('issue-certificate')}`,
      })
    },
    always: () => invalidateServerState(context),
  }
}

/**
 * Sends /api/ to another host, for releases without downtime: the same procedure as every change of nginx, with only
 * the backend's name different.
 * It fails when nginx refuses, with the old host back in force.
 */
export function switchBackendTask(context: Context, host: string): Task {
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
      return inspectNginx(context, state, 'https', host)
    },
    always: () => invalidateServerState(context),
  }
}

/** The line that `switchBackend` runs, whatever lies in force before it. */
export const switchBackendCommand = (config: Config, state: ServerState, host: string): Command =>
  nginxCommand(config, renderFiles(config, state, 'https', host))

/** The command that puts a set of files in force (remote/nginx.sh). */
export function nginxCommand(config: Config, files: NginxFiles): Command {
  const names = Object.keys(files)
  const contents = names.map((name) => Buffer.from(files[name]!))
  const pairs = names.flatMap((name, index) => [name, String(contents[index]!.length)])
  return remoteScript(config, 'change', 'nginx', [config.domain, getSetName(files), ...pairs], {
    timeoutMs: 90_000,
    payload: async function* () {
      yield* contents
    },
    explain: explainRefusal,
  })
}

/** What remote/nginx.sh prints when putting everything back does not make nginx's test pass. */
const stillRefused = /^nginx rejects the previous configuration too:$/m

function explainRefusal(output: string) {
  if (!/nginx/.test(output)) return undefined
  const said = output.trim()
  if (/^another change of nginx is in progress$/m.test(output)) {
    return {
      what: 'Another change of nginx is in progress on the VPS, so nothing was changed',
      said,
      next: 'Wait until it has ended, then run this command again.',
    }
  }
  if (/^some nginx files could not be restored$/m.test(output)) {
    return {
      what: 'The new nginx configuration is not active, and some files could not be restored',
      said,
      next: 'Find out on the VPS why the files cannot be written (df -h /etc/nginx, mount), then run this command again: it first restores the remaining files. Do it before nginx restarts.',
    }
  }
  if (stillRefused.test(output)) {
    return {
      what: 'nginx rejected the new configuration; every file was restored, but nginx rejects the previous configuration too',
      said,
      next: `${remedy(output)} Do it before nginx restarts: it would not start, and every site would be down.`,
    }
  }
  if (/^nginx does not start$/m.test(output)) {
    return {
      what: 'nginx accepts the configuration but does not start; the previous files were restored',
      said,
      next: 'Find what else uses its ports on the VPS (ss -ltnp), stop it, then run this command again.',
    }
  }
  return {
    what: 'nginx rejected the new configuration; the previous one was restored',
    said,
    next: remedy(output),
  }
}

const remedy = (output: string): string =>
  /duplicate default server/.test(output)
    ? 'Another site in /etc/nginx/sites-enabled on the VPS claims default_server: remove the word there, then run this command again.'
    : 'Fix what nginx reports (a file of another site in /etc/nginx, a port in use), then run this command again.'

/** Any certificate will do, even an expired one: a site is never taken back to plain HTTP. */
const getWantedPhase = (state: ServerState): Phase => (state.certificate.lineage ? 'https' : 'http')

/**
 * The host that /api/ should go to. A release that is under way keeps the surge host until it ends: only the release
 * knows when the stable one can take requests again.
 */
const getWantedBackend = (config: Config, state: ServerState): string =>
  state.nginx.backend === surgeHost(config) ? surgeHost(config) : stableHost(config)

function inspectNginx(context: Context, state: ServerState, phase: Phase, host?: string): Difference {
  const { config } = context
  const files = renderFiles(config, state, phase, host)
  const reasons = findDifferences(config, files, state)
  if (reasons.length === 0) return ok(`configuration ${getSetName(files)} is in force`)
  const bare = state.nginx.current === ''
  return {
    state: bare ? 'create' : 'change',
    what: bare ? `configuration for ${phase.toUpperCase()}` : reasons.join(', '),
    fields: getFields(state, files, host),
    effects: [nginxCommand(config, files)],
  }
}

function getFields(state: ServerState, files: NginxFiles, host: string | undefined): Field[] {
  const { current, backend } = state.nginx
  const wanted = getSetName(files)
  return [
    ...(host && backend !== host ? [{ name: 'backend', before: backend || undefined, after: host }] : []),
    // The same one lies there when nginx only does not run, or has not loaded it.
    ...(current === wanted ? [] : [{ name: 'configuration', before: current || undefined, after: wanted }]),
  ]
}

const renderFiles = (config: Config, state: ServerState, phase: Phase, host?: string): NginxFiles =>
  renderNginx(config, phase, {
    version: state.nginx.version ?? state.nginx.candidate,
    ipv6: state.ipv6,
    nameservers: state.nameservers,
    backend: host ?? getWantedBackend(config, state),
  })

/** In a plan, before what it builds on is there. */
function planLater(context: Context, state: ServerState, phase: Phase, when: string): Difference {
  const files = renderFiles(context.config, state, phase)
  return {
    state: state.nginx.current ? 'change' : 'create',
    what: `configuration for ${phase.toUpperCase()}, ${when}`,
    fields: getFields(state, files, phase === 'https' ? getWantedBackend(context.config, state) : undefined),
    effects: [nginxCommand(context.config, files)],
  }
}
