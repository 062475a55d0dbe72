import { createHash, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { loadConfig } from '../../lib/config/load.ts'
import { createNetworkOptions } from '../../lib/config/network.ts'
import { makeRequest } from '../../lib/net/http.ts'
import { startProcess } from '../../lib/shell/spawn.ts'
import { createHistory, day } from '../../test/support/statusPageFixtures.ts'
import { openBrowser } from '../../test/support/system/browser.ts'

/*
 * Takes the pictures of README.md from a kept rehearsal; Chromium is needed:
 *   npm run rehearse -- --name pictures --keep
 *   bin/node docs/tools/pictures.ts pictures
 */

const minute = 60_000
const home = path.join(import.meta.dirname, '..', '..')
const name = process.argv[2] ?? 'rehearsal'
const config = await loadConfig(home, name)
const { domain } = config
const now = Date.now()

// Three months with two short incidents and a deploy a week, so that the page has something to show.
await createHistory(path.join(config.stateDir, 'health.sqlite'), {
  from: now - 89 * day,
  to: now,
  every: (at) => (at > now - 2 * day ? 5 * minute : 60 * minute),
  stretches: [
    { from: now - 40 * day, to: now - 40 * day + 3 * 60 * minute, targets: ['api'], verdict: 'CRITICAL' },
    {
      from: now - 12 * day,
      to: now - 12 * day + 60 * minute,
      targets: ['static', 'api'],
      verdict: 'CRITICAL',
    },
  ],
  planned: [5, 12, 19, 26].map((days) => ({
    id: `deploy-${days}`,
    kind: 'deploy' as const,
    from: now - days * day,
    to: now - days * day + 2 * minute,
    what: 'deploy',
  })),
})
const published = await startProcess(
  [process.execPath, path.join(home, 'bin', 'dominion.js'), 'status-page', '--env', name],
  { env: process.env, timeoutMs: 5 * minute, signal: AbortSignal.timeout(5 * minute) },
)
if (published.code !== 0) throw new Error(published.stderr)

const { certificate } = await makeRequest(
  { method: 'HEAD', url: `https://${domain}/`, effect: 'read', timeoutMs: 15_000 },
  createNetworkOptions(config),
  AbortSignal.timeout(20_000),
)
const key = new X509Certificate(certificate!.raw).publicKey.export({ type: 'spki', format: 'der' })
const browser = await openBrowser({
  hosts: [domain, `www.${domain}`],
  address: config.servers[0].address,
  spki: createHash('sha256').update(key).digest('base64'),
})
try {
  await take('dashboard', '/dashboard', false)
  await take('status-page', '/status/', false)
} finally {
  await browser.close()
}

async function take(picture: string, page: string, dark: boolean): Promise<void> {
  await browser.open(`https://${domain}${page}`)
  // Until the API has answered the page's requests.
  await new Promise((resolve) => setTimeout(resolve, 3000))
  writeFileSync(
    path.join(home, 'docs', 'images', `${picture}.png`),
    await browser.lookAs({ width: 1100, dark }),
  )
}
