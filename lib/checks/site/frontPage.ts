import type { HttpResponse } from '../../net/http.ts'
import { httpCheck, nginxAdvice } from './http.ts'

export const frontPage = httpCheck({
  id: 'static',
  title: 'Front page',
  tags: ['health', 'verify', 'ionos', 'pages', 'from-vps'],
  aliases: {
    verify: { id: 'site-https', title: 'Site over HTTPS' },
  },
  publicName: 'Website',
  hiddenByMaintenance: true,
  advice: nginxAdvice,
  url: ({ domain }) => `https://${domain}/`,
  limits: ({ health }) => health.staticMs,
  fault: (response, url) => findPageFault(url, response),
})

export function findPageFault(url: string, { status, body }: HttpResponse): string | undefined {
  if (status !== 200) return `${url} says ${status}`
  return /<html/i.test(body) ? undefined : `${url} is not a page`
}
