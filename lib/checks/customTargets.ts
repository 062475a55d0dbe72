import { readFileSync } from 'node:fs'
import type { Limits } from '../config/config.ts'
import { getMessage, OpsError, usageError } from '../util/errors.ts'
import { parseNumber } from '../util/number.ts'
import { select } from './check.ts'
import { checks } from './list.ts'
import { shownUrl, type Target } from './site/target.ts'

const names = new Set(select(checks, 'health').map(({ id }) => id))

/**
 * True for names that are reserved for checks, for areas of the API (including future ones), and for the site as a
 * whole in reports.
 */
const isTaken = (id: string): boolean => names.has(id) || id === 'site' || id.startsWith('api-')

/**
 * Reads a file of additional targets, one on each line: `URL` or `NAME URL`, optionally with limits in milliseconds
 * (`500,2000`). # starts a comment. Throws (exit 2) and names every wrong line.
 */
export function readTargets(file: string): Target[] {
  try {
    return parseTargets(readFileSync(file, 'utf8'), file)
  } catch (thrown) {
    if (thrown instanceof OpsError) throw thrown
    throw usageError(`--targets ${file} cannot be read: ${getMessage(thrown)}`, form)
  }
}

const form = 'Write each line as [NAME] URL [WARNING,CRITICAL], such as   shop https://shop.example/ 500,2000'
const mostShown = 20

export function parseTargets(text: string, file: string): Target[] {
  const complaints: string[] = []
  const seen = new Map<string, number>()
  const targets = text.split(/\r?\n/).flatMap((line, index): Target[] => {
    const words = line.replace(/(^|\s)#.*$/, '').trim()
    if (words === '') return []
    const read = readLine(words)
    const wrong = typeof read === 'string' ? read : findComplaint(read, seen)
    if (typeof read === 'string' || wrong !== undefined) {
      complaints.push(`${file}:${index + 1}: ${wrong}`)
      return []
    }
    seen.set(read.id, index + 1)
    return [read]
  })
  if (complaints.length === 0 && targets.length > 0) return targets
  if (complaints.length === 0) throw usageError(`${file} contains no targets`, form)
  const more = complaints.length - mostShown
  const shown = [...complaints.slice(0, mostShown), ...(more > 0 ? [`and ${more} more`] : [])]
  const count = complaints.length === 1 ? 'an invalid line' : `${complaints.length} invalid lines`
  throw usageError(`${file} has ${count}:\n${shown.map((each) => `  ${each}`).join('\n')}`, form)
}

function findComplaint({ id }: Target, seen: ReadonlyMap<string, number>): string | undefined {
  if (isTaken(id)) return `${id} is a reserved name`
  if (!seen.has(id)) return undefined
  return `${id} is on line ${seen.get(id)}, too${id.includes('://') ? ': give them names' : ''}`
}

function readLine(words: string): Target | string {
  const parts = words.split(/\s+/)
  const at = parts.findIndex((part) => /^[a-z][a-z0-9+.-]*:\/\//i.test(part))
  if (at < 0) return `"${masked(words)}" contains no URL`
  const [text = '', limitsText, ...rest] = parts.slice(at)
  if (at > 1 || rest.length > 0) return `"${masked(words)}" has too many words`
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol)) return `${masked(text)} is not an http or https URL`
  if (url.username !== '' || url.password !== '')
    return `the URL at ${url.host} contains a user name or password, which would be shown and sent with every alert`
  const limits = limitsText === undefined ? undefined : readLimits(limitsText)
  if (typeof limits === 'string') return limits
  url.hash = ''
  return { id: at === 1 ? parts[0]! : shownUrl(url.href), url: url.href, ...(limits ? { limits } : {}) }
}

/** More people see an error message than the file, so it contains neither passwords nor queries. */
const masked = (text: string): string =>
  text.replaceAll(/\/\/[^/\s]*@/g, '//***@').replaceAll(/\?\S+/g, '?***')

function readLimits(text: string): Limits | string {
  const milliseconds = { whole: true, maximum: 999_999_999 }
  const [warning, critical, ...rest] = text.split(',').map((each) => parseNumber(each, milliseconds))
  if (warning === undefined || critical === undefined || rest.length > 0)
    return `${text} is not WARNING,CRITICAL in milliseconds, such as 500,2000`
  if (warning > critical) return `${text}: the WARNING limit must not be above the CRITICAL limit`
  return { warning, critical }
}
