import type { Config } from '../../config/config.ts'
import type { HttpResponse } from '../../net/http.ts'
import { worstVerdict } from '../../util/verdict.ts'
import { type Check, fail, pass, type QuickContext, type Result } from '../check.ts'
import { unanswered } from '../connectionErrors.ts'
import { get, nginxAdvice } from './http.ts'

/** Visitors who type only a name are redirected to HTTPS and to the main name. */
const ways = {
  http: ({ domain }: Config) => [`http://${domain}/workflows?a=1`, `https://${domain}/workflows?a=1`],
  www: ({ domain }: Config) => [`https://www.${domain}/workflows`, `https://${domain}/workflows`],
} as const

export const redirects: Check<QuickContext> = {
  id: 'redirects',
  title: 'HTTP → HTTPS, www → apex',
  tags: ['health', 'from-vps'],
  needs: 'nothing',
  advice: nginxAdvice,
  async run(checking) {
    const results = await Promise.all([follow(checking, 'http'), follow(checking, 'www')])
    const [, overTls] = results
    const faults = results.filter(({ verdict }) => verdict !== 'OK')
    if (faults.length === 0) return pass('both lead to the site')
    return {
      verdict: worstVerdict(faults),
      detail: [...new Set(faults.map(({ detail }) => detail))].join('; '),
      ...(overTls.silent || overTls.unproven ? { plain: true } : {}),
      // One answer shows that this machine's network is not the reason why the other address does not answer.
      ...(results.every(({ silent }) => silent) ? { silent: true } : {}),
    }
  },
}

const redirect = (id: string, title: string, way: keyof typeof ways): Check<QuickContext> => ({
  ...{ id, title, tags: ['verify', 'ionos'], needs: 'nothing' },
  run: (checking) => follow(checking, way),
})

export const httpRedirect = redirect('http-redirect', 'HTTP → HTTPS', 'http')
export const wwwRedirect = redirect('www-redirect', 'www → apex', 'www')

async function follow(checking: QuickContext, way: keyof typeof ways): Promise<Result> {
  const [from, to] = ways[way](checking.context.config) as [string, string]
  try {
    const response = await get(checking, from)
    const fault = findRedirectFault(from, to, response)
    return fault === undefined ? pass(`${response.status} to ${to}`) : fail(fault)
  } catch (thrown) {
    return unanswered(from, thrown)
  }
}

export function findRedirectFault(
  from: string,
  to: string,
  { status, headers }: HttpResponse,
): string | undefined {
  if (status !== 301 && status !== 308) return `${from} answers ${status}`
  return headers.location === to ? undefined : `${from} leads to ${headers.location}, not to ${to}`
}
