import type { RawExchange } from './exchange.ts'

/** How az begins an entry of its log file (`_init_logfile_handlers` in knack/log.py). Other lines continue the last one. */
const entryStart = /^\d+ : (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3}) : [A-Z]+ : (\S+) : (.*)$/

/** Three copies of one logger in az: for SDKs, for `az rest`, and for the registry's own API. */
const logsHttp = /(^|\.)(core\.sdk\.policies|core\.util|http_logger)$/

/** What az logs in place of a body that is absent, or that it does not have in memory. */
const noBody = new Set(['This request has no body', 'None', 'File upload', 'Body is streamable'])

const label = /^(Request URL|Request method|Request body|Response status|Response content): ?(.*)$/
const header = /^ {4}(['"].*?['"]): (.*)$/

interface Entry {
  at: string
  logger: string
  text: string
}

function readEntries(log: string): Entry[] {
  const entries: Entry[] = []
  for (const line of log.trimEnd().split(/\r?\n/)) {
    const [, day, time, ms, logger, text = ''] = entryStart.exec(line) ?? []
    const last = entries.at(-1)
    if (logger) entries.push({ at: new Date(`${day}T${time}.${ms}`).toISOString(), logger, text })
    else if (last) last.text += `\n${line}`
  }
  return entries
}

/**
 * The requests and answers in az's log file. az redacts only the authorization header. Requests that az makes at the
 * same time are mixed up, so it must be set to make them one after the other.
 */
export function parseAzLog(log: string): RawExchange[] {
  const exchanges: RawExchange[] = []
  let body: 'request' | 'answer' | undefined
  for (const { at, logger, text } of readEntries(log)) {
    if (!logsHttp.test(logger)) continue
    const [, what, value = ''] = label.exec(text) ?? []
    const current = exchanges.at(-1)
    if (current && body) {
      current[body] = noBody.has(text.trimEnd()) ? '' : text
      body = undefined
    } else if (what === 'Request URL')
      exchanges.push({ at, method: '', url: decodeText(value), requestHeaders: {}, request: '', answer: '' })
    else if (what === 'Request body') body = 'request'
    else if (what === 'Response content') body = 'answer'
    else if (current) addDetail(current, what, value, text)
  }
  return exchanges
}

function addDetail(exchange: RawExchange, what: string | undefined, value: string, text: string): void {
  const [, name, content = ''] = header.exec(text) ?? []
  if (what === 'Request method') exchange.method = decodeText(value)
  if (what === 'Response status') Object.assign(exchange, { status: Number(value), answerHeaders: {} })
  if (name)
    (exchange.answerHeaders ?? exchange.requestHeaders)[decodeText(name).toLowerCase()] = decodeText(content)
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }

/** The text of a Python string literal. */
const decodeText = (literal: string): string =>
  literal
    .slice(1, -1)
    .replaceAll(/\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/g, (_, x, u, other) =>
      x || u ? String.fromCodePoint(Number.parseInt(x ?? u, 16)) : (escapes[other] ?? other),
    )
