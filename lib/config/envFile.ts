import { readFileSync, realpathSync, statSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { getMessage, OpsError, usageError } from '../util/errors.ts'
import { writeAtomically } from '../util/files.ts'
import { type KeyName, keys } from './schema.ts'

export type Values = Partial<Record<KeyName, string>>

/** An assignment as dotenv reads it: the key, and the value with its quotes, which may span lines. */
export const assignment =
  /^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$/dgm

/**
 * Sets values in the text of an .env file. Each replaces the assignment that takes effect (the last one) and
 * keeps its comment. A missing key is appended. Everything else stays the same, byte for byte.
 * @param values plain words that need no quoting
 */
export function setValues(text: string, values: Readonly<Record<string, string>>): string {
  const found = new Map<string, { from: number; to: number }>()
  for (const match of text.matchAll(assignment)) {
    const [, key = '', value = ''] = match
    const at = match.indices?.[2]
    // A missing value is inserted right after the equals sign.
    const end = match.indices![1]![1]
    const sign = end + /^\s*[=:]/.exec(text.slice(end))![0].length
    const from = at ? at[0] + (value.length - value.trimStart().length) : sign
    found.set(key, { from, to: at ? from + value.trim().length : sign })
  }
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const there = Object.entries(values)
    .flatMap(([key, value]) => (found.has(key) ? [{ ...found.get(key)!, value }] : []))
    .sort((a, b) => b.from - a.from)
  const changed = there.reduce((all, { from, to, value }) => all.slice(0, from) + value + all.slice(to), text)
  const missing = Object.entries(values).filter(([key]) => !found.has(key))
  if (missing.length === 0) return changed
  const gap = changed === '' || changed.endsWith('\n') ? '' : newline
  return changed + gap + missing.map(([key, value]) => `${key}=${value}${newline}`).join('')
}

/** Saves values in an .env file, atomically. Throws when that is not possible; the file is unchanged then. */
export async function saveValues(file: string, values: Readonly<Record<string, string>>): Promise<void> {
  const { parse } = await import('dotenv')
  const target = realpathSync(file)
  const before = readFileSync(target, 'utf8')
  const after = setValues(before, values)
  const lines = Object.entries(values).map(([key, value]) => `${key}=${value}`)
  const refuse = (what: string) => new OpsError({ what, next: `Set by hand: ${lines.join(' ')}` })
  if (!isDeepStrictEqual({ ...parse(after) }, { ...parse(before), ...values }))
    throw refuse(`${file} is written in a way that this script cannot change safely`)
  const { mode, uid, gid } = statSync(target)
  const check = () => {
    if (readFileSync(target, 'utf8') !== before) throw new Error('another program has just changed it')
  }
  try {
    writeAtomically(target, after, { mode: mode & 0o777, owner: { uid, gid }, check })
  } catch (thrown) {
    throw refuse(`${file} could not be written: ${getMessage(thrown)}`)
  }
}

/** A quoted value as dotenv reads it: only the same quote ends it. */
const quoted = /^\s*(?:'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`)\s*$/

/**
 * Finds values that a # cuts short: dotenv starts a comment at any # outside quotes
 * (https://github.com/motdotla/dotenv#comments). No comment may follow a secret; elsewhere, a space before
 * the # marks a comment. Returns one sentence for each, with its line but never with the value.
 */
export function findCutValues(text: string, file: string): string[] {
  return [...text.matchAll(assignment)].flatMap((match) => {
    const [, key = '', value = ''] = match
    const [from, to] = match.indices?.[2] ?? [match.indices![1]![1], match.indices![1]![1]]
    const tail = text
      .slice(to)
      .split(/[\r\n]/, 1)[0]!
      .replace(/^\s*[=:]\s*/, '')
    if (!tail.startsWith('#') || quoted.test(value)) return []
    const secret = Object.hasOwn(keys, key) && keys[key as KeyName].secret === true
    const isComment = value === '' || /\s$/.test(value)
    const unclosed = /^\s*['"`]/.test(value)
    if (!secret && isComment && !unclosed) return []
    const line = text.slice(0, match.indices![1]![0]).split('\n').length
    const at = `${file} line ${line}: ${key}`
    if (unclosed && from < to)
      return [`${at} has a # after an unclosed quote: close the quote, or use the other kind of quotes`]
    const comment = secret ? 'move a comment to a line above it' : 'put a space before a comment'
    return [`${at} has a # outside quotes, which would end its value there: write ${key}='…' (or ${comment})`]
  })
}

/** A quoted value may span several lines; only the first has the key. */
const quotedValue = /^([ \t]*(?:export[ \t]+)?[\w.-]+[ \t]*[=:][ \t]*)(["'`])(?:\\\2|(?!\2)[\s\S])*\2/gm

/** dotenv silently skips lines that it cannot read, so report them. */
export function assertReadableLines(text: string, file: string): void {
  const wrong = text
    .replaceAll(quotedValue, (whole: string, key: string) => key + whole.replaceAll(/[^\n]/g, ''))
    .split(/\r?\n/)
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(
      ({ line }) => line.trim() !== '' && !/^\s*#/.test(line) && !/^\s*(export\s+)?[\w.-]+\s*[=:]/.test(line),
    )
  if (wrong.length === 0) return
  throw usageError(
    `${file} has lines that are not KEY=value: ${wrong.map(({ number }) => `line ${number}`).join(', ')}`,
    'Write each key as KEY=value; start comments with #.',
  )
}
