import { createHash, randomBytes } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Difference, type Field, type Log, ok, type Task } from '../../tasks/task.ts'
import { getMessage, OpsError } from '../../util/errors.ts'
import { assertDnsPointsHere, getSiteNames } from '../dns/records.ts'
import { acmeRoot } from '../packages.ts'
import { remoteScript } from '../remote/script.ts'
import { vps } from '../remote/vps.ts'
import { inspectServer, invalidateServerState, type ServerState } from '../serverState.ts'
import { renderTemplate } from '../template.ts'
import { certbotCommand, runCertbot } from './certbot.ts'

export const hookFile = '/etc/letsencrypt/renewal-hooks/deploy/dominion-nginx'
/** The part of its life below which the task renews a certificate. certbot's timer, if it works, renews much earlier. */
const renewBelow = 1 / 8

/** Obtains the certificate for both names, and installs the hook that makes nginx serve a renewed one. */
export function certificateTask(
  context: Context,
  { server, nginxHttp, dns }: { server?: Task; nginxHttp: Task; dns?: Task },
): Task {
  const { config, runner } = context
  return {
    id: 'certificate',
    title: `Certificate for ${getSiteNames(config).join(' and ')}`,
    part: 'ionos',
    after: [nginxHttp, dns],
    async inspect(ahead) {
      const state = await inspectServer(context)
      const waits = ahead.willChange(server) || ahead.willChange(nginxHttp)
      if (waits && !state.certificate.lineage)
        return createDifference(config, [], 'after nginx answers on port 80', true)
      return inspectCertificate(config, state)
    },
    async apply(_, log) {
      const state = await inspectServer(context)
      if (state.certificate.hook !== getHookSha()) await runner.run(hookCommand(config))
      if (getIssueReasons(config, state).length > 0) {
        await assertReachableByCa(context, log)
        log(`asking ${new URL(config.acme.server).hostname} for a certificate`)
        await requestCertificate(context, log)
      }
      invalidateServerState(context)
      log('certificate and renewal hook are in place')
    },
  }
}

/** Asks the CA through certbot. The certificate is checked before each attempt, because another certbot may obtain it. */
async function requestCertificate(context: Context, log: Log): Promise<void> {
  const { config } = context
  const certbot = async () => {
    const state = await inspectServer(context)
    invalidateServerState(context)
    return getIssueReasons(config, state).length > 0
      ? certbotCommand(config, isForced(config, state))
      : undefined
  }
  const done = await runCertbot(context, certbot, log)
  if (!done) log('the other certbot obtained the certificate; the CA is not asked again')
}

function inspectCertificate(config: Config, state: ServerState): Difference {
  const reasons = getIssueReasons(config, state)
  const hookMissing = state.certificate.hook !== getHookSha()
  if (reasons.length === 0 && !hookMissing) {
    const days = Math.floor((state.certificate.lineage!.notAfter.getTime() - Date.now()) / 86_400_000)
    return ok(`valid for ${days} more days; certbot renews it`)
  }
  const what = [...reasons, ...(hookMissing ? ['the hook that reloads nginx is missing'] : [])].join(', ')
  const effects = [
    ...(hookMissing ? [hookCommand(config)] : []),
    ...(reasons.length > 0 ? [certbotCommand(config, isForced(config, state))] : []),
  ]
  return {
    ...createDifference(config, getFields(config, state), what, state.certificate.lineage === undefined),
    effects,
  }
}

const createDifference = (config: Config, fields: Field[], what: string, isNew: boolean) => ({
  state: isNew ? ('create' as const) : ('change' as const),
  what,
  fields: fields.length > 0 ? fields : [{ name: 'names', after: getSiteNames(config).join(', ') }],
  effects: [hookCommand(config), certbotCommand(config, false)],
})

/** Why the certificate must be requested; empty when it need not. */
function getIssueReasons(config: Config, state: ServerState): string[] {
  const { lineage, server, authenticator } = state.certificate
  if (!lineage) return ['there is none']
  const life = lineage.notAfter.getTime() - lineage.notBefore.getTime()
  const left = lineage.notAfter.getTime() - Date.now()
  return [
    ...(getSiteNames(config).every((name) => lineage.names.includes(name))
      ? []
      : [`it is for ${lineage.names.join(', ')}`]),
    ...(left > life * renewBelow ? [] : [`it ends on ${lineage.notAfter.toISOString().slice(0, 10)}`]),
    ...(server === config.acme.server ? [] : [`it is renewed by ${server || 'nobody'}`]),
    ...(authenticator === 'webroot' ? [] : [`it is renewed through ${authenticator || 'nothing'}`]),
  ]
}

/** Without force, certbot keeps a certificate that is not due, with its former server and authenticator. */
function isForced(config: Config, state: ServerState): boolean {
  const { lineage, server, authenticator } = state.certificate
  return lineage !== undefined && (server !== config.acme.server || authenticator !== 'webroot')
}

function getFields(config: Config, state: ServerState): Field[] {
  const { lineage, server } = state.certificate
  const names = getSiteNames(config).join(', ')
  return [
    { name: 'names', before: lineage?.names.join(', '), after: names },
    { name: 'server', before: server || undefined, after: config.acme.server },
  ].filter((field) => field.before !== field.after)
}

const getHook = () => Buffer.from(renderTemplate('renewal-hook.sh'))
const getHookSha = () => createHash('sha256').update(getHook()).digest('hex')

const hookCommand = (config: Config): Command =>
  remoteScript(config, 'change', 'install-file', [hookFile, '755'], { payload: [getHook()] })

/** Checks DNS and port 80 before the CA does, because it limits failed requests. */
async function assertReachableByCa(context: Context, log: Log): Promise<void> {
  const { config, runner } = context
  await assertDnsPointsHere(config, (await inspectServer(context)).ipv6Addresses)
  const token = `dominion-${randomBytes(8).toString('hex')}`
  const folder = `${acmeRoot}/.well-known/acme-challenge`
  const put = remoteScript(config, 'change', 'install-file', [`${folder}/${token}`, '644'], {
    payload: [Buffer.from(token)],
  })
  await runner.run(put)
  try {
    for (const name of getSiteNames(config)) await fetchToken(context, name, token)
    log('both names point to this server, and port 80 is open')
  } finally {
    await runner.run(vps(config).sudo.change`rm -f ${folder}/${token}`)
  }
}

async function fetchToken(context: Context, name: string, token: string): Promise<void> {
  const url = `http://${name}/.well-known/acme-challenge/${token}`
  const next =
    'Open port 80 to everyone (the CA has many addresses) on the VPS and in the IONOS firewall policy, then run this command again.'
  const answer = await context.runner
    .request({ method: 'GET', url, effect: 'read', timeoutMs: 10_000 })
    .catch((thrown) => {
      throw new OpsError({
        what: `Port 80 of ${name} does not answer, so the CA was not asked`,
        said: getMessage(thrown),
        next,
      })
    })
  if (answer.status === 200 && answer.body === token) return
  throw new OpsError({
    what: `${name} answers on port 80, but not with this server's file, so the CA was not asked`,
    said: `${url} gave ${answer.status}: ${answer.body.slice(0, 300)}`,
    next: `Something in front of the VPS answers in its place (another server, a proxy, a parking page). ${next}`,
  })
}
