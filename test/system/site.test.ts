import { createHash, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProcess } from '../../lib/shell/spawn.ts'
import { type Browser, openBrowser } from '../support/system/browser.ts'
import { type Rehearsal, rehearseAndKeep } from '../support/system/rehearsal.ts'
import { createVisitor, ssh } from '../support/system/site.ts'

const domain = 'codexdominion.app'
const site = `/var/www/${domain}/current`

let clouds: Rehearsal
let get: ReturnType<typeof createVisitor>
let browser: Browser

beforeAll(async () => {
  clouds = await rehearseAndKeep('test-site')
  get = createVisitor(clouds)
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
  const run = () =>
    browser.evaluate(
      "(() => { const button = document.querySelector('tr[data-workflow] button'); button.focus(); button.click() })()",
    )
  await run()
  const dialog = "document.querySelector('[data-sign-in-dialog]')"
  const asked = () =>
    browser.until(
      "document.activeElement.matches('[data-sign-in-dialog] input:not([type=password])')",
      10_000,
    )
  await asked()
  expect(await browser.evaluate(`${dialog}.innerText`)).toContain('npx dominion api-token')
  await looksRight('sign-in-asked')

  await browser.press('Escape')
  await browser.until(`${dialog} === null`, 5_000)
  await browser.until("document.activeElement.matches('tr[data-workflow] button')", 5_000)
  expect(await browser.evaluate("document.querySelector('[data-job-phase]')")).toBeNull()

  await run()
  await asked()
  await browser.type('Ada')
  await browser.press('Tab')
  await browser.type('0'.repeat(64))
  await browser.press('Enter')
  await browser.until(`${dialog}.querySelector('[role=alert]') !== null`, 10_000)
  expect(await browser.evaluate(`${dialog}.querySelector('[role=alert]').innerText`)).toBe(
    'The backend did not accept this token. Print it again and enter it here.',
  )
  await looksRight('sign-in-refused')
  // The browser's own messages about the 401.
  expect(browser.problems.splice(0).every((problem) => problem.includes('401'))).toBe(true)

  const { stdout } = await clouds.dominion(['api-token'])
  await browser.evaluate(`${dialog}.querySelector('input[type=password]').select()`)
  await browser.type(stdout.trim())
  await browser.press('Enter')
  await browser.until("document.querySelector('[data-job-phase=finished]') !== null", 30_000)
  expect(await runs()).toBe(before + 1)

  // Asked once: a reload keeps the session, and the page shows who did what.
  await browser.open(`https://${domain}/workflows`)
  await browser.until("document.querySelectorAll('tr[data-workflow]').length > 0", 20_000)
  await run()
  await browser.until("document.querySelector('[data-job-phase=finished]') !== null", 30_000)
  expect(await runs()).toBe(before + 2)
  await browser.until("document.body.innerText.includes('operator Ada')", 10_000)
  // Nothing that a script could steal.
  const reachable = await browser.evaluate<string>(
    'JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, document.documentElement.outerHTML])',
  )
  expect(reachable).toMatch(/^\["",\{\},\{\},/)
  expect(reachable).not.toContain(stdout.trim())

  // Another tab signs in again: the token of this page against forged requests is outdated, and it asks for the new one.
  const again = JSON.stringify({ token: stdout.trim(), name: 'Grace' })
  const headers = JSON.stringify({ 'Content-Type': 'application/json' })
  await browser.evaluate(
    `fetch('/api/session', { method: 'POST', headers: ${headers}, body: '${again}' }).then(() => 0)`,
  )
  await run()
  await browser.until("document.body.innerText.includes('operator Grace')", 30_000)
  expect(browser.problems.splice(0).every((problem) => problem.includes('403'))).toBe(true)

  const signOut = "[...document.querySelectorAll('button')].find((b) => b.innerText.trim() === 'Sign out')"
  await browser.evaluate(`${signOut}.click()`)
  await browser.until(`${signOut} === undefined && !document.body.innerText.includes('operator Ada')`, 10_000)
  await browser.until("document.querySelectorAll('tr[data-workflow]').length > 0", 20_000)
  await run()
  await asked()
  await browser.press('Escape')
  expect(browser.problems).toEqual([])
})

test('after signing in at the top of the page, the focus is on the button that signs out', async () => {
  await browser.open(`https://${domain}/workflows`)
  const button = (words: string) =>
    `[...document.querySelectorAll('button')].find((b) => b.innerText.trim() === '${words}')`
  await browser.until(`${button('Sign in')} !== undefined`, 20_000)
  await browser.evaluate(`(${button('Sign in')}.focus(), ${button('Sign in')}.click())`)
  await browser.until("document.activeElement.matches('[data-sign-in-dialog] input')", 10_000)
  await browser.type('Ada')
  await browser.press('Tab')
  const token = (await clouds.dominion(['api-token'])).stdout.trim()
  await browser.type(token)
  await browser.press('Enter')
  await browser.until("document.activeElement.innerText?.trim() === 'Sign out'", 10_000)
  expect(browser.problems).toEqual([])

  // It ends the session that another tab has opened meanwhile.
  const body = JSON.stringify({ token, name: 'Grace' })
  await browser.evaluate(
    `fetch('/api/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '${body}' }).then(() => 0)`,
  )
  // And it does so after too many attempts to sign in from this address.
  const attempt = () => get('/api/session', { method: 'POST', body: '{}' })
  const attempts = await Promise.all(Array.from({ length: 8 }, attempt))
  expect(attempts.map(({ status }) => status)).toContain(429)
  await browser.evaluate(`${button('Sign out')}.click()`)
  await browser.until(`${button('Sign in')} !== undefined`, 20_000)
  expect(browser.problems.splice(0).every((problem) => problem.includes('403'))).toBe(true)
})

/** Pictures at both widths in both colours, stored when PICTURES names a folder; no element may overflow. */
async function looksRight(name: string): Promise<void> {
  for (const width of [375, 1280]) {
    for (const dark of [false, true]) {
      await browser.evaluate(`document.documentElement.classList.toggle('dark', ${dark})`)
      await browser.lookAs({ width, dark })
      await new Promise((resolve) => setTimeout(resolve, 400))
      const picture = await browser.lookAs({ width, dark })
      const folder = process.env.PICTURES
      if (folder) writeFileSync(path.join(folder, `${name}-${width}-${dark ? 'dark' : 'light'}.png`), picture)
      const [left, right] = await browser.evaluate<number[]>(
        "(({ left, right }) => [left, right])(document.querySelector('[data-sign-in-dialog]').getBoundingClientRect())",
      )
      expect(left, `${name} at ${width}`).toBeGreaterThanOrEqual(0)
      expect(right, `${name} at ${width}`).toBeLessThanOrEqual(width)
    }
  }
  await browser.evaluate("document.documentElement.classList.remove('dark')")
  await browser.lookAs({ width: 1280, dark: false })
}

test('nobody else runs one: anonymous writes are refused, and a flood of them is limited', async () => {
  const runs = async () => JSON.parse((await get('/api/workflows')).body).workflows as { runs: number }[]
  const before = await runs()
  const post = (headers: Record<string, string> = {}) =>
    get('/api/workflows/run', {
      ...{ method: 'POST', body: '{"name":"treasury-close"}' },
      headers: { 'content-type': 'application/json', ...headers },
    })
  for (const headers of [{}, { authorization: `Bearer ${'0'.repeat(64)}` }] as Record<string, string>[]) {
    const answer = await post(headers)
    expect([answer.status, JSON.parse(answer.body).status]).toEqual([401, 401])
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="codex-dominion"/)
    expect(answer.headers['cache-control']).toBe('no-store')
  }
  const flood = await Promise.all(Array.from({ length: 200 }, () => post()))
  const count = (wanted: number) => flood.filter(({ status }) => status === wanted).length
  console.log(`200 anonymous POSTs: ${count(401)} times 401, ${count(429)} times 429`)
  expect(count(401) + count(429)).toBe(200)
  expect(count(429)).toBeGreaterThan(100)
  expect(await runs()).toEqual(before)
  expect((await get('/workflows')).status).toBe(200)
})

test('pages of every section load in a browser without an error', async () => {
  for (const path of ['/', '/dashboard', '/agents', '/councils', '/treasury', '/ai']) {
    await browser.open(`https://${domain}${path}`)
    await browser.until("document.querySelector('h1') !== null", 10_000)
    // Data arrives after the page: wait for a moment without requests.
    await browser.until(
      'performance.now() - Math.max(0, ...performance.getEntriesByType("resource").map((e) => e.responseEnd)) > 300',
      10_000,
    )
  }
  expect(browser.problems).toEqual([])
  const fonts = await browser.evaluate<string>('getComputedStyle(document.body).fontFamily')
  expect(fonts).not.toBe('')
})

test('a script that got into a page does not run; the page’s own scripts do', async () => {
  const injected = '<script>window.injected = 1</script><img src="/none.png" onerror="window.handled = 1">'
  const copy = (name: string, ...edits: string[]) =>
    ssh(
      clouds,
      `sed ${edits.map((edit) => `-e '${edit}'`).join(' ')} ${site}/workflows.html > ${site}/${name}.html`,
    )
  const ran = async (name: string) => {
    await browser.open(`https://${domain}/${name}`)
    // The table is filled by the page's own scripts.
    await browser.until("document.querySelectorAll('tr[data-workflow]').length > 0", 20_000)
    return browser.evaluate('[typeof window.injected, typeof window.handled]')
  }
  try {
    await copy('injected', `s|</body>|${injected}</body>|`)
    await copy(
      'bare',
      `s|</body>|${injected}</body>|`,
      's|<meta http-equiv="Content-Security-Policy"[^>]*>||',
    )
    expect(await ran('injected')).toEqual(['undefined', 'undefined'])
    // Nor one that arrives later, as through data that a page shows as HTML.
    const late = await browser.evaluate<string>(`(async () => {
      document.body.append(Object.assign(document.createElement('script'), { text: 'window.injected = 2' }))
      document.body.insertAdjacentHTML('beforeend', '<img src="/none.png" onerror="window.handled = 2">')
      await new Promise((resolve) => setTimeout(resolve, 1000))
      return typeof window.injected + typeof window.handled
    })()`)
    expect(late).toBe('undefinedundefined')
    // A page of a release without policies keeps running; only its policy stops the others.
    expect(await ran('bare')).toEqual(['number', 'number'])
  } finally {
    await ssh(clouds, `rm -f ${site}/injected.html ${site}/bare.html`)
    browser.problems.length = 0
  }
})

test('every page has a policy, only pages may have inline scripts, and a 304 says the same', async () => {
  const pages = [...(await get('/sitemap.xml')).body.matchAll(/<loc>https:\/\/[^/<]+([^<]*)<\/loc>/g)]
  for (const path of [...pages.map(([, path]) => path || '/'), '/no/such/page']) {
    const { body } = await get(path)
    expect(
      body.match(/<meta http-equiv="Content-Security-Policy" content="script-src 'self' 'sha256-/g),
      path,
    ).toHaveLength(1)
    expect(body.indexOf('<meta http-equiv'), path).toBeLessThan(body.indexOf('<script'))
  }
  const policy = async (path: string, headers = {}) =>
    (await get(path, { headers })).headers['content-security-policy']
  for (const path of ['/', '/workflows', '/workflows.html', '/no/such/page'])
    expect(await policy(path), path).toContain("script-src 'self' 'unsafe-inline';")
  for (const path of ['/icon.svg', '/robots.txt', '/workflows.txt', '/_dominion/release.json'])
    expect(await policy(path), path).toContain("script-src 'self';")
  const { headers } = await get('/workflows')
  const again = await get('/workflows', { headers: { 'if-none-match': headers.etag! } })
  expect([again.status, again.headers['content-security-policy']]).toEqual([
    304,
    headers['content-security-policy'],
  ])
})

test('an unknown address shows the 404 page, with a way back', async () => {
  await browser.open(`https://${domain}/no/such/page`)
  expect(await browser.evaluate('document.querySelector(\'a[href="/"]\') !== null')).toBe(true)
  browser.problems.length = 0 // The 404 itself is one.
})

test('without the backend the pages stay and the API says so; recreated at another address, it is found', async () => {
  const address = async () => {
    const container = await fetch(`${clouds.state.controlUrl}/containers/codex-backend`)
    return ((await container.json()) as { address: string }).address
  }
  const [before, workers] = [await address(), await ssh(clouds, 'pgrep -f "^nginx: worker" | sort')]
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
  expect(await ssh(clouds, 'pgrep -f "^nginx: worker" | sort'), 'no reload').toBe(workers)
})

async function az(...words: string[]): Promise<void> {
  const { code, stderr } = await startProcess(['az', ...words, '--output', 'none'], {
    env: { ...process.env, ...clouds.config.network.azEnvironment },
    timeoutMs: 60_000,
    signal: AbortSignal.timeout(60_000),
  })
  expect(code, stderr).toBe(0)
}
