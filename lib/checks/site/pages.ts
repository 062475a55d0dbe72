import type { HttpResponse } from '../../net/http.ts'
import { mapLimit } from '../../util/concurrency.ts'
import { type Check, pass, type QuickContext } from '../check.ts'
import { assertThat } from '../run.ts'
import { get, httpCheck, nginxAdvice } from './http.ts'

export const frontPage = httpCheck({
  id: 'static',
  title: 'Front page',
  tags: ['health', 'verify', 'ionos', 'pages', 'from-vps', 'site'],
  aliases: { verify: { id: 'site-https', title: 'Site over HTTPS' } },
  publicName: 'Website',
  hiddenByMaintenance: true,
  advice: nginxAdvice,
  url: ({ domain }) => `https://${domain}/`,
  limits: ({ health }) => health.staticMs,
  fault: (response, url) => findPageFault(url, response),
})

export function findPageFault(url: string, { status, body }: HttpResponse): string | undefined {
  if (status !== 200) return `${url} answers ${status}`
  return /<html/i.test(body) ? undefined : `${url} is not a page`
}

/** The minimum number of pages that the product promises (docs/original-document.md, "Targets"). */
const fewestPages = 52
const atOnce = 8

export const pages: Check<QuickContext> = {
  id: 'pages',
  title: 'Pages and their assets',
  tags: ['verify', 'ionos', 'pages'],
  needs: 'nothing',
  hiddenByMaintenance: true,
  async run(checking) {
    const site = `https://${checking.context.config.domain}`
    const fetchAll = (paths: Iterable<string>, method: 'GET' | 'HEAD') =>
      mapLimit(atOnce, [...paths], async (path) => ({
        path,
        ...(await get(checking, `${site}${path}`, { method })),
      }))
    const { body } = await get(checking, `${site}/sitemap.xml`)
    const paths = [...body.matchAll(/<loc>https?:\/\/[^/<]+([^<]*)<\/loc>/g)].map((match) => match[1] || '/')
    const count = paths.length
    assertThat(count >= fewestPages, `the site map lists ${count} pages, fewer than ${fewestPages}`)
    const found = await fetchAll(paths, 'GET')
    const bad = found.filter(({ status }) => status !== 200)
    assertThat(bad.length === 0, bad.map(({ path, status }) => `${path} answers ${status}`).join(', '))
    const links = found.flatMap((page) => [...page.body.matchAll(/(?:src|href)="(\/_next\/[^"]+)"/g)])
    const assets = new Set(links.map(([, link = '']) => link))
    const missing = (await fetchAll(assets, 'HEAD')).filter(({ status }) => status !== 200)
    assertThat(missing.length === 0, `missing: ${missing.map(({ path }) => path).join(', ')}`)
    return pass(`${count} pages, ${assets.size} assets`)
  },
}

export const notFound: Check<QuickContext> = {
  id: 'not-found',
  title: 'Unknown pages',
  tags: ['verify', 'ionos', 'pages'],
  needs: 'nothing',
  hiddenByMaintenance: true,
  async run(checking) {
    const site = `https://${checking.context.config.domain}`
    const [page, asset] = await Promise.all([
      get(checking, `${site}/no-such-page-${Date.now()}`),
      get(checking, `${site}/_next/static/no-such-chunk.js`),
    ])
    const said = `a missing page answers ${page.status}, a missing chunk ${asset.status}`
    assertThat(page.status === 404 && asset.status === 404, said)
    assertThat(/<html/i.test(page.body), 'the 404 answer has no page')
    return pass('404 with an error page')
  },
}
