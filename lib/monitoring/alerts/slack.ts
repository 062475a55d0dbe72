import type { Config } from '../../config/config.ts'
import { type Alert, atMost, type Channel, facts, headline } from './alert.ts'
import { jsonChannel } from './post.ts'

/** Slack's limits in characters: a header block, a text object (docs.slack.dev, Block Kit reference). */
const limits = { header: 150, text: 3000 }

const signs = {
  OK: ':large_green_circle:',
  WARNING: ':large_orange_circle:',
  CRITICAL: ':red_circle:',
  UNKNOWN: ':grey_question:',
}

/** The three characters that are Slack's own; without it, a fault's text could call `<!channel>`. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/**
 * Escaped text within Slack's limit, which counts what escaping adds. Shortened from the end, never within an entity.
 */
function fitting(text: string, limit: number): string {
  let kept = atMost(text, limit)
  while (escaped(kept).length > limit)
    kept = atMost(kept, [...kept].length - 1 - Math.floor((escaped(kept).length - limit) / 5))
  return escaped(kept)
}

/** A message for an incoming webhook: blocks, and the text that notifications show. */
export function slackBody(alert: Alert): object {
  const line = headline(alert)
  const sign = signs[alert.kind === 'recovery' ? 'OK' : alert.verdict]
  const about = facts(alert).map(([name, value]) => `${name}: ${value}`)
  return {
    text: fitting(line, limits.text),
    blocks: [
      {
        type: 'header',
        text: { type: 'plain_text', text: atMost(`${sign} ${line}`, limits.header), emoji: true },
      },
      ...(alert.lines.length > 0
        ? [
            {
              type: 'section',
              text: { type: 'mrkdwn', text: fitting(alert.lines.join('\n'), limits.text), verbatim: true },
            },
          ]
        : []),
      {
        type: 'context',
        elements: [{ type: 'mrkdwn', text: fitting(about.join('  ·  '), limits.text), verbatim: true }],
      },
    ],
  }
}

export const slackChannel = ({ alerts }: Config): Channel =>
  jsonChannel('slack', 'Slack', alerts.slack, slackBody)
