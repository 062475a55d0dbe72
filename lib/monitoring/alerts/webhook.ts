import type { Config } from '../../config/config.ts'
import { type Alert, type Channel, getAlertId } from './alert.ts'
import { jsonChannel } from './post.ts'

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

export const webhookChannel = ({ alerts }: Config): Channel =>
  jsonChannel('webhook', 'the webhook', alerts.webhook, webhookBody)
