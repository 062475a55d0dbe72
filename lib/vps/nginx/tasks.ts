import type { Config } from '../../config/config.ts'
import { stableHost, surgeHost } from '../../config/endpoints.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Difference, type Field, ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { remoteScript } from '../remote/script.ts'
import { inspectServer, invalidateServerState, type ServerState } from '../serverState.ts'
import { differencesInForce, type NginxFiles, nameOfSet, type Phase, renderNginx } from './render.ts'

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
      const survey = await inspectServer(context)
      if (ahead.willChange(server)) return later(context, survey, 'http', 'after the packages are installed')
      return inspectNginx(context, survey, wantedPhase(survey))
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
      const survey = await inspectServer(context)
      if (ahead.willChange(server))
        return later(context, survey, 'https', 'after nginx and the certificate are there')
      if (wantedPhase(survey) === 'https') {
        if (ahead.willChange(nginxHttp)) return ok('the step nginx-http puts it in force')
        return inspectNginx(context, survey, 'https')
      }
      if (ahead.willChange(certificate))
        return later(context, survey, 'https', 'after the certificate is issued')
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
      const survey = await inspectServer(context)
      if (wantedPhase(survey) === 'http') {
        throw new OpsError({
          what: `nginx does not serve ${context.config.domain} over HTTPS yet, so there is no backend to switch`,
          next: `Set it up first: ${formatScriptLine('configure-nginx')}`,
        })
      }
      return inspectNginx(context, survey, 'https', host)
    },
    always: () => invalidateServerState(context),
  }
}

/** The line that `switchBackend` runs, whatever lies in force before it. */
export const switchCommand = (config: Config, survey: ServerState, host: string): Command =>
  nginxCommand(config, filesFor(config, survey, 'https', host))

/** The command that puts a set of files in force (remote/nginx.sh). */
export function nginxCommand(config: Config, files: NginxFiles): Command {
  const names = Object.keys(files)
  const contents = names.map((name) => Buffer.from(files[name]!))
  const pairs = names.flatMap((name, index) => [name, String(contents[index]!.length)])
  return remoteScript(config, 'change', 'nginx', [config.domain, nameOfSet(files), ...pairs], {
    timeoutMs: 90_000,
    payload: async function* () {
      yield* contents
    },
    explain: explainRefusal,
  })
}

/** What remote/nginx.sh prints when putting everything back does not make nginx's test pass. */
const stillRefused = /^nginx refuses the previous configuration too:$/m

function explainRefusal(output: string) {
  if (!/nginx/.test(output)) return undefined
  const said = output.trim()
  if (/^another change of nginx is under way$/m.test(output)) {
    return {
      what: 'Another change of nginx is under way on the VPS, so nothing was changed',
      said,
      next: 'Wait until it has ended, then run this command again.',
    }
  }
  if (/^not every file of nginx could be put back$/m.test(output)) {
    return {
      what: 'The new configuration of nginx is not in force, and not every file could be put back',
      said,
      next: 'See on the VPS why its files cannot be written (df -h /etc/nginx, mount), then run this command again: it puts the others back first. Do it before nginx restarts.',
    }
  }
  if (stillRefused.test(output)) {
    return {
      what: 'nginx refused the new configuration; every file is as before, and nginx refuses the previous configuration too',
      said,
      next: `${remedy(output)} Do it before nginx restarts: it would not start, and every site would be down.`,
    }
  }
  if (/^nginx does not start$/m.test(output)) {
    return {
      what: 'nginx accepts the configuration, but does not start; what was there before is back',
      said,
      next: 'See what else holds its ports on the VPS (ss -ltnp), end it, then run the same line again.',
    }
  }
  return {
    what: 'nginx refused the new configuration; the old one is back in force',
    said,
    next: remedy(output),
  }
}

const remedy = (output: string): string =>
  /duplicate default server/.test(output)
    ? 'Another site in /etc/nginx/sites-enabled on the VPS claims default_server: take the word out there, then run this command again.'
    : 'Fix what nginx names (a file of another site in /etc/nginx, a port that is taken), then run this command again.'

/** Any certificate will do, even an expired one: a site is never taken back to plain HTTP. */
const wantedPhase = (survey: ServerState): Phase => (survey.certificate.lineage ? 'https' : 'http')

/**
 * The host that /api/ should go to. A release that is under way keeps the surge host until it ends: only the release
 * knows when the stable one can take requests again.
 */
const backendInForce = (config: Config, survey: ServerState): string =>
  survey.nginx.backend === surgeHost(config) ? surgeHost(config) : stableHost(config)

function inspectNginx(context: Context, survey: ServerState, phase: Phase, host?: string): Difference {
  const { config } = context
  const files = filesFor(config, survey, phase, host)
  const reasons = differencesInForce(config, files, survey)
  if (reasons.length === 0) return ok(`configuration ${nameOfSet(files)} is in force`)
  const bare = survey.nginx.current === ''
  return {
    state: bare ? 'create' : 'change',
    what: bare ? `configuration for ${phase.toUpperCase()}` : reasons.join(', '),
    fields: fieldsOf(survey, files, host),
    effects: [nginxCommand(config, files)],
  }
}

function fieldsOf(survey: ServerState, files: NginxFiles, host: string | undefined): Field[] {
  const { current, backend } = survey.nginx
  const wanted = nameOfSet(files)
  return [
    ...(host && backend !== host ? [{ name: 'backend', before: backend || undefined, after: host }] : []),
    // The same one lies there when nginx only does not run, or has not loaded it.
    ...(current === wanted ? [] : [{ name: 'configuration', before: current || undefined, after: wanted }]),
  ]
}

const filesFor = (config: Config, survey: ServerState, phase: Phase, host?: string): NginxFiles =>
  renderNginx(config, phase, {
    version: survey.nginx.version ?? survey.nginx.candidate,
    ipv6: survey.ipv6,
    nameservers: survey.nameservers,
    backend: host ?? backendInForce(config, survey),
  })

/** In a plan, before what it builds on is there. */
function later(context: Context, survey: ServerState, phase: Phase, when: string): Difference {
  const files = filesFor(context.config, survey, phase)
  return {
    state: survey.nginx.current ? 'change' : 'create',
    what: `configuration for ${phase.toUpperCase()}, ${when}`,
    fields: fieldsOf(survey, files, phase === 'https' ? backendInForce(context.config, survey) : undefined),
    effects: [nginxCommand(context.config, files)],
  }
}
