import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const home = path.join(import.meta.dirname, '..', '..', '..')

/** A temporary folder for the applications that a test file creates. */
export function createWorkFolder(name: string): { folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), `${name}-`))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/**
 * A dashboard that builds in a moment, for tests that are not about Next.js: 60 pages, a 404 page, a site map.
 * @param seconds minimum duration of its build, for tests that interrupt it
 */
export function smallDashboard(folder: string, seconds = 0): string {
  const build = `
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
const pages = ['index', ...Array.from({ length: 59 }, (_, number) => 'page-' + number)]
rmSync('out', { recursive: true, force: true })
mkdirSync('out/_next/static', { recursive: true })
const half = () => new Promise((resolve) => setTimeout(resolve, ${seconds * 500}))
writeFileSync('out/_next/static/site.js', 'document.title += " – Codex Dominion"')
for (const page of [...pages, '404']) {
  if (page === 'page-30') await half()
  const html = '<!doctype html><html><script src="/_next/static/site.js"></script><h1>' + page + '</h1></html>'
  writeFileSync('out/' + page + '.html', html)
}
await half()
const urls = pages.map((page) => '<url><loc>https://codexdominion.app/' + page.replace('index', '') + '</loc></url>')
writeFileSync('out/sitemap.xml', '<urlset>' + urls.join('') + '</urlset>')
console.log('60 pages')
`
  const dashboard = path.join(folder, 'dashboard')
  const scripts = { build: 'node build.mjs' }
  const described = { name: 'small-dashboard', version: '1.0.0', private: true }
  const lock = { ...described, lockfileVersion: 3, requires: true, packages: { '': described } }
  mkdirSync(path.join(dashboard, 'node_modules'), { recursive: true })
  writeFileSync(path.join(dashboard, 'build.mjs'), build)
  writeFileSync(path.join(dashboard, 'package.json'), JSON.stringify({ ...described, scripts }))
  writeFileSync(path.join(dashboard, 'package-lock.json'), JSON.stringify(lock))
  // The file that npm writes after an installation; there is nothing to install.
  writeFileSync(
    path.join(dashboard, 'node_modules', '.package-lock.json'),
    JSON.stringify({ ...lock, packages: {} }),
  )
  return dashboard
}

/** A copy of the example's backend with some files changed. */
export function copyBackend(
  folder: string,
  name: string,
  changes: Record<string, (text: string) => string> = {},
): string {
  const copy = path.join(folder, name)
  cpSync(path.join(home, 'examples', 'codex-dominion', 'backend'), copy, { recursive: true })
  for (const [file, edit] of Object.entries(changes)) {
    const before = readFileSync(path.join(copy, file), 'utf8')
    const after = edit(before)
    if (after === before) throw new Error(`${file} was not changed`)
    writeFileSync(path.join(copy, file), after)
  }
  return copy
}
