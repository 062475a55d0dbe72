import { usageError } from '../util/errors.ts'
import { parseNumber } from '../util/number.ts'
import { formatSuggestion } from '../util/suggest.ts'
import type { LogLine } from './parse.ts'

export type ViewFlags = { only?: string; lines?: string; grep?: string; follow?: boolean }

/** The sources that each value of --only selects. */
const sources: Readonly<Record<string, RegExp>> = {
  backend: /^backend(-next)?(\/|$)/,
  worker: /^worker(-\d+)?(\/|$)/,
  nginx: /^(access|error)$/,
  access: /^access$/,
  error: /^error$/,
}
const sourceNames = Object.keys(sources)

export type View = ReturnType<typeof parseView>

/** `lines`: how many of the last matching lines to show. Throws (exit 2) naming the flag. */
export function parseView(flags: ViewFlags, since: Date | undefined) {
  const follow = flags.follow === true
  const usual = follow ? 10 : 100
  const fallback = since ? undefined : usual
  const lines = flags.lines === undefined ? fallback : parseLineCount(flags.lines)
  if (lines === 0 && !follow)
    throw usageError('--lines=0 shows nothing', 'Add --follow to show only new lines, or specify 1 or more.')
  const grep = flags.grep === undefined ? undefined : parseGrep(flags.grep)
  return { only: parseOnly(flags.only), follow, since, lines, grep }
}

function parseOnly(words: string | undefined): (source: string) => boolean {
  if (words === undefined) return () => true
  const names = words.split(',').map((word) => word.trim())
  const unknown = names.find((name) => !sourceNames.includes(name))
  if (unknown !== undefined)
    throw usageError(
      `--only=${words}: unknown log "${unknown}"${formatSuggestion(unknown, sourceNames)}`,
      `Specify one or more of ${sourceNames.join(', ')}, separated by commas.`,
    )
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
    const said = (thrown as Error).message
    const what = said.replace('Invalid regular expression', '--grep is not a valid regular expression')
    throw usageError(what, 'Escape special characters with a backslash: --grep "\\[error\\]"')
  }
}

export interface SourceOptions {
  /** True when this source (`backend`, `worker-2`, `access` …) is wanted. */
  only(source: string): boolean
  /** Milliseconds since 1970: no older lines. */
  since?: number | undefined
  /** At most this many lines from the end of each source. */
  tail?: number | undefined
  follow: boolean
  /** Reports that a source has a problem but continues, or has recovered. */
  warn(source: string, words: string): void
}

export async function* createFailingSource(error: Error): AsyncGenerator<LogLine[]> {
  yield await Promise.reject(error)
}
