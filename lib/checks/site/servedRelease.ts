import { parseRelease } from '../../config/config.ts'
import { type Check, pass, type QuickContext } from '../check.ts'
import { assertThat } from '../run.ts'
import { get } from './http.ts'

/*
 * Finds out which release visitors get, through nginx, at addresses of our own that stay reachable during
 * maintenance (lib/vps/templates/site-https.conf).
 */

const check = (
  id: string,
  title: string,
  path: string,
  describe: (response: Awaited<ReturnType<typeof get>>) => string,
): Check<QuickContext> => ({
  ...{ id, title, tags: ['verify', 'each-server'], needs: 'nothing' },
  run: async (checking) =>
    pass(describe(await get(checking, `https://${checking.context.config.domain}/_dominion/${path}`))),
})

/** nginx serves the pages of this release. */
export const servedPages = (release: string): Check<QuickContext> =>
  check('served-pages', 'Release of the pages', 'release.json', ({ status, body }) => {
    assertThat(status === 200, `the served release does not report its name (${status})`)
    const { id } = JSON.parse(body) as { id?: string }
    assertThat(id === release, `${id ?? 'an unknown release'} is served instead of ${release}`)
    return release
  })

/** The backend behind nginx is healthy and runs this release (any release, if /health names none). */
export const servedBackend = (release: string): Check<QuickContext> =>
  check('served-backend', 'Release of the backend', 'health', ({ status, body, phases }) => {
    assertThat(status === 200, `the backend answers ${status} through the site: ${body.slice(0, 300)}`)
    const named = parseRelease(body)
    assertThat(named === undefined || named === release, `release ${named} is served instead of ${release}`)
    return `${release}, 200 in ${Math.round(phases.total)} ms`
  })
