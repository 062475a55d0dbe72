import type { Limits } from '../../config/config.ts'
import type { Context } from '../../tasks/context.ts'
import type { Probe } from '../probe.ts'
import { httpProbe } from './http.ts'

/** Something else that is to answer over HTTP. */
export interface Target {
  /** Its name, or its URL as it is shown. */
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
export function targetProbe(context: Context, { id, url, limits }: Target): Probe {
  const { search } = new URL(url)
  // The transcript writes down every request.
  context.runner.secrets.add(search)
  const shown = shownUrl(url)
  const probe = httpProbe(context, {
    id,
    title: id,
    visible: false,
    hiddenByMaintenance: false,
    url,
    // Many of them may be one server's: it is not to set up a thousand TLS connections at once.
    shared: true,
    limits: limits ?? context.config.health.apiMs,
    fault: ({ status }) => (status >= 200 && status < 400 ? undefined : `${shown} says ${status}`),
  })
  return {
    ...probe,
    group: 'target',
    // It may be this machine itself.
    showsNetwork: false,
    async ask(signal) {
      const reading = await probe.ask(signal)
      return { ...reading, detail: reading.detail.replaceAll(url, shown) }
    },
  }
}
