import type { HttpResponse } from '../net/http.ts'

/*
 * What is right about an answer of the site. One judgement for those who ask: the checks of a deploy and the probes.
 * Each gives what is wrong, in words, or undefined.
 */

export const faultOfPage = (url: string, { status, body }: HttpResponse): string | undefined => {
  if (status !== 200) return `${url} says ${status}`
  return /<html/i.test(body) ? undefined : `${url} is not a page`
}

export function faultOfRedirect(
  from: string,
  to: string,
  { status, headers }: HttpResponse,
): string | undefined {
  if (status !== 301 && status !== 308) return `${from} says ${status}`
  return headers.location === to ? undefined : `${from} leads to ${headers.location}, not to ${to}`
}

export function faultOfHealth(url: string, { status, body }: HttpResponse): string | undefined {
  return status === 200 ? undefined : `${url} says ${status}${inBrief(body)}`
}

/** An area of the API: answered from the database, with this field. */
export interface Area {
  id: string
  path: string
  field: string
}

export const areas: readonly Area[] = [
  { id: 'api-ai', path: '/api/ai/status', field: 'capsules' },
  { id: 'api-treasury', path: '/api/treasury/summary', field: 'balance' },
  { id: 'api-workflows', path: '/api/workflows', field: 'workflows' },
  { id: 'api-councils', path: '/api/councils', field: 'councils' },
  { id: 'api-agents', path: '/api/agents', field: 'agents' },
]

/**
 * @param filled empty lists are wrong: true for a site that has just been made with its first data
 */
export function faultOfArea({ path, field }: Area, answer: HttpResponse, filled = false): string | undefined {
  const { status, body } = answer
  if (status !== 200) return `${path} says ${status}${inBrief(body)}`
  const value = getField(body, field)
  const empty = Array.isArray(value) && value.length === 0
  return value === undefined || (filled && empty) ? `${path} has no ${field}` : undefined
}

/** A field of a JSON object; undefined when the text is no such thing. */
export function getField(body: string, field: string): unknown {
  try {
    const value = JSON.parse(body) as Record<string, unknown> | null
    return value?.[field]
  } catch {
    return undefined
  }
}

/** What an error's body tells: the application's own words, without pages of HTML. One line. */
function inBrief(body: string): string {
  const words = wordsOf(body).replaceAll(/\s+/g, ' ').trim()
  return words === '' ? '' : `: ${words.length > 200 ? `${words.slice(0, 200)}…` : words}`
}

function wordsOf(body: string): string {
  if (/<html|<!doctype/i.test(body)) return /<title>([^<]*)<\/title>/i.exec(body)?.[1] ?? ''
  const checks = getField(body, 'checks') as Record<string, { ok?: boolean; error?: string }> | undefined
  const failed = Object.entries(checks ?? {}).filter(([, check]) => check?.ok === false)
  if (failed.length > 0) return failed.map(([name, { error }]) => `${name}: ${error ?? 'failed'}`).join('; ')
  const error = getField(body, 'error')
  return typeof error === 'string' ? error : body
}
