import { usageError } from '../util/errors.ts'
import { parseNumber } from '../util/number.ts'
import { findNearest } from '../util/suggest.ts'
import type { LogLine } from './parse.ts'

/** What the operator wants to see. */
export interface View {
  only(source: string): boolean
  since?: Date
  /** The last so many lines of all that fits. */
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

/** What each word of --only means. */
const sources: Readonly<Record<string, RegExp>> = {
  backend: /^backend(-next)?(\/|$)/,
  worker: /^worker(-\d+)?(\/|$)/,
  nginx: /^(access|error)$/,
  access: /^access$/,
  error: /^error$/,
}
export const sourceNames = Object.keys(sources)

/** Lines that are shown when nothing says how many. */
export const defaultLines = { looking: 100, following: 10 } as const

/** Reads the flags. Throws (exit 2) naming the flag, and what was probably meant. */
export function parseView(flags: ViewFlags, since: Date | undefined): View {
  const follow = flags.follow === true
  const usual = since ? undefined : follow ? defaultLines.following : defaultLines.looking
  const lines = flags.lines === undefined ? usual : parseLineCount(flags.lines)
  if (lines === 0 && !follow)
    throw usageError(
      '--lines=0 shows nothing',
      'With --follow it shows only what is new; or give a number from 1 on.',
    )
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
      `--only=${words}: there is no log called "${name}"${meant ? `. Did you mean ${meant}?` : ''}`,
      `Give one or more of ${sourceNames.join(', ')}, with commas between them.`,
    )
  }
  return (source) => names.some((name) => sources[name]!.test(source))
}

function parseLineCount(words: string): number {
  const number = parseNumber(words, { whole: true, maximum: 999_999_999 })
  if (number !== undefined) return number
  throw usageError(`--lines=${words} is not a number of lines`, 'Give a whole number: --lines 200')
}

function parseGrep(words: string): RegExp {
  try {
    return new RegExp(words)
  } catch (thrown) {
    throw usageError(
      (thrown as Error).message.replace('Invalid regular expression', '--grep is no regular expression'),
      'A backslash before a sign takes it as it is: --grep "\\[error\\]"',
    )
  }
}

/** What is wanted of every source. */
export interface SourceOptions {
  /** Is this source wanted? `backend`, `worker-2`, `access` … */
  only(source: string): boolean
  /** Milliseconds since 1970: nothing older. */
  since?: number
  /** Not more than the last so many lines of each source. */
  tail?: number
  follow: boolean
  /** A source that goes on, but not as it should; or does so again. */
  warn(source: string, words: string): void
}

/** A source that is known to give nothing. */
export async function* createFailingSource(error: Error): AsyncGenerator<LogLine[]> {
  yield await Promise.reject(error)
}
