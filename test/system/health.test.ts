import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Report } from '../../lib/monitoring/report.ts'
import { startProcess } from '../../lib/shell/spawn.ts'
import { createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import type { Fault } from '../support/system/checks.ts'
import { pollHealth, readFamilies, runCron, runHealth, startReceiver } from '../support/system/checks.ts'
import { rememberBackend, stateFolder } from '../support/system/records.ts'
import { dominionArgv, type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { getBackendHost, ssh } from '../support/system/site.ts'

/*
 * One fault after the other on real parts: right verdict, right exit code, one alert, one recovery. Alerts and pings go
 * to a server in this file. A second environment without alerts sees a fault and its end first: otherwise a fault that
 * takes a moment to appear would be alerted in two parts.
 */

const work = createWorkFolder('dominion-health')
let clouds: Rehearsal
/** The environment that checks and alerts, and the one that only waits for states to appear. */
let checker: string
let scout: string
const receiver = startReceiver()
const { alerts, kinds, pings } = receiver

beforeAll(async () => {
  clouds = await startRehearsal('sys-health')
  // Only one test is about speed, and none about restarted containers.
  const values = {
    DASHBOARD_DIR: smallDashboard(work.folder),
    HEALTH_STATIC_MS: '8000,9000',
    HEALTH_API_MS: '8000,9000',
    HEALTH_RESTARTS: '50,90',
  }
  const told = { ALERT_WEBHOOK_URL: `${receiver.url()}/hook`, HEALTH_PING_URL: `${receiver.url()}/ping` }
  scout = clouds.variant('scout', values)
  checker = clouds.variant('checker', { ...values, ...told })
  const done = await clouds.dominion(['deploy-complete'], { environment: scout })
  expect(done.code, done.stderr).toBe(0)
})
afterAll(async () => {
  receiver.close()
  await clouds?.down()
  work.remove()
})

const state = () => stateFolder(clouds, checker)
const file = () => path.join(state(), 'health.sqlite')

const look = (args: string[], environment = checker) => runHealth(clouds, environment, args)
const cron = (args: string[], started?: (pid: number) => void) => runCron(checker, args, started)
/** A health run that alerts nobody. */
const until = (args: string[], isSo: (report: Report) => boolean) => pollHealth(() => look(args, scout), isSo)

const atOnce = ['--fail-after', '1', '--recover-after', '1']

/** All of them are CRITICAL. */
async function shown({ args, make, fix, says, meanwhile }: Fault): Promise<void> {
  alerts.length = 0
  await make()
  try {
    await until(args, ({ line, exitCode }) => says.test(line) && exitCode === 2)
    const bad = await look([...args, ...atOnce])
    expect(bad.line).toMatch(says)
    expect(bad).toMatchObject({ exitCode: 2, news: 'problem', verdict: 'CRITICAL' })
    await meanwhile?.()
    expect((await look([...args, ...atOnce])).exitCode).toBe(2)
  } finally {
    await fix()
  }
  await until(args, ({ exitCode }) => exitCode === 0)
  expect(await look([...args, ...atOnce])).toMatchObject({ exitCode: 0, news: 'recovery' })
  if (args.includes('--quick')) expect((await look([...args, ...atOnce])).news).toBeUndefined()
  expect(kinds()).toEqual(['problem', 'recovery'])
  expect(alerts[1]!.incident).toBe(alerts[0]!.incident)
}

const control = (route: string, body?: object) => async () => {
  const { status } = await clouds.control(route, body)
  expect(status).toBeLessThan(300)
}
const there = (line: string) => () => ssh(clouds, line)
const quick = ['--quick']

test('everything OK: every probe answers, in every format, and the dead man’s switch is pinged', async () => {
  await until([], ({ exitCode }) => exitCode === 0)
  const full = await look([])
  expect(full.observations.map(({ id }) => id).sort()).toEqual(
    [
      ...['api', 'api-agents', 'api-ai', 'api-councils', 'api-treasury', 'api-workflows', 'backend'],
      ...['certificate', 'clock', 'containers', 'database', 'disk', 'dns', 'queue', 'redirects', 'redis'],
      ...['ipv6', 'static', 'stored-certificate'],
    ].sort(),
  )
  expect(pings.map((ping) => ping.path)).toEqual(['/ping/start', '/ping/0'])
  expect(pings[1]!.body).toBe(full.line)
  const metrics = await clouds.dominion(['health', '--quick', '--format', 'openmetrics'], {
    environment: checker,
  })
  const names = await readFamilies(metrics.stdout)
  expect(names).toContain('dominion_probe_duration_seconds')
  const both = await look(['--from', 'vps', '--only', 'static,api'])
  expect(both.observations.map(({ id, from, verdict }) => `${id} ${from} ${verdict}`)).toEqual([
    ...['static here OK', 'api here OK', 'static vps OK', 'api vps OK'],
  ])
})

test('works with an empty environment, and is silent when everything is OK', async () => {
  const line = await cron(['--quick'])
  expect(line).toMatchObject({ code: 0, stderr: '' })
  expect(line.stdout).toMatch(
    /^OK - 13 probes, slowest: [a-z-]+, \d+ ms \| 'api'=\d+ms;8000;9000;0 [^|\n]+\n$/,
  )
  expect(await cron(['--quick', '--quiet'])).toMatchObject({ code: 0, stdout: '', stderr: '' })
})

test('invalid input is UNKNOWN and suggests the nearest valid word', async () => {
  const wrong = await cron(['--quick', '--only', 'statik'])
  expect(wrong.code).toBe(3)
  expect(wrong.stdout).toMatch(/^UNKNOWN - --only statik is not a check.*did you mean static\?\n$/)
  expect((await cron(['--quik'])).code).toBe(3)
})

test('a second run during another one: exit 3, naming it', async () => {
  let pid = 0
  const first = cron(['--quick'], (started) => {
    pid = started
  })
  const holder = path.join(state(), 'health-quick.lock.holder')
  while (!existsSync(holder) || !readFileSync(holder, 'utf8').includes(`${pid}`)) await pause(5)
  process.kill(pid, 'SIGSTOP')
  try {
    const second = await cron(['--quick', '--quiet'])
    expect(second.code).toBe(3)
    expect(second.stdout).toMatch(
      new RegExp(
        `^UNKNOWN - Another quick health check is already running \\(process ${pid}, since 20.*\\)\n$`,
      ),
    )
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  expect((await first).code).toBe(0)
})

test('backend stopped: alerted at the third bad run, ended at the second good one', async () => {
  alerts.length = 0
  await control('/containers/codex-backend/stop')()
  for (const far of ['1/3', '2/3', '3/3']) {
    const { line, exitCode } = await look(quick)
    expect(exitCode).toBe(2)
    expect(line).toMatch(new RegExp(`^CRITICAL - .*\\bapi.* 502.* \\(${far}\\)`))
    expect(kinds()).toEqual(far === '3/3' ? ['problem'] : [])
  }
  expect(await cron(['--quick', '--quiet'])).toMatchObject({ code: 2, stdout: '' })
  await control('/containers/codex-backend/start')()
  await until(quick, ({ exitCode }) => exitCode === 0)
  const first = await look(quick)
  expect(first.line).toMatch(/^OK - .*api recovering \(1\/2\)/)
  expect(kinds()).toEqual(['problem'])
  const second = await cron(['--quick', '--quiet'])
  expect(second.stdout).toMatch(/^OK - incident over after /)
  expect(kinds()).toEqual(['problem', 'recovery'])
  expect(alerts[0]).toMatchObject({ verdict: 'CRITICAL', title: expect.stringContaining('api') })
})

test('a slow API of 3 s is a WARNING; the webhook is down meanwhile, and gets both later', async () => {
  const values = { HEALTH_API_MS: '2500,9000' }
  const slow = clouds.variant('slow', { ...values, ALERT_WEBHOOK_URL: `${receiver.url()}/hook` })
  const slowScout = clouds.variant('slow-scout', values)
  const args = ['--quick', '--only', 'api', ...atOnce]
  alerts.length = 0
  receiver.answer = 503
  // Far from what a loaded machine takes. nginx resolves the backend's name again after ten seconds.
  await control('/containers/codex-backend/delay', { milliseconds: 3000 })()
  await pollHealth(
    () => look(args, slowScout),
    ({ exitCode }) => exitCode === 1,
  )
  const bad = await look(args, slow)
  expect(bad.line).toMatch(
    /^WARNING - new incident: api 200 in \d+ ms, limit 2500 ms \(1\/1\); the problem alert could not be sent by webhook/,
  )
  expect(bad).toMatchObject({ exitCode: 1, alerts: { unsent: [{ channel: 'webhook', tries: 1 }] } })
  expect(JSON.stringify(bad)).not.toContain('/hook')
  expect((await look(args, slow)).alerts.unsent).toMatchObject([{ tries: 2 }])
  await control('/containers/codex-backend/delay', { milliseconds: 0 })()
  await pollHealth(
    () => look(args, slowScout),
    ({ exitCode }) => exitCode === 0,
  )
  receiver.answer = 200
  expect(await look(args, slow)).toMatchObject({ exitCode: 0, news: 'recovery', alerts: { unsent: [] } })
  expect(alerts.map(({ kind, verdict }) => `${kind} ${verdict}`)).toEqual(['problem WARNING', 'recovery OK'])
})

test.each<[string, () => Fault]>([
  [
    'nginx stopped, and the history damaged meanwhile: set aside, said, and neither told again nor forgotten',
    () => ({
      args: quick,
      says: /static, api,.* ECONNREFUSED/,
      make: there('systemctl stop nginx'),
      fix: there('systemctl start nginx'),
      async meanwhile() {
        writeFileSync(file(), 'no database\n'.repeat(1000))
        const { code, stdout } = await cron(['--quick', '--quiet', ...atOnce])
        expect(code).toBe(2)
        expect(stdout).toMatch(/the history was damaged and moved to .*health\.sqlite\.damaged-/)
        expect(readdirSync(state()).some((name) => name.startsWith('health.sqlite.damaged-'))).toBe(true)
      },
    }),
  ],
  [
    'the certificate expired',
    () => ({
      args: quick,
      says: /certificate has expired/,
      make: control('/certificate', { expired: true }),
      fix: control('/certificate', { expired: false }),
    }),
  ],
  [
    'the certificate renewed, but the old one served',
    () => ({
      args: ['--only', 'stored-certificate'],
      says: /stored-certificate is not the stored one/,
      make: there(
        'certbot renew --force-renewal --no-directory-hooks --cert-name codexdominion.app --no-random-sleep-on-renew',
      ),
      fix: there('systemctl reload nginx'),
    }),
  ],
  [
    'DNS wrong',
    () => {
      const wrong = clouds.config.health.neutralTargets[0]!.replace(/:\d+$/, '')
      const name = clouds.config.domain
      return {
        args: ['--quick', '--only', 'dns'],
        says: new RegExp(`dns .*${wrong}`),
        make: control('/dns', { name, a: [wrong] }),
        fix: control('/dns', { name, a: [clouds.state.vps] }),
      }
    },
  ],
  [
    'worker killed and gone',
    () => ({
      args: ['--only', 'containers,queue'],
      says: /codex-worker is Terminated.*no worker is listening/,
      make: control('/containers/codex-worker/stop'),
      fix: control('/containers/codex-worker/start'),
    }),
  ],
  [
    'database stopped',
    () => ({
      args: ['--only', 'api,database'],
      says: /api 503: database.*; database .* refuses connections/,
      make: control('/postgres/codexdominion-db/stop'),
      fix: control('/postgres/codexdominion-db/start'),
    }),
  ],
  [
    'Redis stopped',
    () => ({
      args: ['--only', 'api,redis'],
      says: /api 503: redis.*; redis /,
      make: control('/redis/codexdominion-redis/stop'),
      fix: control('/redis/codexdominion-redis/start'),
    }),
  ],
  [
    'the disk of the VPS full',
    () => ({
      args: ['--only', 'disk'],
      says: /disk \/var\/www 100 % used/,
      make: there(
        'mount -t tmpfs -o size=64m tmpfs /mnt && cp -a /var/www/. /mnt/ && mount --bind /mnt /var/www && dd if=/dev/zero of=/var/www/full bs=1M 2> /dev/null; true',
      ),
      fix: there('rm /var/www/full && umount /var/www && umount /mnt'),
    }),
  ],
])('%s', (_, fault) => shown(fault()))

test('own network down: UNKNOWN, excluded from the figures, no alert', async () => {
  alerts.length = 0
  await control('/network', { cut: true })()
  const cut = await look([...quick, ...atOnce])
  await control('/network', { cut: false })()
  expect(cut).toMatchObject({ exitCode: 3, verdict: 'UNKNOWN', excluded: 'network' })
  expect(cut.line).toMatch(/^UNKNOWN - this machine's network is down or intercepted/)
  const database = new DatabaseSync(file(), { readOnly: true })
  expect(database.prepare('SELECT excluded FROM looks ORDER BY id DESC LIMIT 1').get()).toEqual({
    excluded: 'network',
  })
  database.close()
  await until(quick, ({ exitCode }) => exitCode === 0)
  expect(kinds()).toEqual([])
})

test('a maintenance explains what it hides, and nothing more', async () => {
  alerts.length = 0
  const mode = (...args: string[]) => clouds.dominion(['maintenance-mode', ...args], { environment: scout })
  expect((await mode('on')).code).toBe(0)
  try {
    const seen = await look([...quick, ...atOnce])
    expect(seen).toMatchObject({ exitCode: 0, excluded: 'maintenance' })
    expect(seen.line).toMatch(/^OK - planned maintenance \(explains static, api-ai/)
    const full = await look(['--only', 'static,disk', ...atOnce])
    expect(full.line).toMatch(/^OK - planned maintenance since 20.* by .*\(explains static\)/)
  } finally {
    expect((await mode('off')).code).toBe(0)
  }
  expect(await look([...quick, ...atOnce])).toMatchObject({ exitCode: 0, trouble: [] })
  expect(kinds()).toEqual([])
})

test('a running deploy explains a fault, but only as long as it runs', async () => {
  alerts.length = 0
  const lock = '/run/codex-dominion/deploy.lock'
  const line = 'npx dominion restart-containers'
  const holder = JSON.stringify({ by: 'anna@desk', since: new Date().toISOString(), what: line, id: 'hers' })
  await ssh(
    clouds,
    `install -d -m 700 /run/codex-dominion
nohup flock -o ${lock} sleep 300 > /dev/null 2>&1 & echo $! > ${lock}.pid; printf %s '${holder}' > ${lock}.holder`,
  )
  const args = ['--only', 'backend,disk', ...atOnce]
  await control('/containers/codex-backend/stop')()
  try {
    const during = await look(args)
    expect(during.line).toMatch(
      /^OK - deploy in progress: "npx dominion restart-containers" by anna@desk since 20/,
    )
    expect(during).toMatchObject({ exitCode: 0, excluded: 'deploy' })
    await ssh(clouds, `kill $(cat ${lock}.pid)`)
    expect(await look(args)).toMatchObject({ exitCode: 2, news: 'problem' })
  } finally {
    await control('/containers/codex-backend/start')()
  }
  await until(args, ({ exitCode }) => exitCode === 0)
  expect(await look(args)).toMatchObject({ exitCode: 0, news: 'recovery' })
  expect(kinds()).toEqual(['problem', 'recovery'])
})

test('a clock that is two minutes ahead, and is set back', async () => {
  alerts.length = 0
  const early = clouds.variant('early', { ALERT_WEBHOOK_URL: `${receiver.url()}/hook` })
  rememberBackend(clouds, early, await getBackendHost(clouds))
  const args = ['--quick', '--only', 'clock', ...atOnce]
  const { stdout } = await startProcess(
    ['faketime', '-f', '+120s', ...dominionArgv(['health', '--json', ...args, '--env', early])],
    { env: process.env, timeoutMs: 60_000, signal: AbortSignal.timeout(60_000) },
  )
  const report = JSON.parse(stdout) as Report
  expect(report.line).toMatch(/^CRITICAL - new incident: clock this machine is 1[12]\d(\.\d)? s ahead/)
  expect(report).toMatchObject({ exitCode: 2, news: 'problem' })
  expect(await look(args, early)).toMatchObject({ exitCode: 0, news: 'recovery' })
  expect(kinds()).toEqual(['problem', 'recovery'])
})

test('a locked history: the result is reported, and that nothing was recorded', async () => {
  const holder = new DatabaseSync(file())
  holder.exec('BEGIN IMMEDIATE')
  const { stdout, code } = await cron(['--quick', '--quiet'])
  holder.close()
  expect(code).toBe(1)
  expect(stdout).toMatch(/^WARNING - 13 probes.*nothing was recorded.*locked by another process/)
  expect((await cron(['--quick', '--quiet'])).stdout).toBe('')
})

test('killed at any time: the history stays intact, and the next run continues', async () => {
  for (let turn = 0; turn < 12; turn++) {
    let pid = 0
    const run = cron(['--quick'], (started) => {
      pid = started
    })
    await pause(100 + turn * 40)
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It was faster.
    }
    await run
  }
  expect(await look(quick)).toMatchObject({ exitCode: 0, trouble: [] })
  const database = new DatabaseSync(file(), { readOnly: true })
  expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
  const half = `SELECT count(*) AS half FROM looks
    WHERE samples != (SELECT count(*) FROM samples WHERE samples.look = looks.id)`
  expect(database.prepare(half).get()).toEqual({ half: 0 })
  database.close()
})
