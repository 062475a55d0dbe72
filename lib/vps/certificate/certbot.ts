import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { ProcessResult } from '../../shell/spawn.ts'
import type { Context } from '../../tasks/context.ts'
import type { Log } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { formatDuration } from '../../util/format.ts'
import { getSiteNames } from '../dns/records.ts'
import { acmeRoot } from '../packages.ts'
import { remoteScript } from '../remote/script.ts'
import { vps } from '../remote/vps.ts'

/** Uses --webroot: --nginx would rewrite the configuration of nginx. */
export function certbotCommand(config: Config, forced: boolean): Command {
  const { email, server } = config.acme
  const contact = email ? ['--email', email, '--no-eff-email'] : '--register-unsafely-without-email'
  return vps(config).sudo.change({ timeoutMs: 5 * 60_000, explain: explainCa })`
    certbot certonly --non-interactive --agree-tos ${contact}
    --server ${server} --webroot --webroot-path ${acmeRoot}
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
      ? 'The CA refuses the request: too many requests for these names'
      : 'The CA did not issue the certificate; the site is unchanged',
    said,
    next: limited
      ? 'Wait until the time that the CA names; earlier requests only prolong the wait.'
      : 'Fix what the CA reports, then run this command again. It was asked once, because it limits failed requests (5 an hour).',
  }
}

/**
 * How long to wait for another certbot. `certbot renew` without a terminal sleeps up to 8 minutes while it holds its locks
 * (certbot/_internal/renewal.py), unless a timer prevents that, as Debian's does.
 */
const lockTimeoutMs = 10 * 60_000

/** certbot locks its three folders, and fails when one of them is locked. */
const lockFiles = ['/etc/letsencrypt', '/var/lib/letsencrypt', '/var/log/letsencrypt'].map(
  (folder) => `${folder}/.certbot.lock`,
)

const isBusy = (thrown: unknown): thrown is OpsError =>
  thrown instanceof OpsError &&
  /Another instance of Certbot is already running/.test(thrown.failure.said ?? '')

/**
 * Runs certbot. While another one holds the locks (the renewal timer, or one left by a killed run), waits until it ends.
 *
 * @param certbot called before each attempt, since the other certbot may obtain the certificate; gives the command, or
 *   undefined when there is nothing left to do
 * @returns undefined when there was nothing left to do
 * Throws certbot's failure with the CA's message. When the other one does not end, the error names its process.
 */
export async function runCertbot(
  context: Context,
  certbot: () => Promise<Command | undefined>,
  log: Log,
  timeoutMs = lockTimeoutMs,
): Promise<ProcessResult | undefined> {
  const { config, runner } = context
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
      const { code } = await runner.run(waitCommand(config, seconds), (lines) => {
        for (const [, pid, line = ''] of lines.matchAll(/^holder\t(\d+)\t(.*)$/gm)) {
          holder = `process ${pid}: ${line.trim()}`
          log(`waiting for another certbot on the VPS to end, at most ${limit} (${holder})`)
        }
      })
      if (code === stillHeld || Date.now() >= deadline) throw createBusyError(holder, timeoutMs)
    }
  }
}

/** The exit code of certbot-wait.sh when the time is up. */
const stillHeld = 75

const waitCommand = (config: Config, seconds: number): Command =>
  remoteScript(config, 'read', 'certbot-wait', [String(seconds), ...lockFiles], {
    timeoutMs: (seconds + 30) * 1000,
    accept: [0, stillHeld],
  })

function createBusyError(holder: string, timeoutMs: number): OpsError {
  const pid = /^process (\d+)/.exec(holder)?.[1]
  return new OpsError({
    what: `Another certbot on the VPS has not ended within ${formatDuration(timeoutMs)}, so the CA was not asked`,
    said: holder || 'Another instance of Certbot is already running.',
    next: pid
      ? `Wait until it has ended (on the VPS: ps -fp ${pid}), or end it there (kill ${pid}), then run this command again.`
      : 'Find it on the VPS (ps -ef | grep certbot), wait until it has ended, then run this command again.',
  })
}

/** Adds the CA's message from certbot's log: certbot 2.1 (Debian 12) crashes on some refusals and does not print it. */
async function withAcmeReason({ config, runner }: Context, thrown: unknown): Promise<never> {
  if (!(thrown instanceof OpsError) || /\bDetail: /.test(thrown.failure.said ?? '')) throw thrown
  const tail = vps(config).sudo`tail -n 400 /var/log/letsencrypt/letsencrypt.log`
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

/** Gives the details of the last problem documents (RFC 8555, 6.7) in certbot's log. */
export function parseAcmeErrors(log: string): string[] {
  const details = [...log.matchAll(/"detail":\s*"((?:[^"\\]|\\.)*)"/g)].map(
    ([, text]) => JSON.parse(`"${text}"`) as string,
  )
  // A stale nonce is part of the protocol; certbot retries.
  return [...new Set(details.filter((text) => !/nonce/i.test(text)))].slice(-3)
}
