import { type Alert, formatHeadline, getFacts, truncate } from './alert.ts'

/** Bytes. Teams accepts messages up to 28 KB; the rest is reserved for what the workflow adds. */
const maxBytes = 24_000

const colours = { OK: 'Good', WARNING: 'Warning', CRITICAL: 'Attention', UNKNOWN: 'Default' }

/** A RichTextBlock shows text literally; a TextBlock would interpret `*` and `[` as Markdown. */
const textBlock = (text: string, look: object = {}): object => ({
  type: 'RichTextBlock',
  inlines: [{ type: 'TextRun', text, ...look }],
})

/**
 * The body for a Teams workflow ("Post to a channel when a webhook request is received"): an Adaptive Card, the only
 * format that workflows accept (learn.microsoft.com, "Create incoming webhooks with Workflows"). Long lines are cut,
 * then the last lines omitted, until it fits.
 */
export function teamsBody(alert: Alert): object {
  const line = truncate(formatHeadline(alert), 500)
  const lines = alert.lines.map((each) => truncate(each, 1000))
  for (let kept = lines.length; kept > 0; kept--) {
    const left = lines.length - kept
    const body = card(alert, line, left === 0 ? lines : [...lines.slice(0, kept), `… and ${left} more`])
    if (Buffer.byteLength(JSON.stringify(body)) <= maxBytes) return body
  }
  return card(alert, line, [])
}

const card = (alert: Alert, line: string, lines: readonly string[]): object => ({
  type: 'message',
  attachments: [
    {
      contentType: 'application/vnd.microsoft.card.adaptive',
      contentUrl: null,
      content: {
        $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
        type: 'AdaptiveCard',
        version: '1.4',
        fallbackText: line,
        msteams: { width: 'Full' },
        body: [
          textBlock(line, {
            weight: 'Bolder',
            size: 'Medium',
            color: colours[alert.kind === 'recovery' ? 'OK' : alert.verdict],
          }),
          ...lines.map((each) => textBlock(each)),
          { type: 'FactSet', facts: getFacts(alert).map(([title, value]) => ({ title, value })) },
        ],
      },
    },
  ],
})
