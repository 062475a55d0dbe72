import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { connect as connectHttp2, constants } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostile, received, startBackend } from '../support/system/echoBackend.ts'
import { rememberBackend } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { expectFewAttempts, expectOnlySessionCookies } from '../support/system/sessionCookies.ts'
import { createContent, createVisitor, smallDashboard, ssh } from '../support/system/site.ts'

const domain = 'codexdominion.app'
const api = 'codex-api.0123456789abcdef.eastus.azurecontainer.io'
const broken = '/etc/nginx/conf.d/broken.conf'

let clouds: Rehearsal
let dashboard: string
let environment: string
let backend: Server
let hostAddress: string
let get: ReturnType<typeof createVisitor>
/** When the backend's name got another address; each worker of nginx may use the old one for another 10 s. */
let moved = 0

beforeAll(async () => {
  clouds = await startRehearsal('test-nginx')
  get = createVisitor(clouds)
  hostAddress = clouds.config.network.dnsServer
  backend = startBackend().listen(5000, hostAddress)
  await once(backend, 'listening')
  await clouds.control('/dns', { name: api, a: [hostAddress] })
  dashboard = smallDashboard(createContent(3, 'face'))
  environment = clouds.variant('face', { DASHBOARD_DIR: dashboard })
  rememberBackend(clouds, environment, api)
  for (const script of ['setup-server', 'publish-frontend', 'issue-certificate']) {
    const done = await clouds.dominion([script], { environment })
    expect(done.code, done.stderr).toBe(0)
  }
})

afterAll(async () => {
  backend?.closeAllConnections()
  backend?.close()
  await clouds?.down()
  if (dashboard) rmSync(dashboard, { recursive: true, force: true })
})

const apiStatus = async () => (await get('/api/workflows')).status
const configure = () => clouds.dominion(['configure-nginx'], { environment })
const current = async () => (await ssh(clouds, `readlink /etc/nginx/dominion/${domain}/current`)).trim()

test('pages, their redirects and missing pages', async () => {
  expect((await get('/p1')).body).toContain('<title>p1</title>')
  expect((await get('/')).body).toContain('<title>index</title>')
  const plain = await get(`http://${domain}/p1?a=1&b=%20`)
  expect([plain.status, plain.headers.location]).toEqual([301, `https://${domain}/p1?a=1&b=%20`])
  const www = await get(`https://www.${domain}/p1?a=1`)
  expect([www.status, www.headers.location]).toEqual([301, `https://${domain}/p1?a=1`])
  const slash = await get('/p1/?a=1')
  expect([slash.status, slash.headers.location]).toEqual([
    308,
    expect.stringMatching(/^(https:\/\/[^/]+)?\/p1\?a=1$/),
  ])
  await ssh(clouds, `touch /var/www/${domain}/current/_next/static/.env`)
  const hidden = ['/.git/config', '/_next/static/.env']
  for (const path of ['/nope', '/_next/static/chunks/nope.js', '/_next', '/release.json/x', ...hidden]) {
    expect((await get(path)).status, path).toBe(404)
  }
  expect((await get('/nope')).body).toContain('<title>Not found</title>')
})

test('every answer carries the security headers, and none names a version', async () => {
  const api = ['/api/anything', '/_dominion/health']
  for (const path of ['/', '/p1', '/nope', '/_next/static/chunks/nope.js', '/p1/', ...api]) {
    const { headers } = await get(path)
    expect(headers['strict-transport-security'], path).toMatch(/max-age=31536000/)
    expect(headers['x-content-type-options'], path).toBe('nosniff')
    expect(headers['x-frame-options'], path).toBe('DENY')
    expect(headers['referrer-policy'], path).toBe('strict-origin-when-cross-origin')
    expect(headers['content-security-policy'], path).toMatch(
      api.includes(path) ? /^default-src 'none'; frame-ancestors 'none'; sandbox$/ : /^default-src 'self'/,
    )
    expect(headers['permissions-policy'], path).toContain('camera=()')
    expect(headers.server, path).toBe('nginx')
    expect(headers['x-powered-by'], path).toBeUndefined()
  }
})

test('only hashed assets are immutable, and text travels compressed', async () => {
  const page = await get('/p1')
  expect(page.headers['cache-control']).toBe('no-cache')
  expect((await get('/nope')).headers['cache-control']).toBe('no-cache')
  const asset = [...page.body.matchAll(/src="(\/_next\/static\/[^"]+)"/g)].at(-1)![1]!
  const answer = await get(asset)
  expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable')
  expect((await get('/_next/static/chunks/nope.js')).headers['cache-control'] ?? '').not.toContain(
    'immutable',
  )
  const zipped = await get(asset, { headers: { 'accept-encoding': 'gzip' } })
  expect([zipped.headers['content-encoding'], zipped.headers.vary]).toEqual(['gzip', 'Accept-Encoding'])
  // The file that was published, not one that nginx compressed on the fly.
  const stored = await ssh(clouds, `stat -c %s /var/www/${domain}/current${asset}.gz`)
  expect(Number(zipped.headers['content-length'])).toBe(Number(stored))
  const bytes = Buffer.from(await ssh(clouds, `base64 -w0 /var/www/${domain}/current${asset}.gz`), 'base64')
  expect(gunzipSync(bytes).toString()).toBe(answer.body)
})

test('HTTP/2 works; hosts that are not ours get nothing', async () => {
  const ca = readFileSync(clouds.config.network.caFile)
  const session = connectHttp2(`https://${domain}`, { ca, lookup: toVps, servername: domain } as never)
  const request = session.request({ [constants.HTTP2_HEADER_PATH]: '/p1' })
  const [headers] = (await once(request, 'response')) as [Record<string, number>]
  session.destroy()
  expect(headers[':status']).toBe(200)
  const stranger = connect({
    host: clouds.state.vps,
    port: 443,
    servername: 'example.com',
    rejectUnauthorized: false,
  })
  const [error] = (await once(stranger, 'error')) as [Error]
  expect(error.message).toMatch(/unrecognized name|alert/i)
  const byAddress = get(`http://${clouds.state.vps}/`)
  await expect(byAddress).rejects.toThrow(/socket hang up|ECONNRESET/)
})

function toVps(_name: string, options: { all?: boolean }, done: (...values: unknown[]) => void): void {
  if (options.all) done(null, [{ address: clouds.state.vps, family: 4 }])
  else done(null, clouds.state.vps, 4)
}

test('the API gets the whole request and the address of its sender', async () => {
  received.length = 0
  const answer = await get('/api/workflows?x=%2F&y=1', {
    ...{ method: 'POST', body: 'x'.repeat(1_000_000) },
    headers: { authorization: 'Bearer 0123', forwarded: 'for=192.0.2.1;host=evil.example' },
  })
  expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { bytes: 1_000_000 }])
  const [{ url, headers }] = received as [(typeof received)[0]]
  expect(url).toBe('/api/workflows?x=%2F&y=1')
  expect(headers).toMatchObject({
    host: domain,
    authorization: 'Bearer 0123',
    'x-forwarded-for': hostAddress,
    'x-real-ip': hostAddress,
    'x-forwarded-proto': 'https',
    'x-forwarded-host': domain,
    'x-forwarded-port': '443',
  })
  expect(headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
  expect(headers.forwarded).toBeUndefined()
  received.length = 0
  const large = await get('/api/upload', { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) })
  expect([large.status, JSON.parse(large.body).status, received]).toEqual([413, 413, []])
})

test('a hostile backend cannot steer the site', async () => {
  const answer = await get('/api/hostile')
  expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { bytes: 0 }])
  for (const name of Object.keys(hostile)) {
    if (!/^content-/.test(name)) expect(answer.headers[name], name).toBeUndefined()
  }
  expect(answer.headers['content-security-policy']).toBe(
    "default-src 'none'; frame-ancestors 'none'; sandbox",
  )
  expect(answer.headers['content-security-policy-report-only']).toBeUndefined()
  expect(answer.headers['x-content-type-options']).toBe('nosniff')
  await expectOnlySessionCookies(get)
  await expectFewAttempts(get)
})

test('an answer to a request with a credential is never stored', async () => {
  expect((await get('/api/cacheable')).headers['cache-control']).toBe('public, max-age=600')
  const authorized = await get('/api/cacheable', { headers: { authorization: 'Bearer 0123' } })
  expect(authorized.headers['cache-control']).toBe('no-store')
  expect((await get('/api/anything')).headers['cache-control']).toBeUndefined()
})

test('a flood from one address is limited, and others are served', async () => {
  received.length = 0
  const flood = Promise.all(Array.from({ length: 200 }, () => get('/api/x', { method: 'POST', body: '{}' })))
  // From another address: the VPS sends the request to itself.
  const honest = await ssh(
    clouds,
    `for n in 1 2 3 4 5; do python3 -c 'import ssl, urllib.request as r
c = ssl._create_unverified_context()
q = r.Request("https://${domain}/api/x", b"{}", {"Content-Type": "application/json"})
print(r.urlopen(q, context=c, timeout=5).status)'; done`,
  )
  expect(honest.trim().split('\n')).toEqual(Array(5).fill('200'))
  const answers = await flood
  const refused = answers.filter(({ status }) => status === 429)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]))
  console.log(`${refused.length} of 200 POSTs were refused`)
  expect(refused.length).toBeGreaterThan(120)
  expect(received.length).toBeLessThan(80 + 5)
  const [{ headers, body }] = refused as [(typeof refused)[0]]
  expect(JSON.parse(body)).toEqual({ error: 'Too many requests from this address.', status: 429 })
  expect([headers['retry-after'], headers['cache-control']]).toEqual(['10', 'no-store'])
  expect(headers['content-security-policy']).toContain('sandbox')
  // Reads have a separate limit, and pages have none.
  expect((await get('/api/x')).status).toBe(200)
  expect((await get('/p1')).status).toBe(200)
})

test('24 readers behind one address at human speed never reach a limit', async () => {
  const until = Date.now() + 5000
  const statuses = new Map<number, number>()
  const read = async () => {
    while (Date.now() < until) {
      const { status } = await get('/api/workflows')
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
  }
  await Promise.all(Array.from({ length: 24 }, read))
  console.log(`${statuses.get(200)} answers in 5 s`)
  expect([...statuses.keys()]).toEqual([200])
})

test('bodies and headers that do not arrive are not waited for', async () => {
  const stalled = async (text: string) => {
    const ca = readFileSync(clouds.config.network.caFile)
    const socket = connect({ host: clouds.state.vps, port: 443, servername: domain, ca })
    await once(socket, 'secureConnect')
    const started = Date.now()
    socket.on('error', () => {})
    socket.resume()
    socket.write(text)
    await once(socket, 'close')
    return Date.now() - started
  }
  const head = `POST /api/x HTTP/1.1\r\nHost: ${domain}\r\n`
  const [body, header] = await Promise.all([
    stalled(`${head}Content-Length: 1000\r\n\r\nhalf`),
    stalled(head),
  ])
  console.log(`cut after ${body} ms (body), ${header} ms (header)`)
  for (const ms of [body, header]) {
    expect(ms).toBeGreaterThan(8000)
    expect(ms).toBeLessThan(15_000)
  }
})

test('a second site on the same VPS is refused before anything changes', async () => {
  const second = clouds.variant('second', { DOMAIN: 'second.app' })
  const state = () => ssh(clouds, 'find /etc/nginx -printf "%p %l %T@\\n" | sort')
  const before = await state()
  for (const flags of [[], ['--dry-run']]) {
    const done = await clouds.dominion(['configure-nginx', ...flags], { environment: second })
    expect(done.code).toBe(2)
    expect(done.stderr + done.stdout).toContain(`already serves ${domain}, so nginx cannot serve second.app`)
  }
  expect(await state()).toBe(before)
  clouds.withdraw(second)
})

test('a stopped backend gives an answer in JSON, and the pages stay', async () => {
  backend.closeAllConnections()
  await new Promise((resolve) => backend.close(resolve))
  const down = await get('/api/workflows')
  expect(down.status).toBe(502)
  expect(down.headers['content-type']).toContain('application/json')
  expect(down.headers['cache-control']).toBe('no-store')
  expect(down.headers['retry-after']).toBe('10')
  expect(JSON.parse(down.body)).toEqual({ error: 'The backend cannot be reached.', status: 502 })
  expect((await get('/p1')).status).toBe(200)
  backend = startBackend().listen(5000, hostAddress)
  await once(backend, 'listening')
  expect((await get('/api/workflows')).status).toBe(200)
})

test("the addresses for our own checks: the served release, and the backend's health through nginx", async () => {
  const live = (await ssh(clouds, `readlink /var/www/${domain}/current`)).trim()
  expect(`releases/${JSON.parse((await get('/_dominion/release.json')).body).id}`).toBe(live)
  const health = await get('/_dominion/health?a=1')
  expect([health.status, received.at(-1)?.url]).toEqual([200, '/health?a=1'])
  for (const path of ['/_dominion/maintenance.html', '/_dominion/maintenance.json', '/_dominion/nope']) {
    expect((await get(path)).status, path).toBe(404)
  }
})

test('a backend whose address moves is followed without a reload', async () => {
  const [other] = (await ssh(clouds, 'getent ahostsv4 acme.rehearsal.test')).split(' ') as [string]
  const workers = () => ssh(clouds, 'pgrep -f "^nginx: worker" | sort')
  const before = await workers()
  backend.closeAllConnections()
  await new Promise((resolve) => backend.close(resolve))
  backend = startBackend().listen(5000, other)
  await once(backend, 'listening')
  await clouds.control('/dns', { name: api, a: [other] })
  moved = Date.now()
  await expect.poll(apiStatus, { timeout: 20_000, interval: 200 }).toBe(200)
  console.log(`the moved backend was found after ${Date.now() - moved} ms`)
  expect(await workers()).toBe(before)
})

test('a dead name server of the VPS is left out of nginx, and doctor names it', async () => {
  expect((await clouds.control('/vps', { name: 'nameserver' })).status).toBe(204)
  const done = await configure()
  expect(done.code, done.stderr).toBe(0)
  expect(await ssh(clouds, `grep ^resolver /etc/nginx/dominion/${domain}/current/proxy.conf`)).toBe(
    `resolver ${hostAddress} valid=10s ipv6=off;\nresolver_timeout 12s;\n`,
  )
  expect((await configure()).stdout).toContain('Nothing to do')
  const doctor = await clouds.dominion(['doctor', '--only', 'vps'], { environment })
  expect(doctor.stdout).toContain(`no answer from 192.0.2.1; nginx is configured to ask only ${hostAddress}`)
  await expect.poll(apiStatus, { timeout: 20_000 }).toBe(200)
  await pause(Math.max(0, moved + 11_000 - Date.now()))
  const answers: number[] = []
  // Longer than nginx keeps an address (valid=10s).
  for (let tries = 0; tries < 125; tries++) {
    answers.push((await get('/api/workflows')).status)
    await pause(100)
  }
  expect(answers.filter((status) => status !== 200)).toEqual([])
  await clouds.control('/vps', { name: 'nameserver', on: false })
  expect((await configure()).stdout).toContain('Nothing to do')
  const again = await clouds.dominion(['doctor', '--only', 'vps'], { environment })
  expect(again.stdout).not.toContain('192.0.2.1')
})

test('a VPS with IPv6 serves the site on it, too; one without IPv6 serves it on IPv4 alone', async () => {
  const own = '2001:db8:213::5'
  await ssh(
    clouds,
    `ip -6 address add ${own}/64 dev eth0 nodad && apt-get -q install -y curl ca-certificates`,
  )
  const trusted = Buffer.from(readFileSync(clouds.config.network.caFile)).toString('base64')
  await ssh(clouds, `echo ${trusted} | base64 -d > /root/trusted.pem`)
  const over6 = (url: string) => {
    const names = [domain, `www.${domain}`].flatMap((name) => [`${name}:80:[${own}]`, `${name}:443:[${own}]`])
    const to = names.map((name) => `--resolve '${name}'`).join(' ')
    return ssh(
      clouds,
      `curl -sS -6 --cacert /root/trusted.pem ${to} -o /dev/null -w '%{http_code} %{remote_ip} %{redirect_url}' '${url}'`,
    )
  }
  expect(await over6(`https://${domain}/p1`)).toBe(`200 ${own} `)
  expect(await over6(`http://${domain}/p1?a=1`)).toBe(`301 ${own} https://${domain}/p1?a=1`)
  expect(await over6(`https://www.${domain}/p1`)).toBe(`301 ${own} https://${domain}/p1`)
  const token = '/.well-known/acme-challenge/ipv6'
  await ssh(clouds, `echo token > /var/www/_acme${token}`)
  expect(await over6(`http://${domain}${token}`)).toBe(`200 ${own} `)
  expect((await configure()).stdout).toContain('Nothing to do')

  await ssh(clouds, 'sysctl -q -w net.ipv6.conf.all.disable_ipv6=1')
  const done = await configure()
  expect(done.code, done.stderr).toBe(0)
  expect(done.stderr).toContain('site.conf differs')
  expect(await ssh(clouds, 'ss -Hltn')).not.toMatch(/\[::\]:(80|443)\b/)
  await ssh(clouds, 'nginx -t -q && systemctl restart nginx')
  expect((await get('/p1')).status).toBe(200)
  expect((await configure()).stdout).toContain('Nothing to do')
  await ssh(clouds, 'sysctl -q -w net.ipv6.conf.all.disable_ipv6=0')
  const plan = await clouds.dominion(['configure-nginx', '--dry-run', '--detailed-exitcode'], { environment })
  expect([plan.code, plan.stdout]).toEqual([2, expect.stringContaining('site.conf differs')])
  expect((await configure()).code).toBe(0)
})

test('another site’s file that nginx rejects: the old configuration is restored, and the same command works once it is fixed', async () => {
  const before = await current()
  await ssh(clouds, `echo 'bogus_directive on;' > ${broken}`)
  await ssh(clouds, `sed -i s/codex-api/no-such-api/ /etc/nginx/dominion/${domain}/current/backend.conf`)
  const done = await configure()
  expect(done.code).toBe(1)
  expect(done.stderr).toContain('every file was restored, but nginx rejects the previous configuration too')
  expect(done.stderr).toContain('Do it before nginx restarts')
  expect(done.stderr).toContain(`unknown directive "bogus_directive" in ${broken}`)
  expect(done.stderr).toMatch(/Transcript: .*\.jsonl/)
  expect(done.stderr).toContain(`Resume with: npx dominion configure-nginx --env ${environment}`)
  expect(await current()).toBe(before)
  expect((await get('/p1')).status).toBe(200)
  expect((await get('/api/workflows')).status).toBe(200)
  await ssh(clouds, `rm ${broken}`)
  expect((await configure()).code).toBe(0)
  expect(await current()).not.toBe(before)
})

test('a backend name that does not resolve stops neither nginx nor the pages', async () => {
  expect((await get('/api/workflows')).status).toBe(502)
  await ssh(clouds, 'nginx -t -q && systemctl restart nginx')
  expect((await get('/p1')).status).toBe(200)
  const down = await get('/api/workflows')
  expect([down.status, JSON.parse(down.body).error]).toEqual([502, 'The backend cannot be reached.'])
  // The name becomes resolvable: no reload is needed.
  const { address } = backend.address() as AddressInfo
  await clouds.control('/dns', { name: api.replace('codex', 'no-such'), a: [address] })
  await expect.poll(apiStatus, { timeout: 20_000, interval: 250 }).toBe(200)
})
