import type { Limits } from '../../config/config.ts'
import type { HttpRequest, HttpResponse } from '../../net/http.ts'
import type { Context } from '../../tasks/context.ts'
import { isOurMaintenance } from '../../vps/maintenance/page.ts'
import { unanswered } from '../connectionErrors.ts'
import type { Probe, Reading } from '../probe.ts'
import { byLimits } from '../thresholds.ts'

/** Longer than any limit that makes sense; a visitor has gone by then. */
export const httpTimeoutMs = 10_000
/** Longer than any list of the site's own that makes sense. */
const mostOfOurs = 16 << 20
/** A thousand others are asked, for their status alone. */
const mostOfOthers = 1 << 20

export const webProbe = {
  group: 'web',
  quick: true,
  showsNetwork: true,
  timeoutMs: httpTimeoutMs,
  silence: 'CRITICAL',
} as const

/** Asks once. The signal is what ends it; the request's own time-out only stands behind that. */
export const get = (
  { runner }: Context,
  url: string,
  signal: AbortSignal,
  rest: Partial<Pick<HttpRequest, 'method' | 'shared' | 'timeoutMs'>> = {},
): Promise<HttpResponse> => {
  const mostBytes = rest.shared ? mostOfOthers : mostOfOurs
  const timeoutMs = httpTimeoutMs + 1000
  return runner.request({ method: 'GET', url, effect: 'read', timeoutMs, mostBytes, ...rest }, signal)
}

interface Question extends Pick<Probe, 'id' | 'title' | 'visible' | 'hiddenByMaintenance'> {
  url: string
  limits: Limits
  /** One of many: it may go on a connection that is open. */
  shared?: true
  /** What is wrong with the answer, however quick it came. */
  fault(answer: HttpResponse): string | undefined
}

/** One GET, on a connection of its own unless it is shared: wrong is CRITICAL, slow is judged by the limits. */
export const httpProbe = (context: Context, question: Question): Probe => ({
  ...webProbe,
  id: question.id,
  title: question.title,
  visible: question.visible,
  hiddenByMaintenance: question.hiddenByMaintenance,
  host: new URL(question.url).hostname,
  async ask(signal) {
    try {
      const answer = await get(context, question.url, signal, question.shared ? { shared: true } : {})
      const plain = question.url.startsWith('http:') && !isJson(answer.body)
      return { ...judgeAnswer(question, answer), ...(plain ? { plain } : {}) }
    } catch (thrown) {
      return unanswered(question.url, thrown)
    }
  },
})

/** A portal answers with a page or a redirect, our API with an object. */
function isJson(body: string): boolean {
  try {
    return typeof JSON.parse(body) === 'object'
  } catch {
    return false
  }
}

export function judgeAnswer(
  { id, limits, fault, hiddenByMaintenance }: Omit<Question, 'url' | 'title'>,
  answer: HttpResponse,
): Reading {
  const { phases, status } = answer
  const ms = phases.total
  const seen = { ms, phases, figures: [{ name: id, value: ms, unit: 'ms', limits }] } as const
  const wrong = fault(answer)
  if (wrong !== undefined)
    return {
      verdict: 'CRITICAL',
      detail: wrong,
      ...seen,
      // Only where our page hides the site: what another server is in says nothing of this one.
      ...(hiddenByMaintenance && isOurMaintenance(answer) ? { maintenance: true } : {}),
    }
  const verdict = byLimits(ms, limits)
  const over =
    verdict === 'OK' ? '' : `, limit ${verdict === 'CRITICAL' ? limits.critical : limits.warning} ms`
  return { verdict, detail: `${status} in ${Math.round(ms)} ms${over}`, ...seen }
}
