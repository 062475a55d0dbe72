import { usageError } from '../util/errors.ts'
import { parseNumber } from '../util/number.ts'
import { findNearest } from '../util/suggest.ts'
import type { LogLine } from './parse.ts'

/** The options of view-logs. */
export interface View {
  only(source: string): boolean
  since?: Date
  /** How many of the last matching lines to show. */
  lines?: number
  grep?: RegExp
  follow: boolean
}

export interface ViewFlags {
  only?: string
  lines?: string
  grep?: string
  follow?: boolean
}

/** The sources that each value of --only selects. */
const sources: Readonly<Record<string, RegExp>> = {
  backend: /^backend(-next)?(\/|$)/,
  worker: /^worker(-\d+)?(\/|$)/,
  nginx: /^(access|error)$/,
  access: /^access$/,
  error: /^error$/,
}
const sourceNames = Object.keys(sources)

/** The number of lines shown by default. */
const defaultLines = { looking: 100, following: 10 } as const

/** Parses the flags. Throws (exit 2) naming the flag, with a suggestion. */
export function parseView(flags: ViewFlags, since: Date | undefined): View {
  const follow = flags.follow === true
  const usual = follow ? defaultLines.following : defaultLines.looking
  const fallback = since ? undefined : usual
  const lines = flags.lines === undefined ? fallback : parseLineCount(flags.lines)
  if (lines === 0 && !follow)
    throw usageError('--lines=0 shows nothing', 'Add --follow to show only new lines, or specify 1 or more.')
  return {
    only: only(flags.only),
    follow,
    ...(since ? { since } : {}),
    ...(lines === undefined ? {} : { lines }),
    ...(flags.grep === undefined ? {} : { grep: parseGrep(flags.grep) }),
  }
}

function only(words: string | undefined): View['only'] {
  if (words === undefined) return () => true
  const names = words.split(',').map((word) => word.trim())
  for (const name of names) {
    if (Object.hasOwn(sources, name)) continue
    const meant = findNearest(name, sourceNames)
    throw usageError(
      `--only=${words}: unknown log "${name}"${meant ? `. Did you mean ${meant}?` : ''}`,
      `Specify one or more of ${sourceNames.join(', ')}, separated by commas.`,
    )
  }
  return (source) => names.some((name) => sources[name]!.test(source))
}

function parseLineCount(words: string): number {
  const number = parseNumber(words, { whole: true, maximum: 999_999_999 })
  if (number !== undefined) return number
  throw usageError(`--lines=${words} is not a number of lines`, 'Specify a whole number: --lines 200')
}

function parseGrep(words: string): RegExp {
  try {
    return new RegExp(words)
  } catch (thrown) {
    throw usageError(
      (thrown as Error).message.replace(
        'Invalid regular expression',
        '--grep is not a valid regular expression',
      ),
      'Escape special characters with a backslash: --grep "\\[error\\]"',
    )
  }
}

/** The options for every source. */
export interface SourceOptions {
  /** True when this source (`backend`, `worker-2`, `access` …) is wanted. */
  only(source: string): boolean
  /** Milliseconds since 1970: no older lines. */
  since?: number
  /** At most this many of the last lines of each source. */
  tail?: number
  follow: boolean
  /** Reports that a source has a problem but continues, or has recovered. */
  warn(source: string, words: string): void
}

/** A source that fails. */
export async function* createFailingSource(error: Error): AsyncGenerator<LogLine[]> {
  yield await Promise.reject(error)
}
