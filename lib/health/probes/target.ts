import type { Limits } from '../../config/config.ts'
import type { Context } from '../../steps/context.ts'
import type { Probe } from '../probe.ts'
import { httpProbe } from './http.ts'

/** Something else that is to answer over HTTP. */
export interface Target {
  /** Its name, or its URL. */
  id: string
  url: string
  /** undefined: those of the API. */
  limits?: Limits | undefined
}

/** Good is what a browser would take: 2xx, or a redirect. */
export const targetProbe = (context: Context, { id, url, limits }: Target): Probe => ({
  ...httpProbe(context, {
    id,
    title: id,
    visible: false,
    hiddenByMaintenance: false,
    url,
    // Many of them may be one server's: it is not to set up a thousand TLS connections at once.
    shared: true,
    limits: limits ?? context.config.health.apiMs,
    fault: ({ status }) => (status >= 200 && status < 400 ? undefined : `${url} says ${status}`),
  }),
  group: 'target',
  // It may be this machine itself.
  showsNetwork: false,
})
