import { createHash, X509Certificate } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHistory, day } from '../support/statusPageFixtures.ts'
import { createWorkFolder } from '../support/system/applications.ts'
import { openBrowser } from '../support/system/browser.ts'
import { getLeastContrast } from '../support/system/contrast.ts'
import { readReceipts, stateFolder } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { createContent, createVisitor, smallDashboard, ssh, trySsh } from '../support/system/site.ts'

/* The public status page: next to the releases, in a real browser, with the figures of slo. */

const domain = 'codexdominion.app'
const site = `/var/www/${domain}`
const minute = 60_000
const work = createWorkFolder('dominion-status-page')
let clouds: Rehearsal
let dashboard: string
let environment: string
let get: ReturnType<typeof createVisitor>

beforeAll(async () => {
  clouds = await startRehearsal('sys-status-page')
  get = createVisitor(clouds)
  const content = createContent(3, 'face')
  content.pages.status = 'of its own'
  dashboard = smallDashboard(content)
  environment = clouds.variant('small', { DASHBOARD_DIR: dashboard })
})
afterAll(async () => {
  await clouds?.down()
  if (dashboard) rmSync(dashboard, { recursive: true, force: true })
  work.remove()
})

const publish = (...flags: string[]) => clouds.dominion(['status-page', ...flags], { environment })
const historyFile = () => path.join(stateFolder(clouds, environment), 'health.sqlite')

/** A history of 40 days that ends an hour ago, so that every figure is final. */
async function makeHistory(): Promise<void> {
  const now = Date.now()
  const outage = { from: now - 1.2 * day, to: now - 1.2 * day + 20 * minute }
  await createHistory(historyFile(), {
    from: now - 40 * day,
    to: now - 60 * minute,
    every: (at) => (at > now - 2 * day ? 5 * minute : 60 * minute),
    stretches: [{ ...outage, targets: ['static', 'api'], verdict: 'CRITICAL' }],
    planned: [
      { id: 'r', kind: 'deploy', from: now - day, to: now - day + minute, what: 'deploy by ann@desk' },
    ],
  })
}

test('no history, no site: reported, with the exit code, and nothing is started', async () => {
  const none = await publish()
  expect({ code: none.code, stdout: none.stdout }).toEqual({ code: 3, stdout: '' })
  expect(none.stderr).toMatch(/There is no history yet: .*health\.sqlite\n→ npx dominion health/)
  await makeHistory()
  const bare = await publish('--json')
  expect(bare.code).toBe(1)
  expect(JSON.parse(bare.stdout).error.what).toMatch(
    /The status page needs the site codexdominion\.app, which is not deployed on/,
  )
  expect(await ssh(clouds, `ls ${path.dirname(site)} 2>/dev/null || true`)).not.toContain(domain)
}, 120_000)

test('published next to the releases while a deploy holds the lock; no receipt, and no release changes', async () => {
  for (const script of ['setup-server', 'publish-frontend', 'issue-certificate']) {
    const done = await clouds.dominion([script], { environment })
    expect(done.code, done.stderr).toBe(0)
  }
  // Until one is published, the dashboard's own page of that name is served.
  expect((await get('/status')).body).toContain('<title>status</title>')
  expect((await get('/status/')).status).toBe(308)
  const releases = () => ssh(clouds, `cd ${site} && readlink current && ls -R releases | sha256sum`)
  const [before, receipts] = [await releases(), readReceipts(clouds, environment).length]

  const plan = await publish('--dry-run', '--detailed-exitcode')
  expect(plan.code, plan.stderr).toBe(2)
  expect(plan.stdout).toMatch(
    /\+ create +Status page https:\/\/codexdominion\.app\/status\/: it says “No data since /,
  )
  expect((await trySsh(clouds, `ls ${site}/status`)).code).not.toBe(0)

  // As a deploy does.
  const lock = '/run/codex-dominion/deploy.lock'
  const deploying = trySsh(
    clouds,
    `install -d -m 700 /run/codex-dominion; flock ${lock} sh -c 'echo $$ > /run/holder; exec sleep 50'`,
  )
  await expect
    .poll(() => trySsh(clouds, `flock -n ${lock} true`), { timeout: 20_000 })
    .toMatchObject({ code: 1 })
  const done = await publish()
  expect(done.code, done.stderr).toBe(0)
  expect(done.stderr).toContain('https://codexdominion.app/status/ shows it')
  expect((await trySsh(clouds, `flock -n ${lock} true`)).code, 'still locked').toBe(1)
  await ssh(clouds, 'kill "$(cat /run/holder)"')
  await deploying
  expect(await releases()).toBe(before)
  expect(readReceipts(clouds, environment)).toHaveLength(receipts)

  for (const address of ['/status', '/status/', '/status/?from=mail']) {
    const { status, body, headers } = await get(address)
    expect(status).toBe(200)
    expect(body).toContain('<meta name="dominion-status"')
    expect(headers['cache-control']).toBe('no-cache')
    expect(headers['content-security-policy']).toContain("default-src 'none'; style-src 'unsafe-inline'")
  }
  expect((await get('/p1')).body).toContain('<title>p1</title>')
  const nginx = await clouds.dominion(['configure-nginx', '-n', '--detailed-exitcode'], { environment })
  expect(nginx.code, nginx.stdout).toBe(0)
}, 200_000)

test('in headless Chromium: phone and desk, day and night; its figures are those of slo', async () => {
  const { certificate } = await get('/', { method: 'HEAD' })
  const key = new X509Certificate(certificate!.raw).publicKey.export({ type: 'spki', format: 'der' })
  const browser = await openBrowser({
    hosts: [domain],
    address: clouds.state.vps,
    spki: createHash('sha256').update(key).digest('base64'),
  })
  try {
    await browser.open(`https://${domain}/status/`)
    const pictures = process.env.STATUS_PAGE_PICTURES
    for (const width of [375, 1280]) {
      for (const dark of [false, true]) {
        const picture = await browser.lookAs({ width, dark })
        if (pictures) writeFileSync(path.join(pictures, `${width}-${dark ? 'dark' : 'light'}.png`), picture)
        expect(
          await browser.evaluate(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          ),
        ).toBe(0)
        const texts = 'h1, h2, h3, p, time, th, td, caption, small, summary, .legend li, .now, .top a, strong'
        expect(
          await browser.evaluate<number>(getLeastContrast(texts)),
          `${width} dark=${dark}`,
        ).toBeGreaterThan(4.5)
        const [background] = (
          await browser.evaluate<string>('getComputedStyle(document.body).backgroundColor')
        ).match(/\d+/)!
        expect(Number(background) < 128).toBe(dark)
        const plots =
          '[...document.querySelectorAll("figure > svg")].map((each) => each.getBoundingClientRect().width)'
        const widths = await browser.evaluate<number[]>(plots)
        expect(widths).toHaveLength(2)
        for (const each of widths) expect(each).toBeGreaterThan(250)
      }
    }
    expect(browser.problems).toEqual([])
    expect(await browser.evaluate('performance.getEntriesByType("resource").length')).toBe(0)
    // By keyboard: the table of bad days opens.
    await browser.evaluate('document.querySelector("summary").focus()')
    expect(await browser.evaluate('document.activeElement.tagName')).toBe('SUMMARY')

    const slo = JSON.parse((await clouds.dominion(['slo', '--json'], { environment })).stdout)
    const shown = await browser.evaluate<string>(`JSON.stringify({
      site: +document.querySelector('.tiles strong data').value,
      used: +document.querySelectorAll('.tiles .card:last-child data')[1].value,
      targets: [...document.querySelectorAll('[data-times]')].map((row) => [
        row.dataset.times,
        +document.querySelector('[data-part="' + row.dataset.times + '"] data').value,
        ...[...row.querySelectorAll('data')].map((each) => +each.value),
      ]),
      bars: document.querySelectorAll('ol.bars')[0].children.length,
    })`)
    const visible = slo.targets.filter(({ target }: { target: string }) => /^(static|api)/.test(target))
    expect(visible).toHaveLength(7)
    const { targets, ...rest } = JSON.parse(shown) as { targets: [string, ...number[]][] }
    expect(rest).toEqual({ site: slo.site.percent, used: slo.site.budget.used, bars: 90 })
    expect(targets.toSorted()).toEqual(
      visible
        // biome-ignore lint/suspicious/noExplicitAny: the document of slo --json
        .map(({ target, percent, latency }: any) => [target, percent, latency.p50, latency.p95, latency.p99])
        .toSorted(),
    )
  } finally {
    await browser.close()
  }
}, 120_000)

test('reachable during maintenance; an unchanged page is not sent again; a newer result is', async () => {
  const on = await clouds.dominion(['maintenance-mode', 'on'], { environment })
  expect(on.code, on.stderr).toBe(0)
  expect((await get('/p1')).status).toBe(503)
  expect((await get('/status/')).status).toBe(200)
  // Two of them: at a full hour the plots move on.
  const again = [await publish('--json'), await publish('--json')].map(({ stdout }) => JSON.parse(stdout))
  expect(again.map(({ ok }) => ok)).toEqual([true, true])
  expect(again.map(({ changed }) => changed)).toContain(false)
  const { openHistory } = await import('../../lib/monitoring/store/store.ts')
  const history = await openHistory(historyFile(), { sampleDays: 35, days: 400 })
  history.record({
    at: Date.now() - 1000,
    samples: ['static', 'api'].map((target) => ({ target, verdict: 'OK', ms: 50, cause: '' })),
  })
  history.close()
  const newer = await publish('--json')
  expect(newer.code, newer.stderr).toBe(0)
  expect(JSON.parse(newer.stdout)).toMatchObject({ ok: true, changed: true })
  expect((await get('/status/')).body).toMatch(
    /<h1 id="state">Everything (that could be checked )?works<\/h1>/,
  )
  expect((await clouds.dominion(['maintenance-mode', 'off'], { environment })).code).toBe(0)
}, 120_000)

test('an nginx configuration older than status pages, an unreachable VPS, only a file', async () => {
  const conf = `/etc/nginx/dominion/${domain}/current/site.conf`
  const kept = await ssh(
    clouds,
    `cp -p ${conf} /root/site.conf && sed -i '/rewrite .*status/d' ${conf} && nginx -s reload`,
  )
  expect(kept).toBe('')
  rmSync(historyFile())
  await makeHistory()
  const unseen = await publish()
  expect(unseen.code).toBe(1)
  expect(unseen.stderr).toMatch(/is on the VPS, but https:\S+ does not show it: 308\n→ .*configure-nginx/)
  const fixed = await clouds.dominion(['configure-nginx'], { environment })
  expect(fixed.code, fixed.stderr).toBe(0)
  expect((await get('/status/')).body).toContain('<meta name="dominion-status"')

  const away = clouds.variant('away', { IONOS_PORT: '1' })
  mkdirSync(stateFolder(clouds, away), { recursive: true })
  writeFileSync(path.join(stateFolder(clouds, away), 'health.sqlite'), readFileSync(historyFile()))
  const unreachable = await clouds.dominion(['status-page'], { environment: away })
  expect({ code: unreachable.code, stdout: unreachable.stdout }).toEqual({ code: 3, stdout: '' })
  const file = path.join(work.folder, 'status.html')
  const written = await clouds.dominion(['status-page', '--out', file], { environment: away })
  expect(written.code, written.stderr).toBe(0)
  expect(readFileSync(file, 'utf8')).toContain('<h1 id="state">')
  const nowhere = await publish('--out', path.join(work.folder, 'none', 'status.html'))
  expect(nowhere.code).toBe(2)
  expect(readdirSync(work.folder)).toEqual(['status.html'])
}, 120_000)

test('remove lists it and removes it', async () => {
  // What another environment names stays, and all of these name this site.
  clouds.withdraw()
  const removed = await clouds.dominion(['remove', '--skip-azure', `--confirm=${domain}`])
  expect(removed.code, removed.stderr).toBe(0)
  expect(removed.stderr).toMatch(/releases? of the pages, status page/)
  expect((await trySsh(clouds, `ls ${site}`)).code).not.toBe(0)
  clouds.variant('small', { DASHBOARD_DIR: dashboard })
  expect((await publish()).code).toBe(1)
}, 120_000)
