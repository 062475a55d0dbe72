import { type Config, formatScriptLine } from '../../config/config.ts'
import type { Runner } from '../../shell/runner.ts'
import { type Failure, getMessage, OpsError, usageError } from '../../util/errors.ts'
import { type Alert, type Channel, type ChannelName, getAlertId, RefusedError } from './alert.ts'
import { emailChannel } from './email.ts'
import { jsonChannel } from './post.ts'
import { slackBody } from './slack.ts'
import { teamsBody } from './teams.ts'

export interface Delivery {
  channel: ChannelName
  ms: number
  /** Why it was not delivered, without secrets; absent on success. */
  failure?: Failure
  /** The receiver would reject it again. */
  forGood?: true
  /** It was delivered, but not to every recipient. */
  remark?: string
}

/**
 * The body for the webhook, as `application/json`: `{version: 1, id, kind, verdict, domain, environment, incident,
 * at, since, title, lines}`. `id` stays the same when an alert is sent again; `at` and `since` are ISO 8601 in UTC;
 * `kind` is problem, raised, reminder, recovery or test.
 */
const webhookBody = (alert: Alert): object => ({
  version: 1,
  id: getAlertId(alert),
  kind: alert.kind,
  verdict: alert.verdict,
  domain: alert.domain,
  environment: alert.environment,
  incident: alert.incident,
  at: new Date(alert.at).toISOString(),
  since: new Date(alert.since).toISOString(),
  title: alert.title,
  lines: alert.lines,
})

/** The configured channels, none to four. Throws (exit 2) when one is only partly configured. */
export function createChannels(config: Config): Channel[] {
  const { webhook, slack, teams, email } = config.alerts
  const given = [
    ['ALERT_EMAIL_TO', email.to !== ''],
    ['ALERT_EMAIL_FROM', email.from !== ''],
    [email.smtp.key, email.smtp.given],
  ] as const
  const [there, lacking] = [true, false].map((is) => given.flatMap(([key, set]) => (set === is ? [key] : [])))
  if (there!.length > 0 && lacking!.length > 0)
    throw usageError(
      `E-mail alerts are only partly configured: ${there!.join(' and ')} without ${lacking!.join(' and ')}`,
      `Set ${lacking!.join(' and ')} in ${email.smtp.file}, or clear all three.`,
    )
  return [
    ...(webhook.given ? [jsonChannel('webhook', 'the webhook', webhook, webhookBody)] : []),
    ...(slack.given ? [jsonChannel('slack', 'Slack', slack, slackBody)] : []),
    ...(teams.given ? [jsonChannel('teams', 'Teams', teams, teamsBody)] : []),
    ...(email.smtp.given ? [emailChannel(config)] : []),
  ]
}

/** Sends one alert on one channel within ten seconds. Does not throw when that fails: the result says so. */
export async function sendAlert(
  { runner }: { runner: Runner },
  channel: Channel,
  alert: Alert,
): Promise<Delivery> {
  // A bug in the caller, not a failure of the channel.
  if (!runner.mayChange) throw new Error('a dry run must not send an alert')
  const started = performance.now()
  const sent = (more: Partial<Delivery>): Delivery => ({
    channel: channel.name,
    ms: Math.round(performance.now() - started),
    ...more,
  })
  try {
    const remark = await channel.deliver(runner, redactAlert(alert, runner.secrets.clean))
    return sent(remark ? { remark: runner.secrets.clean(remark) } : {})
  } catch (thrown) {
    return sent({
      failure: toFailure(thrown, channel, alert, runner.secrets.clean),
      ...(thrown instanceof RefusedError ? { forGood: true } : {}),
    })
  }
}

const redactAlert = (alert: Alert, clean: (text: string) => string): Alert => ({
  ...alert,
  title: clean(alert.title),
  lines: alert.lines.map(clean),
})

function toFailure(
  thrown: unknown,
  { name, title, key, file }: Channel,
  { kind }: Alert,
  clean: (text: string) => string,
): Failure {
  // Test alerts are not queued.
  const test = kind === 'test'
  const again = test ? ` Then run ${formatScriptLine('health', '--test-alert', name)} again.` : ''
  const failure: Failure =
    thrown instanceof OpsError ? thrown.failure : { what: getMessage(thrown) || String(thrown) }
  const advice = test
    ? `Correct ${key} in ${file}, or the service it points to.${again}`
    : `The next run sends it again. If that fails too, check ${key} in ${file}.`
  return {
    ...failure,
    what: clean(`The alert could not be sent to ${title}: ${failure.what}`),
    ...(failure.said ? { said: clean(failure.said) } : {}),
    next: clean(failure.next ? failure.next + again : advice),
  }
}
