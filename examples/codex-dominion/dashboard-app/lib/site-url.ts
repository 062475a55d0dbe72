/** Where the site is published; used only for absolute addresses in the sitemap, robots.txt and link previews. */
export const SITE_URL = (process.env.SITE_URL || 'https://codexdominion.app').replace(/\/+$/, '')
