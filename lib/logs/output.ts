import type { Writable } from 'node:stream'
import type { ChalkInstance } from 'chalk'
import { colours } from '../steps/colours.ts'
import type { Line } from './line.ts'

/** What one source came to. */
export interface SourceReport {
  source: string
  /** Lines shown. */
  lines: number
  error?: { what: string; said?: string | undefined; next?: string | undefined }
}

/** Where lines go; each call resolves when the reader at the other end keeps up. */
export interface Output {
  lines(lines: readonly Line[]): Promise<void>
  end(reports: readonly SourceReport[]): Promise<void>
  /** Aborted when nobody reads any more (`| head`). */
  readonly closed: AbortSignal
}

type Clean = (text: string) => string

/** Time in UTC, source and text, a line each, coloured by source. */
export function textOutput(stream: Writable, clean: Clean): Output {
  const { write, closed } = writer(stream)
  const chalk = colours()
  const names = new Map<string, string>()
  const named = (source: string): string => {
    const known = names.get(source) ?? colourOf(chalk, source)(source.padEnd(8))
    names.set(source, known)
    return known
  }
  const moment = momentText(chalk)
  return {
    closed,
    lines(lines) {
      const rows = lines.map(({ at, source, text }) => `${moment(at)} ${named(source)} ${printable(text)}\n`)
      return write(clean(rows.join('')))
    },
    end: async () => {},
  }
}

/** One document, written as its lines come: `{"lines": […], "sources": […], "ok": …}`. */
export function documentOutput(stream: Writable, clean: Clean): Output {
  const { write, closed } = writer(stream)
  let begun = false
  return {
    closed,
    async lines(lines) {
      if (lines.length === 0) return
      const rows = lines.map((line) => JSON.stringify(dataOf(line))).join(',\n')
      const before = begun ? ',\n' : '{"lines":[\n'
      begun = true
      await write(clean(before + rows))
    },
    async end(reports) {
      const ok = reports.every(({ error }) => error === undefined)
      const before = begun ? '\n]' : '{"lines":[]'
      await write(clean(`${before},"sources":${JSON.stringify(reports)},"ok":${ok}}\n`))
    },
  }
}

/** A document a line (JSON Lines), for what has no end; the last one tells of the sources. */
export function jsonLinesOutput(stream: Writable, clean: Clean): Output {
  const { write, closed } = writer(stream)
  const row = (data: object) => `${JSON.stringify(data)}\n`
  return {
    closed,
    lines: (lines) => write(clean(lines.map((line) => row(dataOf(line))).join(''))),
    end: (reports) => write(clean(row({ sources: reports }))),
  }
}

const dataOf = ({ at, source, text }: Line) => ({
  at: at === undefined ? null : new Date(at).toISOString(),
  source,
  text,
})

function colourOf(chalk: ChalkInstance, source: string): ChalkInstance {
  if (source === 'backend') return chalk.cyan
  if (source.startsWith('backend')) return chalk.blueBright
  if (source.startsWith('worker')) return chalk.magenta
  return source === 'error' ? chalk.red : chalk.green
}

/** `2026-11-23T01:10:05.123Z`; made once for lines of the same millisecond. */
function momentText(chalk: ChalkInstance): (at: number | undefined) => string {
  let last: number | undefined
  let text = ''
  return (at) => {
    if (at === undefined) return chalk.dim('(no time)'.padEnd(24))
    if (at !== last) text = chalk.dim(new Date(at).toISOString())
    last = at
    return text
  }
}

/** What a visitor sent may stand in a log: nothing of it may move the cursor or colour the terminal. */
const printable = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/g, (sign) =>
    sign === '\r' ? '' : `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )

function writer(stream: Writable): { write(text: string): Promise<void>; closed: AbortSignal } {
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
    async write(text) {
      if (text === '' || gone.signal.aborted) return
      drained = Promise.withResolvers<void>()
      if (!stream.write(text)) await drained.promise
    },
  }
}
