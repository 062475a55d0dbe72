import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createCertificate } from '../support/certificate.ts'
import { createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { openBrowser } from '../support/system/browser.ts'
import { pollHealth, runHealth } from '../support/system/checks.ts'
import { getLeastContrast } from '../support/system/contrast.ts'
import { stateFolder } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { createVisitor, ssh } from '../support/system/site.ts'

/* Maintenance that is announced to visitors and known to our own checks. */

const domain = 'codexdominion.app'
const work = createWorkFolder('dominion-maintenance')
const message = 'New <i>councils</i> & more. Come back for tea.'
let clouds: Rehearsal
let environment: string
let values: Record<string, string>
let get: ReturnType<typeof createVisitor>

beforeAll(async () => {
  clouds = await startRehearsal('sys-maintenance')
  get = createVisitor(clouds)
  // Only the verdicts are tested, and this machine is busy.
  values = {
    DASHBOARD_DIR: smallDashboard(work.folder),
    HEALTH_STATIC_MS: '8000,9000',
    HEALTH_API_MS: '8000,9000',
  }
  environment = clouds.variant('small', values)
  const done = await clouds.dominion(['deploy-complete'], { environment })
  expect(done.code, done.stderr).toBe(0)
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const mode = (...flags: string[]) => clouds.dominion(['maintenance-mode', ...flags], { environment })
const live = () => ssh(clouds, `readlink /var/www/${domain}/current`)

test('on: from one moment, every request gets the page or its JSON, never half of one', async () => {
  const before = await live()
  const answers: string[] = []
  let asking = true
  const visits = Promise.all(
    ['/page-1', '/api/workflows'].map(async (path) => {
      while (asking) {
        const { status, headers, body } = await get(path)
        const whole = status === 503 ? body.includes('for tea.') && headers['retry-after'] : body.length > 0
        answers.push(`${path} ${status} ${whole ? 'whole' : 'half'}`)
        await pause(20)
      }
    }),
  )
  const { code, stderr } = await mode('on', '--message', message, '--until', '2h')
  expect(code, stderr).toBe(0)
  await pause(200)
  asking = false
  await visits
  expect(new Set(answers)).toEqual(
    new Set([
      ...['/page-1 200 whole', '/page-1 503 whole'],
      ...['/api/workflows 200 whole', '/api/workflows 503 whole'],
    ]),
  )
  for (const path of ['/page-1', '/api/workflows']) {
    const statuses = answers.filter((answer) => answer.startsWith(path))
    expect(statuses.lastIndexOf(`${path} 200 whole`)).toBeLessThan(statuses.indexOf(`${path} 503 whole`))
  }
  expect(await live()).toBe(before)
})

test('what visitors, programs, the CA and our own checks get in the meantime', async () => {
  const [page, api, posted] = [
    await get('/page-1'),
    await get('/api/workflows'),
    await get('/api/workflows/run', { method: 'POST', body: '{}' }),
  ]
  expect(page.body).toContain('New &lt;i&gt;councils&lt;/i&gt; &amp; more.')
  for (const { status, headers } of [page, api, posted]) {
    expect(status).toBe(503)
    const wait = Date.parse(String(headers['retry-after'])) - Date.now()
    expect(wait).toBeGreaterThan(110 * 60_000)
    expect(wait).toBeLessThan(121 * 60_000)
    expect(headers['cache-control']).toBe('no-store')
    const policy = headers === page.headers ? "default-src 'self'" : "default-src 'none'"
    expect(headers['content-security-policy']).toContain(policy)
  }
  expect(JSON.parse(posted.body)).toMatchObject({ error: message, status: 503, maintenance: true })
  await ssh(clouds, 'printf token > /var/www/_acme/.well-known/acme-challenge/test')
  expect((await get(`http://${domain}/.well-known/acme-challenge/test`)).body).toBe('token')
  expect(JSON.parse((await get('/_dominion/health')).body).status).toBe('ok')
})

test('the page on a phone and on a desk, by day and by night', async () => {
  const { certificate } = await get('/', { method: 'HEAD' })
  const key = new X509Certificate(certificate!.raw).publicKey.export({ type: 'spki', format: 'der' })
  const browser = await openBrowser({
    hosts: [domain],
    address: clouds.state.vps,
    spki: createHash('sha256').update(key).digest('base64'),
  })
  try {
    await browser.open(`https://${domain}/page-1`)
    for (const width of [375, 1280]) {
      for (const dark of [false, true]) {
        const picture = await browser.lookAs({ width, dark })
        expect(picture.readUInt32BE(16), 'width of the PNG').toBe(width)
        expect(await browser.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0)
        expect(
          await browser.evaluate<number>(getLeastContrast('h1, p, button, time')),
          `${width} dark=${dark}`,
        ).toBeGreaterThan(4.5)
        const brightness = await browser.evaluate<number>(
          'getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((sum, each) => sum + +each, 0)',
        )
        expect(brightness > 380).toBe(!dark)
      }
    }
    expect(await browser.evaluate("document.querySelector('h1').innerText")).toBe('We will be back soon')
    await mode('off')
    await browser.evaluate("document.querySelector('button').click()")
    await browser.until("document.querySelector('h1').innerText === 'page-1'", 10_000)
    await mode('on', '--message', message, '--until', '2h')
  } finally {
    await browser.close()
  }
})

test('configure-nginx and a deploy leave it on; the deploy says what it could not see', async () => {
  const configured = await clouds.dominion(['configure-nginx'], { environment })
  expect(configured.code, configured.stderr).toBe(0)
  const { code, stderr } = await clouds.dominion(['deploy-complete'], { environment })
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(
    /Verify: ok, planned maintenance since \S+ by \S+, announced until \S+: \d+ checks; 8 more/,
  )
  expect((await get('/page-1')).status).toBe(503)
})

test('a fault during maintenance is still a fault', async () => {
  await clouds.control(`/postgres/${clouds.config.postgres.server}/stop`)
  const { code, stderr } = await clouds.dominion(['deploy-complete', '--skip-azure'], { environment })
  const failed = await clouds.dominion(['update-backend'], { environment })
  await clouds.control(`/postgres/${clouds.config.postgres.server}/start`)
  expect(code, stderr).toBe(0)
  expect(failed.code).toBe(1)
  expect(failed.stderr).toMatch(/served-backend: the backend answers 503 through the site/)
})

test('status, the same again, a new message, off', async () => {
  const status = JSON.parse((await mode('status', '--json')).stdout)
  expect(status).toMatchObject({ on: true, maintenance: { message }, site: { status: 503 }, unknown: [] })
  expect((await mode('on')).stdout).toMatch(/^Nothing to do/)
  const other = await mode('on', '--message', 'Later.', '--dry-run')
  expect(other.stdout).toContain(`message: ${message} → Later.`)
  const off = await mode('off', '--json')
  expect(JSON.parse(off.stdout)).toMatchObject({ ok: true, changed: true })
  expect([(await get('/page-1')).status, (await get('/api/workflows')).status]).toEqual([200, 200])
  expect((await mode('off')).stdout).toMatch(/^Nothing to do/)
  expect(JSON.parse((await mode('status', '--json')).stdout)).toMatchObject({ on: false, maintenance: null })
})

test('invalid messages and a silent VPS', async () => {
  const [past, none, misplaced] = await Promise.all([
    mode('on', '--until', '2020-01-01T00:00Z'),
    mode(),
    mode('off', '--message', 'x'),
  ])
  expect([past.code, none.code, misplaced.code]).toEqual([2, 2, 2])
  expect(past.stderr).toContain('--until=2020-01-01T00:00Z is in the past')
  const silent = clouds.variant('silent', { IONOS_PORT: '2' })
  const asked = await clouds.dominion(['maintenance-mode', 'status', '--json'], { environment: silent })
  expect(asked.code).toBe(3)
  expect(JSON.parse(asked.stdout)).toMatchObject({ ok: false, on: null, site: { status: 200 } })
})

/* What could mislead a health check: a third party that answers in place of others, a run that changed nothing. */

const atOnce = ['--fail-after', '1', '--recover-after', '1']
const look = (environment: string, ...args: string[]) => runHealth(clouds, environment, [...args, ...atOnce])
const control = async (route: string, body?: object) => {
  const { status } = await clouds.control(route, body)
  expect(status).toBeLessThan(300)
}

test('a captive portal accepts every connection: this network is down, and nothing is known of the site', async () => {
  const portal = createServer(createCertificate(work.folder, ['portal.test', 'localhost', '127.0.0.1']))
  portal.on('tlsClientError', () => {})
  portal.listen(0, '127.0.0.1')
  await once(portal, 'listening')
  const { port } = portal.address() as AddressInfo
  const targets = (scheme: string) => `${scheme}127.0.0.1:${port},${scheme}localhost:${port}`
  const behind = clouds.variant('behind', { ...values, HEALTH_NEUTRAL_TARGETS: targets('') })
  const trusting = clouds.variant('trusting', { ...values, HEALTH_NEUTRAL_TARGETS: targets('tcp://') })
  await control('/network', { cut: true })
  try {
    const seen = await look(behind, '--quick')
    expect(seen).toMatchObject({ exitCode: 3, verdict: 'UNKNOWN', excluded: 'network' })
    expect(seen.line).toMatch(
      /^UNKNOWN - this machine's network is down or intercepted \(.*self-signed certificate/,
    )
    // A target that only needs a connection gets one.
    expect(await look(trusting, '--quick')).toMatchObject({ exitCode: 2, verdict: 'CRITICAL' })
  } finally {
    await control('/network', { cut: false })
    portal.close()
  }
})

test('the neutral targets show their certificates: an outage is one', async () => {
  await pollHealth(
    () => look(environment, '--quick'),
    ({ exitCode }) => exitCode === 0,
  )
  await ssh(clouds, 'systemctl stop nginx')
  try {
    const seen = await look(environment, '--quick', '--only', 'static')
    expect(seen.line).toMatch(/^CRITICAL - .*\bstatic\b.*ECONNREFUSED/)
    expect(seen).toMatchObject({ exitCode: 2, news: 'problem' })
    const transcripts = path.join(stateFolder(clouds, environment), 'transcripts-health')
    const last = readdirSync(transcripts).sort().at(-1)!
    const dials = readFileSync(path.join(transcripts, last), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; line: string; error?: string })
      .filter(({ kind }) => kind === 'dial')
    expect(dials.map(({ line, error }) => [line, error]).sort()).toEqual(
      clouds.config.health.neutralTargets.map((target) => [`tls://${target}`, undefined]).sort(),
    )
  } finally {
    await ssh(clouds, 'systemctl start nginx')
  }
  await pollHealth(
    () => look(environment, '--quick'),
    ({ exitCode }) => exitCode === 0,
  )
})

test('a run that failed before it changed anything hides no outage', async () => {
  // Receipts are read from the state folder of the environment that runs the check.
  const lost = clouds.variant('lost', {
    ...values,
    IONOS_PUBLIC_IP: '192.0.2.7',
    IONOS_DNS_KEY: 'public.secret',
    IONOS_DNS_API: 'http://127.0.0.1:9/dns',
  })
  await control('/containers/codex-backend/stop')
  try {
    const failed = await clouds.dominion(['point-dns'], { environment: lost })
    expect(failed.code, failed.stderr).not.toBe(0)
    expect(failed.stderr).toContain('127.0.0.1:9')
    const receipts = path.join(stateFolder(clouds, lost), 'receipts')
    expect(readdirSync(receipts)).toEqual([expect.stringContaining('-point-dns-')])
    const seen = await look(lost, '--quick', '--only', 'api')
    expect(seen.line).toMatch(/^CRITICAL - .*\bapi\b/)
    expect(seen).toMatchObject({ exitCode: 2, news: 'problem' })
    expect(seen.excluded).toBeUndefined()
  } finally {
    await control('/containers/codex-backend/start')
  }
})
