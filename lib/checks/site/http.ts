import { type Config, formatScriptLine, type Limits } from '../../config/config.ts'
import { getApiToken } from '../../config/secret.ts'
import type { HttpRequest, HttpResponse } from '../../net/http.ts'
import type { Judged } from '../../util/verdict.ts'
import { isOurMaintenance } from '../../vps/maintenance/page.ts'
import { byLimits, type Check, type QuickContext, type Result, unknown } from '../check.ts'
import { unanswered } from '../connectionErrors.ts'

/** The most bytes of a response: more than any response of the site itself has. */
const mostOfOurs = 16 << 20
/** For additional targets only the status matters. */
const mostOfOthers = 1 << 20

/** Sends one request. In `health` the signal ends it first; elsewhere the request's own time-out does. */
export const get = (
  { context, signal, requestTimeoutMs, address }: QuickContext,
  url: string,
  rest: Partial<Pick<HttpRequest, 'method' | 'headers' | 'shared' | 'timeoutMs' | 'address'>> = {},
): Promise<HttpResponse> => {
  const mostBytes = rest.shared ? mostOfOthers : mostOfOurs
  const request = { method: 'GET', url, effect: 'read', timeoutMs: requestTimeoutMs, mostBytes } as const
  return context.runner.request({ ...request, ...(address ? { address } : {}), ...rest }, signal)
}

/** What differs between checks that are one GET. */
interface Question extends Omit<Check<QuickContext>, 'needs' | 'host' | 'run' | 'timeoutMs' | 'silence'> {
  /** Undefined while its host is unknown; see lib/config/backendHost.ts. */
  url(config: Config): string | undefined
  limits(config: Config): Limits
  /** It may use an open connection. */
  shared?: true
  /** It reads what PUBLIC_READS=no reserves for the operator. */
  asOperator?: true
  /** Describes what is wrong with the response, regardless of its time; undefined when nothing is. */
  fault(response: HttpResponse, url: string, filled: boolean): string | undefined
  /** Adds to the detail of a good response where time does not count. */
  note?(response: HttpResponse): string
}

/** One GET, on its own connection unless it is shared: a wrong response is CRITICAL, a slow one is judged by the limits. */
export function httpCheck(question: Question): Check<QuickContext> {
  const { url: urlIn, shared, asOperator, fault, note, ...check } = question
  return {
    ...check,
    needs: 'nothing',
    host(config) {
      const url = urlIn(config)
      return url && new URL(url).hostname
    },
    async run(checking) {
      const { config } = checking.context
      const url = urlIn(config)
      if (url === undefined) return unknownHost()
      // Not inside `try`: without the key, nothing is known about the site.
      const headers = asOperator ? await authorize(checking.context, url) : {}
      try {
        const response = await get(checking, url, { headers, ...(shared ? { shared } : {}) })
        const plain = url.startsWith('http:') && !isJson(response.body)
        const found = { ...check, fault: fault(response, url, checking.filled) }
        const result = judgeResponse(found, response, checking.timed ? check.limits(config) : undefined)
        if (note && !checking.timed && result.verdict === 'OK') result.detail += note(response)
        return { ...result, ...(plain ? { plain } : {}) }
      } catch (thrown) {
        return unanswered(url, thrown)
      }
    },
  }
}

/**
 * The header with which the operator reads the API: only where reading needs it, and only over TLS. The token is redacted
 * wherever this program writes, and the VPS reads it from standard input.
 */
export async function authorize(
  { config, runner }: Pick<QuickContext['context'], 'config' | 'runner'>,
  url: string,
): Promise<Record<string, string>> {
  if (config.backend.publicReads === 'yes' || new URL(url).protocol !== 'https:') return {}
  return { authorization: `Bearer ${await getApiToken(config, runner)}` }
}

/** A captive portal answers with a page or a redirect, our API with an object. */
function isJson(body: string): boolean {
  try {
    return typeof JSON.parse(body) === 'object'
  } catch {
    return false
  }
}

/** @param limits in ms; undefined if the response time does not matter */
export function judgeResponse(
  check: Pick<Check, 'id' | 'hiddenByMaintenance'> & { fault: string | undefined },
  response: HttpResponse,
  limits: Limits | undefined,
): Result {
  const { id, fault, hiddenByMaintenance } = check
  const { phases, status } = response
  const ms = phases.total
  const figures = [{ name: id, value: ms, unit: 'ms', ...(limits ? { limits } : {}) }] as const
  if (fault !== undefined)
    return {
      ...{ verdict: 'CRITICAL', detail: fault, ms, phases, figures },
      // Only where our own page hides the site: the maintenance of another server says nothing about this
      // one.
      ...(hiddenByMaintenance && isOurMaintenance(response) ? { maintenance: true } : {}),
    }
  const verdict = limits ? byLimits(ms, limits) : 'OK'
  const limit = verdict === 'CRITICAL' ? limits?.critical : limits?.warning
  const over = verdict === 'OK' ? '' : `, limit ${limit} ms`
  return { verdict, detail: `${status} in ${Math.round(ms)} ms${over}`, ms, phases, figures }
}

const refused = /ECONNREFUSED|connection refused/i
const silent = /no answer (within|in time)|ETIMEDOUT/i
/** nginx's statuses when the backend does not answer it (RFC 9110, 15.6). */
const gateway = /\banswers 50[234]\b/

const adviseAsking = (): string =>
  `Once there is a backend, ${formatScriptLine('health')} asks Azure for it. --quick, and --only without a check that needs a login, use the name that this machine saw last.`

/** The result of a check that needs the backend's host. */
export const unknownHost = (): Result =>
  unknown('its host name, which Azure chooses, is not known here', adviseAsking())

/** The result where the name that this machine saw last does not exist any more, and Azure may not be asked for the new one. */
export const forgottenHost = (result: Result): Result => ({
  ...result,
  verdict: 'UNKNOWN',
  next: `The backend may have another name by now. ${adviseAsking()}`,
})

export const backendAdvice = (): string =>
  `${formatScriptLine('view-logs', '--only', 'backend')} shows why; ${formatScriptLine('restart-containers', '--only', 'backend')} restarts it.`

/** Advice for what nginx on the VPS serves itself (pages, certificate): no answer means that the VPS is at fault. */
export function nginxAdvice({ verdict, detail }: Judged): string | undefined {
  if (verdict !== 'CRITICAL') return undefined
  if (refused.test(detail))
    return 'nginx is not listening there. On the VPS, systemctl status nginx shows why and systemctl start nginx starts it.'
  return silent.test(detail)
    ? `Check that the VPS is running and that its firewall admits ports 80 and 443; ${formatScriptLine('doctor')} checks this over ssh.`
    : undefined
}

/** Advice for what nginx passes on to the backend: silence and 502 to 504 point to the backend. */
export function apiAdvice(result: Judged): string | undefined {
  if (result.verdict !== 'CRITICAL') return undefined
  const { detail } = result
  const behind = silent.test(detail) || gateway.test(detail)
  return !refused.test(detail) && behind ? backendAdvice() : nginxAdvice(result)
}
