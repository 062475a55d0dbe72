import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Runner } from '../../shell/runner.ts'
import { type Failure, OpsError, usageError } from '../../util/errors.ts'
import { type Alert, type Channel, type ChannelName, RefusedError } from './alert.ts'
import { emailChannel } from './email.ts'
import { slackChannel } from './slack.ts'
import { teamsChannel } from './teams.ts'
import { webhookChannel } from './webhook.ts'

/** What became of one alert on one channel. */
export interface Delivery {
  channel: ChannelName
  ms: number
  /** Why it did not get through, without any secret; absent when it did. */
  failure?: Failure
  /** The receiver would not take it the next time, either. */
  forGood?: true
  /** It got through, but not to everybody. */
  remark?: string
}

/** The channels that are configured, none to four. Throws (exit 2) when one is configured by half. */
export function createChannels(config: Config): Channel[] {
  const { webhook, slack, teams, email } = config.alerts
  const given = {
    ALERT_EMAIL_TO: email.to !== '',
    ALERT_EMAIL_FROM: email.from !== '',
    [email.smtp.key]: email.smtp.given,
  }
  const lacking = Object.keys(given).filter((key) => !given[key as keyof typeof given])
  const there = Object.keys(given).filter((key) => !lacking.includes(key))
  if (lacking.length > 0 && there.length > 0)
    throw usageError(
      `Alerts by e-mail are configured by half: ${there.join(' and ')} without ${lacking.join(' and ')}`,
      `Set ${lacking.join(' and ')} in ${email.smtp.file}, or leave all three empty.`,
    )
  return [
    ...(webhook.given ? [webhookChannel(config)] : []),
    ...(slack.given ? [slackChannel(config)] : []),
    ...(teams.given ? [teamsChannel(config)] : []),
    ...(email.smtp.given ? [emailChannel(config)] : []),
  ]
}

/**
 * Sends one alert on one channel, within ten seconds. Never throws for a channel that refuses or does not answer: that is
 * told by the result, for the caller to keep the alert and to send it again.
 */
export async function sendAlert(
  { runner }: { runner: Runner },
  channel: Channel,
  alert: Alert,
): Promise<Delivery> {
  // A bug of the caller's, not the channel's fault.
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

/** Sends one alert on several channels at once. */
export const sendAll = (
  context: { runner: Runner },
  channels: readonly Channel[],
  alert: Alert,
): Promise<Delivery[]> => Promise.all(channels.map((channel) => sendAlert(context, channel, alert)))

/** The same alert, without any secret in its words. */
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
  // Nothing is kept of a test.
  const test = kind === 'test'
  const again = test ? ` Then run ${formatScriptLine('health', '--test-alert', name)} once more.` : ''
  const failure: Failure =
    thrown instanceof OpsError
      ? thrown.failure
      : { what: thrown instanceof Error ? thrown.message || String(thrown) : String(thrown) }
  return {
    ...failure,
    what: clean(`The alert could not be sent to ${title}: ${failure.what}`),
    ...(failure.said ? { said: clean(failure.said) } : {}),
    next: clean(
      failure.next
        ? failure.next + again
        : test
          ? `Put ${key} in ${file} right, or what it names.${again}`
          : `It is sent again with the next run. If that does not help: ${key} in ${file}.`,
    ),
  }
}
