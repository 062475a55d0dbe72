import type { Writable } from 'node:stream'
import { type Colours, colours, type Style } from '../util/colours.ts'
import { escapeControls, escapeJsonControls } from '../util/terminal.ts'
import type { LogLine } from './parse.ts'

export interface SourceReport {
  source: string
  lines: number
  error?: { what: string; said?: string | undefined; next?: string | undefined }
}

/** The destination of lines; each call resolves when the reader keeps up. */
export interface Output {
  lines(lines: readonly LogLine[]): Promise<void>
  end(reports: readonly SourceReport[]): Promise<void>
  /** Aborted when the reader has closed the stream (as `| head` does). */
  readonly closed: AbortSignal
}

type Clean = (text: string) => string

/** One line each: time in UTC, source and text, coloured by source. */
export function textOutput(stream: Writable, clean: Clean): Output {
  const { write, closed } = createWriter(stream, (text) => escapeControls(clean(text)))
  const chalk = colours()
  const names = new Map<string, string>()
  const formatName = (source: string): string => {
    const name = names.get(source) ?? pickColour(chalk, source)(source.padEnd(8))
    names.set(source, name)
    return name
  }
  const formatTime = createTimeFormatter(chalk)
  const formatLine = ({ at, source, text }: LogLine) =>
    `${formatTime(at)} ${formatName(source)} ${text.replace(/\r$/, '')}\n`
  return { closed, lines: (lines) => write(lines.map(formatLine).join('')), end: async () => {} }
}

/** One JSON document, written as lines arrive: `{"lines": […], "sources": […], "ok": …}`. */
export function documentOutput(stream: Writable, clean: Clean): Output {
  const { write, closed } = createWriter(stream, (text) => escapeJsonControls(clean(text)))
  let started = false
  return {
    closed,
    async lines(lines) {
      if (lines.length === 0) return
      const rows = lines.map((line) => JSON.stringify(toJson(line))).join(',\n')
      const before = started ? ',\n' : '{"lines":[\n'
      started = true
      await write(before + rows)
    },
    end(reports) {
      const ok = reports.every(({ error }) => error === undefined)
      const before = started ? '\n]' : '{"lines":[]'
      return write(`${before},"sources":${JSON.stringify(reports)},"ok":${ok}}\n`)
    },
  }
}

/** JSON Lines, for endless output; the last line describes the sources. */
export function jsonLinesOutput(stream: Writable, clean: Clean): Output {
  const { write, closed } = createWriter(stream, (text) => escapeJsonControls(clean(text)))
  const row = (data: object) => `${JSON.stringify(data)}\n`
  return {
    closed,
    lines: (lines) => write(lines.map((line) => row(toJson(line))).join('')),
    end: (sources) => write(row({ sources })),
  }
}

function toJson({ at, source, text }: LogLine) {
  return { at: at === undefined ? null : new Date(at).toISOString(), source, text }
}

function pickColour(chalk: Colours, source: string): Style {
  if (source === 'backend') return chalk.cyan
  if (source.startsWith('backend')) return chalk.blueBright
  if (source.startsWith('worker')) return chalk.magenta
  return source === 'error' ? chalk.red : chalk.green
}

/** Formats `2026-11-23T01:10:05.123Z`, once for lines of the same millisecond. */
function createTimeFormatter(chalk: Colours): (at: number | undefined) => string {
  let last: number | undefined
  let text = ''
  return (at) => {
    if (at === undefined) return chalk.dim('(no time)'.padEnd(24))
    if (at !== last) text = chalk.dim(new Date(at).toISOString())
    last = at
    return text
  }
}

function createWriter(stream: Writable, toSafe: Clean) {
  const gone = new AbortController()
  let drained = Promise.withResolvers<void>()
  const close = () => {
    gone.abort()
    drained.resolve()
  }
  stream.on('error', close)
  stream.on('close', close)
  stream.on('drain', () => drained.resolve())
  return {
    closed: gone.signal,
    async write(text: string) {
      if (text === '' || gone.signal.aborted) return
      drained = Promise.withResolvers<void>()
      if (!stream.write(toSafe(text))) await drained.promise
    },
  }
}
