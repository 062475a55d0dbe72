import type { Limits } from '../../config/config.ts'
import type { Check, QuickContext } from '../check.ts'
import { httpCheck } from './http.ts'

/** An additional URL to check, given by the operator. */
export interface Target {
  /** The target's name, or its URL without the query. */
  id: string
  url: string
  /** Default: the limits of the API. */
  limits?: Limits | undefined
}

/** Origin and path only: a query may hold a token, and this text goes into the history and into alerts. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/** 2xx and redirects pass. */
export function targetCheck({ id, url, limits }: Target): Check<QuickContext> {
  const shown = shownUrl(url)
  const check = httpCheck({
    id,
    title: id,
    tags: ['target'],
    url: () => url,
    // Many targets may share one server, which should not get a thousand TLS connections at once.
    shared: true,
    limits: ({ health }) => limits ?? health.apiMs,
    fault: ({ status }) => (status >= 200 && status < 400 ? undefined : `${shown} answers ${status}`),
    // The target may be this machine.
    showsNetwork: false,
  })
  return {
    ...check,
    async run(checking) {
      // The transcript records every request.
      checking.context.runner.secrets.add(new URL(url).search)
      const result = await check.run(checking)
      return { ...result, detail: result.detail.replaceAll(url, shown) }
    },
  }
}
