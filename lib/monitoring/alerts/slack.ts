import { type Alert, formatHeadline, getFacts, truncate } from './alert.ts'

/** Slack's limits in characters for a header block and a text object (docs.slack.dev, Block Kit reference). */
const limits = { header: 150, text: 3000 }

const icons = {
  OK: ':large_green_circle:',
  WARNING: ':large_orange_circle:',
  CRITICAL: ':red_circle:',
  UNKNOWN: ':grey_question:',
}

/** Escapes Slack's three control characters; otherwise the text of a fault could call `<!channel>`. */
const escapeText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Escapes text within Slack's limit, which applies after escaping. Text is cut at the end, never within an entity. */
function fitEscaped(text: string, limit: number): string {
  let kept = truncate(text, limit)
  while (escapeText(kept).length > limit)
    kept = truncate(kept, [...kept].length - 1 - Math.floor((escapeText(kept).length - limit) / 5))
  return escapeText(kept)
}

const literal = (text: string): object => {
  return { type: 'mrkdwn', text: fitEscaped(text, limits.text), verbatim: true }
}

/** The body for an incoming webhook: blocks, and the text that notifications show. */
export function slackBody(alert: Alert): object {
  const line = formatHeadline(alert)
  const sign = icons[alert.kind === 'recovery' ? 'OK' : alert.verdict]
  const about = getFacts(alert).map(([name, value]) => `${name}: ${value}`)
  return {
    text: fitEscaped(line, limits.text),
    blocks: [
      {
        type: 'header',
        text: { type: 'plain_text', text: truncate(`${sign} ${line}`, limits.header), emoji: true },
      },
      ...(alert.lines.length > 0 ? [{ type: 'section', text: literal(alert.lines.join('\n')) }] : []),
      { type: 'context', elements: [literal(about.join('  ·  '))] },
    ],
  }
}
