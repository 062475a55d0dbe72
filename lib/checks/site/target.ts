import type { Limits } from '../../config/config.ts'
import type { Check, QuickContext } from '../check.ts'
import { httpCheck } from './http.ts'

/** Something else that is to answer over HTTP. */
export interface Target {
  /** Its name, or its URL without the query. */
  id: string
  url: string
  /** undefined: those of the API. */
  limits?: Limits | undefined
}

/** Origin and path: a query may hold a token, and what is shown goes into history, alerts and ping. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/** Good is what a browser would take: 2xx, or a redirect. */
export function targetCheck({ id, url, limits }: Target): Check<QuickContext> {
  const shown = shownUrl(url)
  const check = httpCheck({
    id,
    title: id,
    tags: ['target'],
    url: () => url,
    // Many of them may be on one server: it is not to set up a thousand TLS connections at once.
    shared: true,
    limits: ({ health }) => limits ?? health.apiMs,
    fault: ({ status }) => (status >= 200 && status < 400 ? undefined : `${shown} says ${status}`),
    // It may be this machine itself.
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
