import type { Exchange } from '../../lib/azure/recording/exchange.ts'
import type { Authority } from '../../rehearsal/authority.ts'
import type { Call, Reply } from '../../rehearsal/azure/http.ts'
import { type Hosts, openGateway } from '../../rehearsal/azure/proxy.ts'

/** A recording that answers the real az in place of Azure. */
export interface Replay {
  /** For HTTPS_PROXY, beside the authority's certificate in CA_FILE. */
  proxyUrl: string
  /** What was asked but not recorded, as `METHOD host/path`; each got 501. */
  missed(): string[]
  stop(): Promise<void>
}

const guid = /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi

/** A recording has placeholders for ids, so any id fits; the values of a query need not fit at all, except for the version. */
function getKey(method: string, url: URL): string {
  const version = url.searchParams.get('api-version') ?? ''
  const place = decodeURI(url.pathname)
    .replaceAll(guid, '*')
    .replaceAll(/\/{2,}/g, '/')
    .toLowerCase()
  return `${method} ${url.hostname}${place} ${version}`
}

/** A registry's own login, which az does not log. */
function signIn({ host, path }: Call): Reply | undefined {
  const challenge = `Bearer realm="https://${host}/oauth2/token",service="${host}"`
  if (path === '/v2/') return { status: 401, headers: { 'WWW-Authenticate': challenge }, body: {} }
  const token = { '/oauth2/exchange': 'refresh_token', '/oauth2/token': 'access_token' }[path]
  return token ? { status: 200, body: { [token]: 'replayed' } } : undefined
}

/**
 * Gives each request its recorded answer. A request that was recorded several times gets these answers
 * in their order, and then the last one again. az must be logged in already.
 */
export async function openReplay(exchanges: readonly Exchange[], authority: Authority): Promise<Replay> {
  const answered = exchanges.filter(({ status }) => status !== undefined)
  const answers = Map.groupBy(answered, ({ method, url }) => getKey(method, new URL(url)))
  const missed: string[] = []
  function answer(call: Call): Reply {
    const { method, host, path, query } = call
    const recorded = answers.get(getKey(method, new URL(`https://${host}${path}?${query}`)))
    const [next, ...rest] = recorded ?? []
    if (!next) {
      const signedIn = signIn(call)
      if (signedIn) return signedIn
      missed.push(`${method} ${host}${path}`)
      return {
        status: 501,
        body: { error: { code: 'NotRecorded', message: `Not recorded: ${method} ${path}` } },
      }
    }
    if (rest.length > 0) answers.set(getKey(method, new URL(next.url)), rest)
    const { status = 0, answerHeaders = {}, answer } = next
    return { status, headers: answerHeaders, ...(answer === undefined ? {} : { body: answer }) }
  }
  const hosts: Hosts = { 'management.azure.com': answer, '*.azurecr.io': answer }
  const gateway = await openGateway({ requests: [], authority, network: { host: '127.0.0.1' } }, hosts, 0)
  return { proxyUrl: gateway.proxyUrl, missed: () => missed, stop: gateway.stop }
}
