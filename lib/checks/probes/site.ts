import { backendPort, stableHost } from '../../config/endpoints.ts'
import type { Context } from '../../tasks/context.ts'
import { worstVerdict } from '../../util/status.ts'
import { unanswered } from '../connectionErrors.ts'
import type { Probe, Reading } from '../probe.ts'
import { areas, faultOfArea, faultOfHealth, faultOfPage, faultOfRedirect } from '../responses.ts'
import { get, httpProbe, webProbe } from './http.ts'

/** The front page, the API's areas, and the backend through nginx and directly. */
export function siteProbes(context: Context): Probe[] {
  const { domain, health } = context.config
  const page = `https://${domain}/`
  const through = `https://${domain}/_dominion/health`
  const direct = `http://${stableHost(context.config)}:${backendPort}/health`
  return [
    httpProbe(context, {
      id: 'static',
      title: 'Front page',
      visible: true,
      hiddenByMaintenance: true,
      url: page,
      limits: health.staticMs,
      fault: (answer) => faultOfPage(page, answer),
    }),
    httpProbe(context, {
      id: 'api',
      title: 'API through nginx',
      visible: true,
      hiddenByMaintenance: false,
      url: through,
      limits: health.apiMs,
      fault: (answer) => faultOfHealth(through, answer),
    }),
    httpProbe(context, {
      id: 'backend',
      title: 'Backend, asked directly',
      visible: false,
      hiddenByMaintenance: false,
      url: direct,
      limits: health.apiMs,
      fault: (answer) => faultOfHealth(direct, answer),
    }),
    ...areas.map((area) =>
      httpProbe(context, {
        id: area.id,
        title: `API ${area.path}`,
        visible: true,
        hiddenByMaintenance: true,
        url: `https://${domain}${area.path}`,
        limits: health.apiMs,
        fault: (answer) => faultOfArea(area, answer),
      }),
    ),
    redirectsProbe(context),
  ]
}

/** Visitors who type the name alone come to HTTPS and to the one name. */
function redirectsProbe(context: Context): Probe {
  const { domain } = context.config
  const ways = [
    [`http://${domain}/workflows?a=1`, `https://${domain}/workflows?a=1`],
    [`https://www.${domain}/workflows`, `https://${domain}/workflows`],
  ] as const
  return {
    ...webProbe,
    id: 'redirects',
    title: 'HTTP → HTTPS, www → apex',
    visible: false,
    hiddenByMaintenance: false,
    async ask(signal) {
      const asked = await Promise.all(
        ways.map(async ([from, to]): Promise<Reading | undefined> => {
          try {
            const fault = faultOfRedirect(from, to, await get(context, from, signal))
            return fault === undefined ? undefined : { verdict: 'CRITICAL', detail: fault }
          } catch (thrown) {
            return unanswered(from, thrown)
          }
        }),
      )
      const faults = asked.filter((each) => each !== undefined)
      const [, overTls] = asked
      const plain = overTls?.silent || overTls?.unproven ? { plain: true as const } : {}
      if (faults.length === 0) return { verdict: 'OK', detail: 'both lead to the site' }
      return {
        verdict: worstVerdict(faults),
        detail: [...new Set(faults.map(({ detail }) => detail))].join('; '),
        ...plain,
        // One that was heard is enough to know that the other's silence is not this machine's.
        ...(asked.every((each) => each?.silent) ? { silent: true as const } : {}),
      }
    },
  }
}
