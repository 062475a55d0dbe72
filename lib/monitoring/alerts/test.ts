import type { Run } from '../../cli/defineScript.ts'
import { formatKeyFile, formatScriptLine } from '../../config/config.ts'
import type { OpenContext } from '../../deploy/context.ts'
import { usageError } from '../../util/errors.ts'
import { formatTable } from '../../util/format.ts'
import { formatSuggestion } from '../../util/suggest.ts'
import type { HealthFlags } from '../options.ts'
import { type Alert, type Channel, channelNames, getIncidentId } from './alert.ts'

const formatKeys = (): string =>
  `ALERT_WEBHOOK_URL, ALERT_SLACK_URL, ALERT_TEAMS_URL, or ALERT_EMAIL_TO with ALERT_EMAIL_FROM and SMTP_URL, in ${formatKeyFile('ALERT_WEBHOOK_URL', 'ALERT_SLACK_URL', 'ALERT_TEAMS_URL', 'ALERT_EMAIL_TO', 'ALERT_EMAIL_FROM', 'SMTP_URL')}`

/**
 * Sends a test alert on one channel or on all. Returns 0 when every delivery succeeded, otherwise 2, because an alert
 * about a fault would be lost.
 * Throws (exit 2, reported by health as 3) for a channel that is unknown or not configured.
 * @param name empty for all channels
 */
export async function sendTestAlert(
  run: Run<HealthFlags>,
  context: OpenContext,
  channels: readonly Channel[],
  name: string,
): Promise<number> {
  const { sendAlert } = await import('./channels.ts')
  const { domain, environment } = context.config
  const at = Date.now()
  const alert: Alert = {
    ...{ kind: 'test', verdict: 'OK', domain, environment, at, since: at },
    title: 'this is a test alert',
    lines: [`Nothing is wrong: someone ran ${formatScriptLine('health', '--test-alert')}.`],
    incident: `test-${getIncidentId(at)}`,
  }
  const selected = selectChannels(channels, name)
  const all = await Promise.all(selected.map((channel) => sendAlert(context, channel, alert)))
  const ok = all.every(({ failure }) => !failure)
  const columns = [{ heading: 'CHANNEL' }, { heading: 'MS', align: 'right' as const }, { heading: 'RESULT' }]
  const rows = all.map(({ channel, ms, failure, remark }) => [
    channel,
    String(ms),
    failure?.what ?? (remark ? `sent; ${remark}` : 'sent'),
  ])
  const next = all.flatMap(({ failure, channel }) => (failure?.next ? [`→ ${channel}: ${failure.next}`] : []))
  run.result([formatTable(columns, rows), ...next].join('\n'), { ok, exitCode: ok ? 0 : 2, channels: all })
  return ok ? 0 : 2
}

function selectChannels(channels: readonly Channel[], name: string): Channel[] {
  if (name !== '' && !channelNames.some((each) => each === name))
    throw usageError(
      `Unknown channel "${name}" for --test-alert${formatSuggestion(name, channelNames)}`,
      `Supported: ${channelNames.join(', ')}.`,
    )
  if (channels.length === 0) throw usageError('No alert channel is configured', `Set ${formatKeys()}.`)
  if (name === '') return [...channels]
  const found = channels.filter((channel) => channel.name === name)
  if (found.length > 0) return found
  const there = channels.map((channel) => channel.name).join(', ')
  throw usageError(
    `The channel ${name} is not configured`,
    `Configured: ${there}. For others set ${formatKeys()}.`,
  )
}
