import type { MetadataRoute } from 'next'
import { allPaths } from '@/data/site'
import { SITE_URL } from '@/lib/site-url'

export const dynamic = 'force-static'

/** Without `lastModified`: a build date would change the file although no page has changed. */
export default function sitemap(): MetadataRoute.Sitemap {
  return allPaths().map((path) => ({ url: `${SITE_URL}${path}` }))
}
