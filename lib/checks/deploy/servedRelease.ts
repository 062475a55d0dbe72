import { releaseIn } from '../../config/endpoints.ts'
import type { Context } from '../../tasks/context.ts'
import { type Check, expect } from '../check.ts'

/*
 * Which release visitors get, asked through nginx at addresses of our own, which stay reachable in maintenance
 * (lib/ionos/templates/site-https.conf).
 */

const ask = ({ config, runner }: Context, path: string) =>
  runner.request({
    method: 'GET',
    url: `https://${config.domain}/_dominion/${path}`,
    effect: 'read',
    timeoutMs: 15_000,
  })

/** The pages that nginx serves are of this release. */
export const servedPagesCheck = (context: Context, release: string): Check => ({
  id: 'served-pages',
  title: 'Served release of the pages',
  async run() {
    const { status, body } = await ask(context, 'release.json')
    expect(status === 200, `the release that is served does not say its name (${status})`)
    const { id } = JSON.parse(body) as { id?: string }
    expect(id === release, `${id ?? 'an unknown release'} is served, not ${release}`)
    return release
  },
})

/** The backend behind nginx is healthy, and of this release (any, when its /health names none). */
export const servedBackendCheck = (context: Context, release: string): Check => ({
  id: 'served-backend',
  title: 'Served release of the backend',
  async run() {
    const { status, body, phases } = await ask(context, 'health')
    expect(status === 200, `the backend says ${status} through the site: ${body.slice(0, 300)}`)
    const named = releaseIn(body)
    expect(named === undefined || named === release, `release ${named} is served, not ${release}`)
    return `${release}, 200 in ${Math.round(phases.total)} ms`
  },
})
