import type { HttpResponse } from '../../net/http.ts'
import type { Context } from '../../tasks/context.ts'
import { mapLimit } from '../../util/concurrency.ts'
import { siteNames } from '../../vps/dns/records.ts'
import { type Check, expect } from '../check.ts'
import { judgeServed } from '../probes/certificate.ts'
import { faultsOfNames } from '../probes/dns.ts'
import { areas, faultOfArea, faultOfPage, faultOfRedirect, getField } from '../responses.ts'

/** Pages the product promises to have, at least. */
const fewestPages = 52

/** What a visitor sees: the site, its certificate, its redirects, its pages. Nothing here changes anything. */
export function siteChecks({ config, runner }: Context): Check[] {
  const { domain } = config
  const get = (url: string, method: 'GET' | 'HEAD' = 'GET'): Promise<HttpResponse> =>
    runner.request({ method, url, effect: 'read', timeoutMs: 15_000 })

  return [
    {
      id: 'site-https',
      title: 'Site over HTTPS',
      async run() {
        const url = `https://${domain}/`
        const answer = await get(url)
        assertCorrect(faultOfPage(url, answer))
        return `200 in ${Math.round(answer.phases.total)} ms`
      },
    },
    {
      id: 'certificate',
      title: 'Certificate',
      async run() {
        const { certificate } = await get(`https://${domain}/`, 'HEAD')
        const limits = config.health.certificatePercent
        const { verdict, detail } = judgeServed(certificate, siteNames(config), limits, Date.now())
        assertCorrect(verdict === 'CRITICAL' ? detail : undefined)
        return detail
      },
    },
    {
      id: 'http-redirect',
      title: 'HTTP → HTTPS',
      run: () => redirect(get, `http://${domain}/workflows?a=1`, `https://${domain}/workflows?a=1`),
    },
    {
      id: 'www-redirect',
      title: 'www → apex',
      run: () => redirect(get, `https://www.${domain}/workflows`, `https://${domain}/workflows`),
    },
    {
      id: 'not-found',
      title: 'Unknown pages',
      async run() {
        const [page, asset] = await Promise.all([
          get(`https://${domain}/no-such-page-${Date.now()}`),
          get(`https://${domain}/_next/static/no-such-chunk.js`),
        ])
        expect(
          page.status === 404 && asset.status === 404,
          `a missing page says ${page.status}, a missing chunk ${asset.status}`,
        )
        expect(/<html/i.test(page.body), 'the 404 has no page')
        return '404 with a page of its own'
      },
    },
    {
      id: 'pages',
      title: 'Pages and their assets',
      async run() {
        const sitemap = await get(`https://${domain}/sitemap.xml`)
        const paths = [...sitemap.body.matchAll(/<loc>https?:\/\/[^/<]+([^<]*)<\/loc>/g)].map(
          (match) => match[1] || '/',
        )
        expect(
          paths.length >= fewestPages,
          `the site map names ${paths.length} pages, fewer than ${fewestPages}`,
        )
        const pages = await mapLimit(8, paths, async (path) => ({
          path,
          answer: await get(`https://${domain}${path}`),
        }))
        const bad = pages.filter(({ answer }) => answer.status !== 200)
        expect(bad.length === 0, bad.map(({ path, answer }) => `${path} says ${answer.status}`).join(', '))
        const assets = new Set(
          pages.flatMap(({ answer }) =>
            [...answer.body.matchAll(/(?:src|href)="(\/_next\/[^"]+)"/g)].map((match) => match[1]!),
          ),
        )
        const answers = await mapLimit(8, [...assets], async (path) => ({
          path,
          answer: await get(`https://${domain}${path}`, 'HEAD'),
        }))
        const missing = answers.filter(({ answer }) => answer.status !== 200)
        expect(missing.length === 0, `missing: ${missing.map(({ path }) => path).join(', ')}`)
        return `${paths.length} pages, ${assets.size} assets`
      },
    },
    {
      id: 'dns',
      title: 'DNS',
      async run() {
        const faults = await faultsOfNames(config)
        assertCorrect(faults.length > 0 ? faults.join('; ') : undefined)
        return `both names point at ${config.ionos.publicIp}`
      },
    },
  ]
}

/**
 * The API areas through the site, each answered from the database.
 * @param filled empty lists are wrong: true for a site that has just been made with its first data
 */
export function apiChecks({ config, runner }: Context, filled: boolean): Check[] {
  return areas.map((area) => ({
    id: area.id,
    title: `API ${area.path}`,
    async run() {
      const url = `https://${config.domain}${area.path}`
      const answer = await runner.request({ method: 'GET', url, effect: 'read', timeoutMs: 15_000 })
      assertCorrect(faultOfArea(area, answer, filled))
      const value = getField(answer.body, area.field)
      const many = Array.isArray(value) ? `, ${value.length} ${area.field}` : ''
      return `200 in ${Math.round(answer.phases.total)} ms${many}`
    },
  }))
}

async function redirect(
  get: (url: string) => Promise<HttpResponse>,
  from: string,
  to: string,
): Promise<string> {
  const answer = await get(from)
  assertCorrect(faultOfRedirect(from, to, answer))
  return `${answer.status} to ${to}`
}

function assertCorrect(fault: string | undefined): void {
  if (fault !== undefined) throw new Error(fault)
}
