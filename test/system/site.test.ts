import { createHash, X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProcess } from '../../lib/command/process.ts'
import { type Browser, openBrowser } from './browser.ts'
import { onVps, visitor } from './face.ts'
import { type Rehearsed, startRehearsal } from './rehearsed.ts'

const domain = 'codexdominion.app'

let clouds: Rehearsed
let get: ReturnType<typeof visitor>
let browser: Browser

beforeAll(async () => {
  clouds = await startRehearsal('test-site')
  get = visitor(clouds)
  const done = await clouds.dominion(['deploy-complete', '--json'])
  expect(done.code, done.stderr).toBe(0)
  const { certificate } = await get('/', { method: 'HEAD' })
  const key = new X509Certificate(certificate!.raw).publicKey.export({ type: 'spki', format: 'der' })
  browser = await openBrowser({
    hosts: [domain, `www.${domain}`],
    address: clouds.state.vps,
    spki: createHash('sha256').update(key).digest('base64'),
  })
})

afterAll(async () => {
  await browser?.close()
  await clouds?.down()
})

test('a visitor runs a workflow: the page, the API, the queue, the worker and the database', async () => {
  await browser.open(`https://www.${domain}/workflows`)
  expect(await browser.evaluate('location.href')).toBe(`https://${domain}/workflows`)
  await browser.until("document.querySelectorAll('tr[data-workflow]').length > 0", 20_000)
  const name = await browser.evaluate<string>("document.querySelector('tr[data-workflow]').dataset.workflow")
  const runs = async () => {
    const { workflows } = JSON.parse((await get('/api/workflows')).body)
    return workflows.find((each: { name: string }) => each.name === name).runs as number
  }
  const before = await runs()
  await browser.evaluate("document.querySelector('tr[data-workflow] button').click()")
  await browser.until("document.querySelector('[data-job-phase=finished]') !== null", 30_000)
  expect(await runs()).toBe(before + 1)
  expect(browser.problems).toEqual([])
})

test('pages of every section load in a browser without an error', async () => {
  for (const path of ['/', '/dashboard', '/agents', '/councils', '/treasury', '/ai']) {
    await browser.open(`https://${domain}${path}`)
    await browser.until("document.querySelector('h1') !== null", 10_000)
    // Data arrives after the page: a moment without requests.
    await browser.until(
      'performance.now() - Math.max(0, ...performance.getEntriesByType("resource").map((e) => e.responseEnd)) > 300',
      10_000,
    )
  }
  expect(browser.problems).toEqual([])
  const fonts = await browser.evaluate<string>('getComputedStyle(document.body).fontFamily')
  expect(fonts).not.toBe('')
})

test('an address that does not exist shows the page for it, with a way back', async () => {
  await browser.open(`https://${domain}/no/such/page`)
  expect(await browser.evaluate('document.querySelector(\'a[href="/"]\') !== null')).toBe(true)
  browser.problems.length = 0 // the 404 itself is one
})

test('without the backend the pages stay and the API says so; made anew at another address it is found', async () => {
  const address = async () => {
    const container = await fetch(`${clouds.state.controlUrl}/containers/codex-backend`)
    return ((await container.json()) as { address: string }).address
  }
  const [before, workers] = [await address(), await onVps(clouds, 'pgrep -f "^nginx: worker" | sort')]
  await az(
    'container',
    'delete',
    '--yes',
    '--resource-group',
    'codexdominion-prod',
    '--name',
    'codex-backend',
  )
  const down = await get('/api/workflows')
  expect([502, 504]).toContain(down.status)
  expect(JSON.parse(down.body).status).toBe(down.status)
  await browser.open(`https://${domain}/workflows`)
  await browser.until("document.querySelector('h1') !== null", 10_000)
  const done = await clouds.dominion(['release-containers', '--json'])
  expect(done.code, done.stderr).toBe(0)
  await expect
    .poll(async () => (await get('/api/workflows')).status, { timeout: 15_000, interval: 200 })
    .toBe(200)
  expect(await address()).not.toBe(before)
  expect(await onVps(clouds, 'pgrep -f "^nginx: worker" | sort'), 'no reload').toBe(workers)
})

async function az(...words: string[]): Promise<void> {
  const { code, stderr } = await startProcess(['az', ...words, '--output', 'none'], {
    env: { ...process.env, ...clouds.config.network.azEnvironment },
    timeoutMs: 60_000,
    signal: AbortSignal.timeout(60_000),
  })
  expect(code, stderr).toBe(0)
}
