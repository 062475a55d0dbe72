import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../lib/config/load.ts'
import { quoteLine } from '../../lib/shell/quote.ts'
import { certbotCommand } from '../../lib/vps/certificate.ts'
import { toSite } from '../support/helpers.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { createContent, createVisitor, smallDashboard, ssh } from '../support/system/site.ts'

const domain = 'codexdominion.app'
const elsewhere = '192.0.2.80'

let clouds: Rehearsal
let environment: string
let dashboard: string
let get: ReturnType<typeof createVisitor>

beforeAll(async () => {
  clouds = await startRehearsal('test-certificate')
  get = createVisitor(clouds)
  dashboard = smallDashboard(createContent(3, 'face'))
  environment = clouds.variant('face', { DASHBOARD_DIR: dashboard })
  for (const script of ['setup-server', 'publish-frontend']) {
    const done = await clouds.dominion([script], { environment })
    expect(done.code, done.stderr).toBe(0)
  }
})

afterAll(async () => {
  await clouds?.down()
  if (dashboard) rmSync(dashboard, { recursive: true, force: true })
})

const issue = (env = environment) => clouds.dominion(['issue-certificate'], { environment: env })
const pointDns = (env: string) => clouds.dominion(['point-dns'], { environment: env })
const setDns = async (a: string[], aaaa: string[] = []) => {
  for (const name of [domain, `www.${domain}`]) await control('/dns', { name, a, aaaa })
}
async function control(route: string, body: object = {}): Promise<void> {
  const answer = await clouds.control(route, body)
  expect(answer.ok, `${route}: ${answer.status}`).toBe(true)
}

/** How many requests the CA received since the last call: all of them, and the orders. */
let read = 0
function askedOfCa(): { requests: number; orders: number } {
  const log = readFileSync(path.join(clouds.folder, 'pebble', 'pebble.log'), 'utf8')
  const fresh = log.slice(read)
  read = log.length
  return {
    requests: fresh.match(/ (GET|HEAD|POST) \//g)?.length ?? 0,
    orders: fresh.match(/ POST \/order-plz/g)?.length ?? 0,
  }
}

/** Serial of the certificate that is served, and of the one that certbot stores. */
async function serials(): Promise<{ served: string | undefined; stored: string }> {
  const stored = await ssh(clouds, `openssl x509 -noout -serial -in /etc/letsencrypt/live/${domain}/cert.pem`)
  const { certificate } = await get('/', { method: 'HEAD' })
  return { served: certificate?.serialNumber, stored: stored.trim().replace('serial=', '') }
}

/**
 * Whether the earlier state is still served. Before a certificate exists, that is a 503 that asks visitors to be
 * patient.
 */
async function stillServes(status: number, url: string): Promise<void> {
  expect((await get(url)).status).toBe(status)
  await ssh(clouds, 'nginx -t -q')
}

test('DNS that points elsewhere is found before the CA is asked', async () => {
  await setDns([elsewhere])
  askedOfCa()
  const done = await issue()
  expect(done.code).toBe(1)
  expect(done.stderr).toContain('DNS does not point at the VPS, so no certificate was requested')
  for (const name of [domain, `www.${domain}`]) {
    expect(done.stderr).toContain(`${name} has A ${elsewhere}, wanted: A ${clouds.state.vps}`)
    expect(done.stderr).toContain(`${name}. A ${clouds.state.vps}`)
  }
  expect(done.stderr).toContain(`Resume with: npx dominion issue-certificate --env ${environment}`)
  expect(askedOfCa()).toEqual({ requests: 0, orders: 0 })
  await control('/dns', { name: `www.${domain}`, a: [] })
  const missing = await issue()
  expect(missing.stderr).toContain(`www.${domain} has no A record, wanted: A ${clouds.state.vps}`)
})

test('an AAAA record that is not the VPS is named, and every command gives the same verdict', async () => {
  await setDns([clouds.state.vps], ['2001:db8::80'])
  const message = `${domain} has AAAA 2001:db8::80, which does not belong to the VPS: delete it`
  const lines = [['issue-certificate'], ['point-dns'], ['doctor', '--only', 'dns']]
  for (const line of lines) {
    const done = await clouds.dominion(line, { environment })
    expect(done.code, line.join(' ')).toBe(1)
    expect(`${done.stdout}${done.stderr}`, line.join(' ')).toContain(message)
  }
  // The release that was just published explains every fault of health, so only its observation counts.
  const seen = await clouds.dominion(['health', '--quick', '--only', 'dns', '--json'], { environment })
  expect(seen.stdout).toContain(message)
  expect(askedOfCa()).toEqual({ requests: 0, orders: 0 })
  await setDns([elsewhere])
})

test('a key that IONOS refuses gives exit 4, and nothing is changed', async () => {
  const wrong = clouds.variant('wrong-key', { IONOS_DNS_KEY: 'prefix.not-the-secret' })
  const done = await pointDns(wrong)
  expect(done.code).toBe(4)
  expect(done.stderr).toContain('The IONOS DNS API refuses the key')
  expect(done.stderr).toContain('401')
  expect(done.stderr).toContain('IONOS_DNS_KEY')
  expect(`${done.stdout}${done.stderr}`).not.toContain('not-the-secret')
})

test('without a key the records to set by hand are listed, and the script fails', async () => {
  const done = await pointDns(environment)
  expect(done.code).toBe(1)
  expect(done.stderr).toContain(`${domain}. A ${clouds.state.vps}`)
  expect(done.stderr).toContain('IONOS_DNS_KEY')
})

test('with a key the two records are set by PATCH, all others stay, and the zone is saved', async () => {
  const keyed = clouds.variant('keyed', { IONOS_DNS_KEY: clouds.state.ionosDnsKey, DASHBOARD_DIR: dashboard })
  await fetch(`${clouds.state.controlUrl}/requests`, { method: 'DELETE' })
  const plan = await clouds.dominion(['point-dns', '--dry-run'], { environment: keyed })
  expect(plan.code, plan.stderr).toBe(0)
  expect(plan.stdout).toContain(`A ${domain}: ${elsewhere} → ${clouds.state.vps}`)
  expect(plan.stdout).toContain('PATCH https://api.hosting.ionos.com/dns/v1/zones/')
  const done = await pointDns(keyed)
  expect(done.code, done.stderr).toBe(0)
  expect(done.stderr).toContain(`both names point at ${clouds.state.vps}`)
  const { requests } = (await (await fetch(`${clouds.state.controlUrl}/requests`)).json()) as {
    requests: { method: string; host: string; path: string }[]
  }
  const changes = requests.filter(({ host, method }) => host === 'api.hosting.ionos.com' && method !== 'GET')
  expect(changes.map(({ method }) => method)).toEqual(['PATCH'])
  const folder = path.join(clouds.folder, 'state', keyed, 'dns')
  const [snapshot, ...more] = readdirSync(folder)
  expect(more).toEqual([])
  expect(statSync(path.join(folder, snapshot!)).mode & 0o777).toBe(0o600)
  const before = JSON.parse(readFileSync(path.join(folder, snapshot!), 'utf8'))
  const zone = await zoneNow(changes[0]!.path)
  const isOurs = (record: ZoneRecord) =>
    record.type === 'A' && [domain, `www.${domain}`].includes(record.name)
  expect(
    zone
      .filter(isOurs)
      .map(({ name, content }) => [name, content])
      .sort(),
  ).toEqual([
    [domain, clouds.state.vps],
    [`www.${domain}`, clouds.state.vps],
  ])
  const others = (records: ZoneRecord[]) => records.filter((record) => !isOurs(record))
  expect(others(zone)).toEqual(others(before.records))
  expect(
    others(zone)
      .map(({ type }) => type)
      .sort(),
  ).toEqual(['A', 'MX', 'TXT'])
  const again = await pointDns(keyed)
  expect(again.stdout).toContain('Nothing to do')
  expect(`${plan.stdout}${done.stderr}${readFileSync(path.join(folder, snapshot!))}`).not.toContain(
    clouds.state.ionosDnsKey,
  )
})

test('with a key exactly the stale AAAA records are deleted', async () => {
  const keyed = clouds.variant('keyed', { IONOS_DNS_KEY: clouds.state.ionosDnsKey, DASHBOARD_DIR: dashboard })
  const headers = { 'x-api-key': clouds.state.ionosDnsKey, 'content-type': 'application/json' }
  const zones = await get('https://api.hosting.ionos.com/dns/v1/zones', { headers })
  const place = `/dns/v1/zones/${JSON.parse(zones.body)[0].id}`
  const before = await zoneNow(place)
  const stale = [domain, `www.${domain}`, `status.${domain}`].map((name) => ({
    ...{ name, type: 'AAAA', content: '2001:db8::80' },
    ...{ ttl: 300, prio: 0, disabled: false },
  }))
  const added = await get(`https://api.hosting.ionos.com${place}/records`, {
    ...{ method: 'POST', headers, body: JSON.stringify(stale) },
  })
  expect(added.status, added.body).toBe(201)
  const [apex, www, status] = JSON.parse(added.body)
  const plan = await clouds.dominion(['point-dns', '--dry-run'], { environment: keyed })
  for (const { name, id } of [apex, www]) {
    expect(plan.stdout).toContain(`AAAA ${name}: 2001:db8::80 → none (record ${id})`)
    expect(plan.stdout).toContain(`DELETE https://api.hosting.ionos.com${place}/records/${id}`)
  }
  expect(plan.stdout).not.toContain(status.id)
  expect(plan.stdout).not.toContain('PATCH')
  const done = await pointDns(keyed)
  expect(done.code, done.stderr).toBe(0)
  const sorted = (records: object[]) => records.map((record) => JSON.stringify(record)).sort()
  expect(sorted(await zoneNow(place))).toEqual(sorted([...before, status]))
  expect((await pointDns(keyed)).stdout).toContain('Nothing to do')
})

interface ZoneRecord {
  name: string
  type: string
  content: string
}

async function zoneNow(address: string): Promise<ZoneRecord[]> {
  const answer = await get(`https://api.hosting.ionos.com${address}`, {
    headers: { 'x-api-key': clouds.state.ionosDnsKey },
  })
  return JSON.parse(answer.body).records
}

test('a CA that is down: its message is shown, and the site is unchanged', async () => {
  await control('/ca/stop')
  const done = await issue()
  await control('/ca/start')
  expect(done.code).toBe(1)
  expect(done.stderr).toContain('The CA did not issue the certificate; the site is unchanged')
  expect(done.stderr).toMatch(/Connection refused|Failed to establish a new connection/)
  await stillServes(503, `http://${domain}/`)
})

test('a failing validation: the message of the CA, which is asked once', async () => {
  await control('/ca/mislead', { name: domain, addresses: [clouds.state.vps.replace(/\d+$/, '253')] })
  askedOfCa()
  const done = await issue()
  await control('/ca/mislead', { name: domain })
  expect(done.code).toBe(1)
  expect(done.stderr).toMatch(/Detail: .*(Timeout|no route|Connection|connect)/i)
  expect(done.stderr).toContain('tried only once')
  expect(askedOfCa().orders).toBe(1)
  await stillServes(503, `http://${domain}/`)
})

test('a CA that refuses the name, and one that has lost the account: each is explained', async () => {
  await control('/ca/refuse', { names: [domain] })
  askedOfCa()
  const forgotten = await issue()
  expect(forgotten.code).toBe(1)
  const line = /On the VPS: (rm -r \S+), then run this command again/.exec(forgotten.stderr)?.[1]
  expect(line, forgotten.stderr).toBeDefined()
  await ssh(clouds, line!)
  askedOfCa()
  const done = await issue()
  expect(done.code).toBe(1)
  expect(done.stderr).toMatch(/Order included an identifier for which issuance is forbidden by policy/i)
  expect(askedOfCa().orders).toBe(1)
  await stillServes(503, `http://${domain}/`)
  await control('/ca/refuse', { names: [] })
  await ssh(clouds, line!)
})

const inBackground = (line: string, log = '/dev/null') => `setsid -f ${line} < /dev/null > ${log} 2>&1`

/** Runs issue-certificate, and this line on the VPS as soon as it reports that it waits. */
async function issueWhileWaiting(line: string) {
  let released: Promise<unknown> | undefined
  const done = await clouds.dominion(['issue-certificate'], {
    environment,
    onOutput: (chunk) => {
      if (/waiting at most .* for another certbot/.test(chunk)) released ??= ssh(clouds, line)
    },
  })
  await released
  return done
}

test('with all causes fixed, the same command waits for another certbot, then issues the certificate and serves it', async () => {
  // The lock as certbot takes it: fcntl.lockf.
  const holder =
    'import fcntl, os, time; f = open("/etc/letsencrypt/.certbot.lock", "w"); fcntl.lockf(f, fcntl.LOCK_EX); open("/run/holder.pid", "w").write(str(os.getpid())); time.sleep(300)'
  await ssh(
    clouds,
    `${inBackground(`python3 -c '${holder}'`)}; until [ -s /run/holder.pid ]; do sleep 0.1; done`,
  )
  const done = await issueWhileWaiting('kill $(cat /run/holder.pid)')
  expect(done.code, done.stderr).toBe(0)
  expect(done.stderr).toMatch(
    /waiting at most (10 min|9 min \d+ s) for another certbot on the VPS to end \(process \d+: python3 -c/,
  )
  get = createVisitor(clouds) // The CA has a new root since its restart.
  const { status, certificate } = await get('/')
  expect(status).toBe(200)
  expect(certificate?.subjectaltname).toBe(`DNS:${domain}, DNS:www.${domain}`)
  expect((await issue()).stdout).toContain('Nothing to do')
})

test('a renewed certificate is served at once: the hook reloads nginx', async () => {
  const before = await serials()
  expect(before.served).toBe(before.stored)
  await ssh(clouds, `certbot renew --force-renewal --cert-name ${domain} --no-random-sleep-on-renew`)
  let after = await serials()
  for (let tries = 0; after.served !== after.stored && tries < 20; tries++) {
    await pause(100)
    after = await serials()
  }
  expect(after.stored).not.toBe(before.stored)
  expect(after.served).toBe(after.stored)
})

test('the certificate that a leftover certbot obtained is not requested again', async () => {
  const config = await loadConfig(process.cwd(), environment)
  // Only one of the names remains: the next run has to request a certificate.
  const lacking = ['certonly', '--webroot', '-w', '/var/www/_acme', '--cert-name', domain, '-d', domain]
  await ssh(
    clouds,
    `certbot --non-interactive --renew-with-new-domains --server ${config.acme.server} ${lacking.join(' ')}`,
  )
  const command = quoteLine(certbotCommand(toSite(config), false).argv as string[])
  const orphan = `${command} --pre-hook "sh -c 'until [ -e /run/go ]; do sleep 0.1; done'"`
  const lock = '/etc/letsencrypt/.certbot.lock'
  await ssh(clouds, `${inBackground(orphan, '/root/orphan.log')}; until [ -e ${lock} ]; do sleep 0.1; done`)
  askedOfCa()
  const done = await issueWhileWaiting('touch /run/go')
  expect(done.code, `${done.stderr}${await ssh(clouds, 'cat /root/orphan.log')}`).toBe(0)
  expect(done.stderr).toMatch(/\(process \d+: \S*python3 \S*certbot certonly/)
  expect(done.stderr).toContain('the other certbot obtained the certificate; the CA is not contacted again')
  expect(askedOfCa().orders).toBe(1)
  await ssh(clouds, `sed -i /^pre_hook/d /etc/letsencrypt/renewal/${domain}.conf`)
  expect((await issue()).stdout).toContain('Nothing to do')
})

test('IPv6: point-dns publishes it, the CA and the checks use it; IPv4 alone is CRITICAL; without it the records go', async () => {
  const own = clouds.state.vpsIpv6
  const neutral = clouds.config.health.neutralTargets
  const network = own.replace(/::.*/, '::')
  const values = { IONOS_DNS_KEY: clouds.state.ionosDnsKey, DASHBOARD_DIR: dashboard }
  const six = clouds.variant('six', {
    ...values,
    IONOS_PUBLIC_IPV6: own,
    HEALTH_NEUTRAL_TARGETS: [...neutral, neutral[0]!.replace(/.*\.(\d+):/, `[${network}$1]:`)].join(),
  })
  const pointed = await pointDns(six)
  expect(pointed.code, pointed.stderr).toBe(0)
  expect(pointed.stderr).toContain(`both names point at ${clouds.state.vps} and ${own}`)
  expect((await pointDns(six)).stdout).toContain('Nothing to do')

  // With one name less, the certificate has to be requested again. Pebble prefers IPv6 and never falls back (va.go).
  const lacking = ['certonly', '--webroot', '-w', '/var/www/_acme', '--cert-name', domain, '-d', domain]
  const { acme } = await loadConfig(process.cwd(), environment)
  await ssh(
    clouds,
    `certbot --non-interactive --renew-with-new-domains --server ${acme.server} ${lacking.join(' ')}; truncate -s 0 /var/log/nginx/access.log`,
  )
  const issued = await issue(six)
  expect(issued.code, issued.stderr).toBe(0)
  const validated = await ssh(clouds, "grep LetsEncrypt-Pebble /var/log/nginx/access.log | cut -d' ' -f1,7")
  expect(
    new Set(
      validated
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ),
  ).toEqual(new Set([`${network}1`]))

  const look = async (only: string) => {
    const line = ['health', '--quick', '--json', '--only', only]
    const { stdout } = await clouds.dominion(line, { environment: six })
    return (JSON.parse(stdout) as { observations: Record<string, string>[] }).observations
  }
  expect(await look('ipv6')).toMatchObject([{ verdict: 'OK', detail: `${own} answers` }])
  // Answers to this machine are dropped, over IPv6 only: a firewall policy that admits IPv4.
  await ssh(clouds, `ip -6 route add blackhole ${network}1/128`)
  const closed = await look('ipv6,static')
  await ssh(clouds, `ip -6 route del blackhole ${network}1/128`)
  const verdicts = Object.fromEntries(closed.map(({ id, verdict }) => [id, verdict]))
  expect(verdicts).toEqual({ static: expect.not.stringMatching('CRITICAL'), ipv6: 'CRITICAL' })

  await ssh(clouds, `ip -6 address del ${own}/64 dev eth0`)
  const gone = await pointDns(six)
  expect([gone.code, gone.stderr]).toEqual([
    2,
    expect.stringContaining(`The VPS does not have the address ${own}`),
  ])
  const without = await pointDns(clouds.variant('without', values))
  expect(without.code, without.stderr).toBe(0)
  expect(await look('ipv6')).toMatchObject([
    { verdict: 'OK', detail: 'no AAAA record, so visitors use IPv4' },
  ])
})

test('a CA that fails leaves the old certificate in place', async () => {
  const before = await serials()
  // With another server for renewals, certbot requests a new certificate although the current one is valid.
  const other = clouds.variant('other-ca', {
    DASHBOARD_DIR: dashboard,
    ACME_SERVER: 'https://acme-v02.api.letsencrypt.org/directory',
  })
  await control('/ca/stop')
  const done = await issue(other)
  await control('/ca/start')
  expect(done.code).toBe(1)
  expect(done.stderr).toContain('The service is down for maintenance or had an internal error')
  expect(await serials()).toEqual(before)
  expect((await get('/p1')).status).toBe(200)
})
