import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { OpsError } from '../../util/errors.ts'
import { getSiteNames } from '../dns/records.ts'
import { acmeRoot } from '../packages.ts'
import { vps } from '../remote/vps.ts'

/** certonly --webroot and never --nginx, which rewrites the configuration (FACTS: it broke it here). */
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
      ? 'The CA refuses: too many requests for these names'
      : 'The CA did not issue the certificate; the site stays as it is',
    said,
    next: limited
      ? 'Wait until the time that the CA names. Asking again before only prolongs it.'
      : 'Fix what the CA names, then run this command again. It was asked once, because failed tries count against a limit (5 an hour).',
  }
}

/** certbot 2.1 (Debian 12) crashes on some refusals and leaves the CA's words only in its log: fetch them. */
export async function withAcmeReason({ config, runner }: Context, thrown: unknown): Promise<never> {
  if (!(thrown instanceof OpsError) || /\bDetail: /.test(thrown.failure.said ?? '')) throw thrown
  const tail = vps(config).sudo`tail -n 400 /var/log/letsencrypt/letsencrypt.log`
  const log = await runner.run(tail).then(
    ({ stdout }) => getLastRun(stdout),
    () => '',
  )
  const said = [...parseAcmeErrors(log), thrown.failure.said ?? ''].join('\n')
  const forgotten = /Account \S+ not found|accountDoesNotExist|No account exists with the provided key/i.test(
    log,
  )
  throw new OpsError({
    ...thrown.failure,
    said,
    ...(forgotten
      ? {
          next: `The CA no longer knows certbot's account. On the VPS: rm -r /etc/letsencrypt/accounts/${new URL(config.acme.server).host}*, then run this command again.`,
        }
      : {}),
  })
}

/** The log without earlier runs: Debian's certbot appends all of them to one file. Each begins by naming its version. */
export const getLastRun = (log: string): string =>
  log.slice(Math.max(0, log.lastIndexOf('certbot version: ')))

/** The problem documents (RFC 8555, 6.7) of the last answers in certbot's log. */
export function parseAcmeErrors(log: string): string[] {
  const details = [...log.matchAll(/"detail":\s*"((?:[^"\\]|\\.)*)"/g)].map(
    ([, text]) => JSON.parse(`"${text}"`) as string,
  )
  // A stale nonce is part of the protocol; certbot asks again by itself.
  return [...new Set(details.filter((text) => !/nonce/i.test(text)))].slice(-3)
}
