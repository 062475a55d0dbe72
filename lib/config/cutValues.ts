import { assignment } from './envFile.ts'
import { type Key, type KeyName, keys } from './schema.ts'

/** A value in quotes as dotenv reads one: nothing in it ends it but its own quote. */
const quoted = /^\s*(?:'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`)\s*$/

/**
 * Values that end at a # although more was meant: dotenv takes any # outside quotes for the beginning of a comment
 * (https://github.com/motdotla/dotenv#comments). A secret never has a comment behind it; elsewhere a blank before the #
 * tells a comment from a part of the value. Gives a complaint for each, with its line and never with the value.
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
    const secret = Object.hasOwn(keys, key) && (keys[key as KeyName] as Key).secret === true
    const isComment = value === '' || /\s$/.test(value)
    const unclosed = /^\s*['"`]/.test(value)
    if (!secret && isComment && !unclosed) return []
    const line = text.slice(0, match.indices![1]![0]).split('\n').length
    const at = `${file} line ${line}: ${key}`
    if (unclosed && from < to)
      return [`${at} has a # in a quote that does not end: close it, or use another sort of quotes`]
    const comment = secret ? 'move a comment to a line above it' : 'put a blank before a comment'
    return [`${at} has a # outside quotes, where its value would end: write ${key}='…' (or ${comment})`]
  })
}
