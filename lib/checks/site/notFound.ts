import { type Check, pass, type QuickContext } from '../check.ts'
import { assertThat } from '../run.ts'
import { get } from './http.ts'

export const notFound: Check<QuickContext> = {
  id: 'not-found',
  title: 'Unknown pages',
  tags: ['verify', 'acceptance', 'ionos', 'pages'],
  needs: 'nothing',
  hiddenByMaintenance: true,
  async run(checking) {
    const site = `https://${checking.context.config.domain}`
    const [page, asset] = await Promise.all([
      get(checking, `${site}/no-such-page-${Date.now()}`),
      get(checking, `${site}/_next/static/no-such-chunk.js`),
    ])
    assertThat(
      page.status === 404 && asset.status === 404,
      `a missing page says ${page.status}, a missing chunk ${asset.status}`,
    )
    assertThat(/<html/i.test(page.body), 'the 404 has no page')
    return pass('404 with its own page')
  },
}
