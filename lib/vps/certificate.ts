import { createHash, randomBytes } from 'node:crypto'
import { type Config, getSiteNames, type Server } from '../config/config.ts'
import type { Command } from '../shell/command.ts'
import type { ProcessResult } from '../shell/spawn.ts'
import { type Difference, type Field, type Log, ok, type Task, type VpsContext } from '../tasks/task.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import { formatDuration } from '../util/format.ts'
import { assertDnsPointsHere, readRecords } from './dns/records.ts'
import { acmeRoot, remoteScript, renewalHook, type Site, vps } from './remote/vps.ts'
import { inspectServer, invalidateServerState, readOwnIpv6, type ServerState } from './serverState.ts'
import { renderTemplate } from './template.ts'

/**
 * The fraction of its lifetime below which the task renews a certificate. certbot's timer, if it works, renews much
 * earlier.
 */
const renewBelow = 1 / 8

/**
 * Obtains a server's certificate for both names, and installs the hook that makes nginx serve a renewed one.
 * @param nginxHttp of all servers: the CA asks any of them, and one that lacks the challenge asks the others
 */
export function certificateTask(
  context: VpsContext,
  { server, nginxHttp, dns }: { server?: Task | undefined; nginxHttp: readonly Task[]; dns?: Task },
): Task {
  const { config, runner } = context
  return {
    id: 'certificate',
    title: `Certificate for ${getSiteNames(config).join(' and ')}`,
    part: 'ionos',
    after: [...nginxHttp, dns],
    async inspect(ahead) {
      const state = await inspectServer(context)
      const waits = [server, ...nginxHttp].some((task) => ahead.willChange(task))
      if (waits && !state.certificate.lineage)
        return createDifference(context, [], 'after nginx answers on port 80', true)
      return inspectCertificate(context, state)
    },
    async apply(_, log) {
      const state = await inspectServer(context)
      if (state.certificate.hook !== getHookSha()) await runner.run(hookCommand(context.server))
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
async function requestCertificate(context: VpsContext, log: Log): Promise<void> {
  const { config } = context
  const certbot = async () => {
    const state = await inspectServer(context)
    invalidateServerState(context)
    return getIssueReasons(config, state).length > 0
      ? certbotCommand(context, isForced(config, state))
      : undefined
  }
  const done = await runCertbot(context, certbot, log)
  if (!done) log('the other certbot obtained the certificate; the CA is not contacted again')
}

function inspectCertificate(site: Site, state: ServerState): Difference {
  const { config, server } = site
  const reasons = getIssueReasons(config, state)
  const hookMissing = state.certificate.hook !== getHookSha()
  if (reasons.length === 0 && !hookMissing) {
    const days = Math.floor((state.certificate.lineage!.notAfter.getTime() - Date.now()) / 86_400_000)
    return ok(`valid for ${days} more days; certbot renews it`)
  }
  const what = [...reasons, ...(hookMissing ? ['the hook that reloads nginx is missing'] : [])].join(', ')
  const effects = [
    ...(hookMissing ? [hookCommand(server)] : []),
    ...(reasons.length > 0 ? [certbotCommand(site, isForced(config, state))] : []),
  ]
  return {
    ...createDifference(site, getFields(config, state), what, state.certificate.lineage === undefined),
    effects,
  }
}

const createDifference = (site: Site, fields: Field[], what: string, isNew: boolean) => ({
  state: isNew ? ('create' as const) : ('change' as const),
  what,
  fields: fields.length > 0 ? fields : [{ name: 'names', after: getSiteNames(site.config).join(', ') }],
  effects: [hookCommand(site.server), certbotCommand(site, false)],
})

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

/** Without force, certbot keeps a certificate that is not due, with its previous server and authenticator. */
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

const hookCommand = (server: Server): Command =>
  remoteScript(server, 'change', 'install-file', [renewalHook, '755'], { payload: [getHook()] })

/** Checks DNS and port 80 before the CA does, because the CA limits failed requests. */
async function assertReachableByCa(context: VpsContext, log: Log): Promise<void> {
  const { config, runner, server } = context
  await assertDnsPointsHere(context, readOwnIpv6)
  const token = `dominion-${randomBytes(8).toString('hex')}`
  const folder = `${acmeRoot}/.well-known/acme-challenge`
  const put = remoteScript(server, 'change', 'install-file', [`${folder}/${token}`, '644'], {
    payload: [Buffer.from(token)],
  })
  await runner.run(put)
  try {
    for (const { name, ipv4, ipv6 } of await readRecords(config)) {
      await fetchToken(context, name, token)
      for (const address of ipv4.length > 1 ? ipv4 : []) await fetchToken(context, name, token, { address })
      for (const address of ipv6) await fetchToken(context, name, token, { address, log })
    }
    log('both names point to this server, and port 80 is open')
  } finally {
    await runner.run(vps(server).sudo.change`rm -f ${folder}/${token}`)
  }
}

/** @param over one address of the name; with `log`, an IPv6 address, which the CA tries first but does not need */
async function fetchToken(
  context: VpsContext,
  name: string,
  token: string,
  over?: { address: string; log?: Log },
): Promise<void> {
  const url = `http://${name}/.well-known/acme-challenge/${token}`
  const next =
    'Open port 80 to everyone (the CA has many addresses) on the VPS and in the IONOS firewall policy, then run this command again.'
  const place = over ? `${name} over ${over.log ? 'IPv6' : 'IPv4'} (${over.address})` : name
  const address = over ? { address: over.address } : {}
  const answer = await context.runner
    .request({ method: 'GET', url, effect: 'read', timeoutMs: 10_000, ...address })
    .catch((thrown) => {
      // The CA then uses IPv4 (letsencrypt.org/docs/ipv6-support); perhaps only this machine has no IPv6.
      if (over?.log && (thrown as NodeJS.ErrnoException).code !== 'ECONNREFUSED')
        return over.log(`no answer from ${place}, so the CA may have to use IPv4: ${getMessage(thrown)}`)
      throw new OpsError({
        what: `Port 80 of ${place} does not answer, so the CA was not contacted`,
        said: getMessage(thrown),
        next,
      })
    })
  if (!answer || (answer.status === 200 && answer.body === token)) return
  throw new OpsError({
    what: `${place} answers on port 80, but not with this server's file, so the CA was not contacted`,
    said: `${url} answered ${answer.status}: ${answer.body.slice(0, 300)}`,
    next: `Something in front of the VPS answers in its place (another server, a proxy, a parking page). ${next}`,
  })
}

/** Uses --webroot: --nginx would rewrite the configuration of nginx. */
export function certbotCommand({ config, server }: Site, forced: boolean): Command {
  const { email, server: ca } = config.acme
  const contact = email ? ['--email', email, '--no-eff-email'] : '--register-unsafely-without-email'
  return vps(server).sudo.change({ timeoutMs: 5 * 60_000, explain: explainCa })`
    certbot certonly --non-interactive --agree-tos ${contact}
    --server ${ca} --webroot --webroot-path ${acmeRoot}
    --cert-name ${config.domain} ${getSiteNames(config).flatMap((name) => ['--domain', name])}
    --renew-with-new-domains --key-type ecdsa ${forced ? '--force-renewal' : '--keep-until-expiring'}`
}

function explainCa(output: string) {
  const said = output
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^- - -|^Saving debug log|^Ask for help/.test(line))
    .join('\n')
  const limited = /rateLimited|too many (certificates|failed|registrations)/i.test(output)
  return {
    what: limited
      ? 'The CA refused the request: too many requests for these names'
      : 'The CA did not issue the certificate; the site is unchanged',
    said,
    next: limited
      ? 'Wait until the time stated by the CA; earlier requests only prolong the wait.'
      : 'Fix what the CA reports, then run this command again. This was tried only once, because the CA limits failed requests (5 an hour).',
  }
}

/** `certbot renew` without a terminal sleeps up to 8 minutes with its locks held (certbot/_internal/renewal.py). */
const lockTimeoutMs = 10 * 60_000

/** certbot locks its three folders, and fails when one of them is locked. */
const lockFiles = ['/etc/letsencrypt', '/var/lib/letsencrypt', '/var/log/letsencrypt'].map(
  (folder) => `${folder}/.certbot.lock`,
)

const isBusy = (thrown: unknown): thrown is OpsError =>
  thrown instanceof OpsError &&
  /Another instance of Certbot is already running/.test(thrown.failure.said ?? '')

/**
 * Runs certbot. While another one holds the locks (the renewal timer, or one left by a killed run), waits until it
 * ends.
 * @param certbot called before each attempt, since the other certbot may obtain the certificate; returns the command,
 * or undefined when there is nothing left to do
 * @returns undefined when there was nothing left to do
 * Throws certbot's failure with the CA's message. When the other one does not end, the error names its process.
 */
export async function runCertbot(
  context: VpsContext,
  certbot: () => Promise<Command | undefined>,
  log: Log,
  timeoutMs = lockTimeoutMs,
): Promise<ProcessResult | undefined> {
  const { runner, server } = context
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const command = await certbot()
    if (!command) return undefined
    try {
      return await runner.run(command, log)
    } catch (thrown) {
      if (!isBusy(thrown)) return withAcmeReason(context, thrown)
      const seconds = Math.max(0, Math.ceil((deadline - Date.now()) / 1000))
      let holder = ''
      const limit = formatDuration(seconds * 1000)
      const { code } = await runner.run(waitCommand(server, seconds), (lines) => {
        for (const [, pid, line = ''] of lines.matchAll(/^holder\t(\d+)\t(.*)$/gm)) {
          holder = `process ${pid}: ${line.trim()}`
          log(`waiting at most ${limit} for another certbot on the VPS to end (${holder})`)
        }
      })
      if (code === stillHeld || Date.now() >= deadline) throw createBusyError(holder, timeoutMs)
    }
  }
}

/** The exit code of certbot-wait.sh when the time is up. */
const stillHeld = 75

const waitCommand = (server: Server, seconds: number): Command =>
  remoteScript(server, 'read', 'certbot-wait', [String(seconds), ...lockFiles], {
    timeoutMs: (seconds + 30) * 1000,
    accept: [0, stillHeld],
  })

function createBusyError(holder: string, timeoutMs: number): OpsError {
  const pid = /^process (\d+)/.exec(holder)?.[1]
  return new OpsError({
    what: `Another certbot on the VPS has not ended within ${formatDuration(timeoutMs)}, so the CA was not contacted`,
    said: holder || 'Another instance of Certbot is already running.',
    next: pid
      ? `Wait until it has ended (on the VPS: ps -fp ${pid}), or end it there (kill ${pid}), then run this command again.`
      : 'Find it on the VPS (ps -ef | grep certbot), wait until it has ended, then run this command again.',
  })
}

/** Adds the CA's message from certbot's log: certbot 2.1 (Debian 12) crashes on some refusals and does not print it. */
async function withAcmeReason({ config, runner, server }: VpsContext, thrown: unknown): Promise<never> {
  if (!(thrown instanceof OpsError) || /\bDetail: /.test(thrown.failure.said ?? '')) throw thrown
  const tail = vps(server).sudo`tail -n 400 /var/log/letsencrypt/letsencrypt.log`
  const log = await runner.run(tail).then(
    ({ stdout }) => getLastRun(stdout),
    () => '',
  )
  const said = [...parseAcmeErrors(log), thrown.failure.said ?? ''].join('\n')
  const unknownAccount = /Account \S+ not found|accountDoesNotExist|No account exists with the provided key/i
  const next = unknownAccount.test(log)
    ? `The CA no longer knows certbot's account. On the VPS: rm -r /etc/letsencrypt/accounts/${new URL(config.acme.server).host}*, then run this command again.`
    : thrown.failure.next
  throw new OpsError({ ...thrown.failure, said, next })
}

/** Drops earlier runs: Debian's certbot appends all runs to one log, and each begins with its version. */
const getLastRun = (log: string): string => log.slice(Math.max(0, log.lastIndexOf('certbot version: ')))

/** Returns the details of the last problem documents (RFC 8555, 6.7) in certbot's log. */
export function parseAcmeErrors(log: string): string[] {
  const details = [...log.matchAll(/"detail":\s*"((?:[^"\\]|\\.)*)"/g)].map(
    ([, text]) => JSON.parse(`"${text}"`) as string,
  )
  // A stale nonce is part of the protocol; certbot retries.
  return [...new Set(details.filter((text) => !/nonce/i.test(text)))].slice(-3)
}
