import { askForBackendHost, getRememberedHost } from '../../config/backendHost.ts'
import { backendPort, getServedHealthUrl } from '../../config/config.ts'
import type { HttpResponse } from '../../net/http.ts'
import type { CheckContext, QuickContext, Result } from '../check.ts'
import { loginTimeoutMs } from '../run.ts'
import { apiAdvice, backendAdvice, forgottenHost, httpCheck } from './http.ts'

/** The backend's /health through nginx, at an address that stays reachable in maintenance. */
export const api = httpCheck({
  id: 'api',
  title: 'API through nginx',
  tags: ['health', 'from-vps', 'site'],
  publicName: 'API',
  advice: apiAdvice,
  url: getServedHealthUrl,
  limits: ({ health }) => health.apiMs,
  fault: (response, url) => findHealthFault(url, response),
})

const directly = httpCheck({
  id: 'backend',
  title: 'Backend, queried directly',
  tags: ['health', 'verify', 'azure', 'from-vps'],
  aliases: { verify: { id: 'backend-health', title: 'Backend /health' } },
  advice: ({ verdict }) => (verdict === 'CRITICAL' ? backendAdvice() : undefined),
  url(config) {
    const host = getRememberedHost(config)
    return host && `http://${host}:${backendPort}/health`
  },
  limits: ({ health }) => health.apiMs,
  fault: (response, url) => findHealthFault(url, response),
})

/** Asks Azure only where it may, and where the name that this machine saw last is missing or does not answer. */
export const backend: typeof directly = {
  ...directly,
  // Two requests, with a question to Azure in between.
  timeoutMs: loginTimeoutMs,
  async run(checking: QuickContext | CheckContext) {
    const { config } = checking.context
    const host = getRememberedHost(config)
    const first = await directly.run(checking)
    if (host !== undefined && !(first.silent && first.verdict === 'CRITICAL')) return first
    if (!('azure' in checking)) return isGone(first) ? forgottenHost(first) : first
    const named = await askForBackendHost(config, checking.azure).catch((thrown) => {
      if (host === undefined) throw thrown
      return host
    })
    return named === host ? first : directly.run(checking)
  },
}

/** No group has the name any more; `api` shows whether the backend itself is gone. */
const isGone = ({ detail, silent }: Result): boolean =>
  silent === true && /ENOTFOUND|has no address|name or service not known|no address associated/i.test(detail)

/** `API: Team plans` for `api-team-plans`. */
export function getAreaName(id: string): string {
  const words = id.replace(/^api-/, '').replaceAll('-', ' ')
  return `API: ${words === 'ai' ? 'AI' : words.charAt(0).toUpperCase() + words.slice(1)}`
}

const area = (id: string, path: string, field: string) =>
  httpCheck({
    id,
    title: `API ${path}`,
    tags: ['health', 'verify', 'azure', 'ionos', 'from-vps'],
    publicName: getAreaName(id),
    hiddenByMaintenance: true,
    asOperator: true,
    advice: apiAdvice,
    url: ({ domain }) => `https://${domain}${path}`,
    limits: ({ health }) => health.apiMs,
    fault: (response, _, filled) => findAreaFault({ path, field }, response, filled),
    note({ body }) {
      const value = getField(body, field)
      return Array.isArray(value) ? `, ${value.length} ${field}` : ''
    },
  })

/** The areas of the API through the site, each answered from the database. */
export const apiAreas = [
  area('api-ai', '/api/ai/status', 'capsules'),
  area('api-treasury', '/api/treasury/summary', 'balance'),
  area('api-workflows', '/api/workflows', 'workflows'),
  area('api-councils', '/api/councils', 'councils'),
  area('api-agents', '/api/agents', 'agents'),
]

export const findHealthFault = (url: string, { status, body }: HttpResponse): string | undefined =>
  status === 200 ? undefined : `${url} answers ${status}${inBrief(body)}`

/**
 * @param area its path, and the field in its response
 * @param filled whether an empty list is a fault
 */
export function findAreaFault(
  { path, field }: { path: string; field: string },
  { status, body }: HttpResponse,
  filled = false,
): string | undefined {
  if (status !== 200) return `${path} answers ${status}${inBrief(body)}`
  const value = getField(body, field)
  const empty = Array.isArray(value) && value.length === 0
  return value === undefined || (filled && empty) ? `${path} has no ${field}` : undefined
}

/** A field of a JSON object; undefined when the text is not one. */
function getField(body: string, field: string): unknown {
  try {
    const value = JSON.parse(body) as Record<string, unknown> | null
    return value?.[field]
  } catch {
    return undefined
  }
}

/** The application's error message in one line; for an HTML page, only its title. */
function inBrief(body: string): string {
  const words = getErrorText(body).replaceAll(/\s+/g, ' ').trim()
  return words === '' ? '' : `: ${words.length > 200 ? `${words.slice(0, 200)}…` : words}`
}

function getErrorText(body: string): string {
  if (/<html|<!doctype/i.test(body)) return /<title>([^<]*)<\/title>/i.exec(body)?.[1] ?? ''
  const checks = getField(body, 'checks') as Record<string, { ok?: boolean; error?: string }> | undefined
  const failed = Object.entries(checks ?? {}).filter(([, check]) => check?.ok === false)
  if (failed.length > 0) return failed.map(([name, { error }]) => `${name}: ${error ?? 'failed'}`).join('; ')
  const error = getField(body, 'error')
  return typeof error === 'string' ? error : body
}
