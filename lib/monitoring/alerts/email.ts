import { type Config, formatKeyFile } from '../../config/config.ts'
import { revealSecret, type Secret } from '../../config/secret.ts'
import type { Mail, MailServer } from '../../net/smtp.ts'
import type { Runner } from '../../shell/runner.ts'
import { OpsError, usageError } from '../../util/errors.ts'
import {
  type Alert,
  type Channel,
  deliveryTimeoutMs,
  formatHeadline,
  getAlertId,
  getFacts,
  RefusedError,
  toOneLine,
  truncate,
} from './alert.ts'

/**
 * Parses SMTP_URL: `smtps://user:password@host:465` uses TLS from the start; `smtp://…:587` must offer STARTTLS,
 * except a relay on this machine without a login. User and password are percent-encoded.
 * Throws (exit 2) for anything else; the message never contains the value.
 */
export function parseMailServer(text: string, { key, file }: Pick<Secret, 'key' | 'file'>): MailServer {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const bare = url && /^\/?$/.test(url.pathname) && url.search === '' && url.hash === ''
  if (!url || !bare || !/^smtps?:$/.test(url.protocol) || url.hostname === '')
    throw usageError(
      `${key} is not the address of a mail server`,
      `Set ${key} in ${file} as smtps://user:password@host:465 or smtp://user:password@host:587; percent-encode special characters in user and password: %40 (@), %3A (:), %2F (/).`,
    )
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const secure = url.protocol === 'smtps:'
  const local = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host) && url.username === ''
  const unlessTls = local ? 'none' : 'starttls'
  return {
    host,
    port: Number(url.port) || (secure ? 465 : 587),
    encryption: secure ? 'tls' : unlessTls,
    ...(url.username === '' ? {} : { login: { user: decode(url.username), password: decode(url.password) } }),
  }
}

/** Text that is not percent-encoded is used unchanged. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The e-mail for an alert. All messages of one incident refer to the first one, so that mail programs thread them. */
export function createMail(
  alert: Alert,
  server: MailServer,
  { to, from }: { to: string; from: string },
): Mail {
  const { kind, domain, environment, incident } = alert
  const address = (id: string) => `<${toToken(id)}@${domain}>`
  const first = address(kind === 'test' ? getAlertId(alert) : `incident-${environment}-${incident}`)
  const begins = kind === 'problem' || kind === 'test'
  return {
    server,
    from,
    to: to.split(','),
    subject: truncate(formatHeadline(alert), 200),
    text: [
      ...[formatHeadline(alert), ''],
      ...(alert.lines.length > 0 ? [...alert.lines, ''] : []),
      ...getFacts(alert).map(([name, value]) => `${name}: ${value}`),
      '',
    ].join('\n'),
    messageId: begins ? first : address(getAlertId(alert)),
    ...(begins ? {} : { inReplyTo: first }),
    // RFC 3834: prevents out-of-office replies.
    headers: { 'Auto-Submitted': 'auto-generated' },
    timeoutMs: deliveryTimeoutMs,
    effect: 'record',
  }
}

const toToken = (text: string): string => text.replaceAll(/[^A-Za-z0-9-]+/g, '-')

export const emailChannel = ({ alerts: { email } }: Config): Channel => ({
  ...{ name: 'email', title: 'e-mail', key: email.smtp.key, file: email.smtp.file },
  async deliver(runner, alert) {
    const server = await resolveServer(email.smtp, runner)
    const { refused } = await runner.mail(createMail(alert, server, email)).catch((thrown: MailError) => {
      throw mailFailure(thrown, server, email.smtp)
    })
    return refused.length > 0 ? `${server.host} refused the recipients ${refused.join(', ')}` : undefined
  },
})

async function resolveServer(smtp: Secret, runner: Runner): Promise<MailServer> {
  const server = parseMailServer(await revealSecret(smtp, runner), smtp)
  if (!server.login) return server
  const { user, password } = server.login
  runner.secrets.add(password)
  // The form in which AUTH PLAIN sends it (RFC 4616).
  runner.secrets.add(`\0${user}\0${password}`)
  return server
}

/** Fields that nodemailer adds to its errors. */
type MailError = Error & { code?: string; response?: string; responseCode?: number }

function mailFailure(thrown: MailError, { host, port }: MailServer, { key, file }: Secret): OpsError {
  // Remove Node's advice, which is about starting Node.
  const said = toOneLine(thrown.message).replace(/; if the root CA is installed locally.*/, '')
  const failure = { what: `${host}:${port}: ${truncate(said, 300)}`, next: adviceFor(thrown, key, file) }
  // The server had accepted the sender and some recipients: a 5xx reply is final (RFC 5321, 4.2.1) and concerns the
  // message itself.
  const isRefusal = thrown.code === 'EMESSAGE' && (thrown.responseCode ?? 0) >= 500
  return isRefusal ? new RefusedError(failure) : new OpsError(failure)
}

function adviceFor({ code, message }: MailError, key: string, file: string): string | undefined {
  if (code === 'EAUTH' || code === 'ENOAUTH') return `Correct the user and password in ${key} (${file}).`
  if (code === 'EENVELOPE')
    return `Correct ALERT_EMAIL_TO or ALERT_EMAIL_FROM in ${formatKeyFile('ALERT_EMAIL_TO', 'ALERT_EMAIL_FROM')}.`
  if (code === 'ETLS' || /certificate|TLS/.test(message))
    return `The server offers no trusted encryption. Check the port (smtps: 465, smtp: 587), that the host name matches its certificate, and that its authority is known (CA_FILE in ${formatKeyFile('CA_FILE')}).`
  return undefined
}
