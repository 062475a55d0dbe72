import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { getHealthUrl } from '../../lib/azure/containers/waitFor.ts'
import { createNetworkOptions } from '../../lib/config/network.ts'
import { deriveApiToken } from '../../lib/config/secret.ts'
import type { SourceReport } from '../../lib/logs/output.ts'
import { makeRequest } from '../../lib/net/http.ts'
import { createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { openBrowser } from '../support/system/browser.ts'
import { forgetRequests, getAzureChanges, stateFolder } from '../support/system/records.ts'
import { type Rehearsal, type RunOptions, startRehearsal } from '../support/system/rehearsal.ts'
import { findProcesses, type Session, startSession } from '../support/system/sessions.ts'
import { createVisitor, getBackendHost, ssh } from '../support/system/site.ts'

/* What an operator watches during operation: the logs as both clouds really write them, and what the containers use. */

const work = createWorkFolder('dominion-looking')
let clouds: Rehearsal
let get: ReturnType<typeof createVisitor>

beforeAll(async () => {
  clouds = await startRehearsal('sys-looking')
  get = createVisitor(clouds)
  const environment = clouds.variant('small', { DASHBOARD_DIR: smallDashboard(work.folder) })
  const { code, stderr } = await clouds.dominion(['deploy-complete', '--quiet'], { environment })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  // A file that nginx may not read is an error in its log.
  const closed = '.well-known/acme-challenge/closed'
  await ssh(clouds, `install -D -m 0 /dev/null /var/www/_acme/${closed}`)
  expect((await get(`http://${clouds.config.domain}/${closed}`)).status).toBe(403)
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const logs = (flags: string[], options?: RunOptions) => clouds.dominion(['view-logs', ...flags], options)

/** Follows the logs; it does not outlive its test. */
function follow(...flags: string[]): Session {
  const session = startSession(['view-logs', '--follow', ...flags, '--env', clouds.name])
  onTestFinished(() => session.kill('SIGKILL'))
  return session
}

interface Document {
  lines: { at: string; source: string; text: string }[]
  sources: SourceReport[]
  ok: boolean
}
const read = (stdout: string) => JSON.parse(stdout) as Document

/** One tail for each log that is followed on the VPS; it runs in a namespace of this machine. */
const tails = () => findProcesses(/^tail\0.*\/var\/log\/nginx\/(access|error)\.log\0/)
const before = new Set(tails())

test('all of them, merged by time; what --only, --since, --lines and --grep leave', async () => {
  expect((await get('/api/workflows?look=1')).status).toBe(200)
  const { code, stdout, stderr } = await logs(['--since', '1h', '--json'])
  expect(code, stderr).toBe(0)
  const { lines, sources, ok } = read(stdout)
  expect(ok).toBe(true)
  expect(lines.map(({ at }) => at)).toEqual(lines.map(({ at }) => at).sort())
  expect(sources.map(({ source }) => source).sort()).toEqual(['access', 'backend', 'error', 'worker'])
  for (const { source, lines: count } of sources) {
    expect(count, source).toBeGreaterThan(0)
    expect(
      lines.filter((line) => line.source === source),
      source,
    ).toHaveLength(count)
  }
  expect(lines.find(({ text }) => text.includes('GET /api/workflows?look=1'))?.source).toBe('access')

  const some = await logs([
    '--only',
    'backend,access',
    '--grep',
    'GET .*look=|path=/api/workflows',
    '--lines',
    '2',
  ])
  expect([some.code, some.stderr]).toEqual([0, ''])
  const rows = some.stdout.trimEnd().split('\n')
  expect(rows).toHaveLength(2)
  for (const row of rows) expect(row).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z (access|backend) {2,3}\S/)

  const later = await logs(['--since', new Date().toISOString(), '--only', 'nginx'])
  expect([later.code, later.stdout]).toEqual([0, ''])
})

test('rotated and compressed logs are read as far back as requested; secrets in a log stay secret', async () => {
  const secret = clouds.config.postgres.password.text()
  const log = '/var/log/nginx/access.log'
  const entry = (day: string, what: string) =>
    `10.9.9.9 - - [${day}:12:00:00 +0000] "GET /${what} HTTP/2.0" 200 5 "-" "x"\n`
  const put = (file: string, text: string) =>
    ssh(clouds, `echo ${Buffer.from(text).toString('base64')} | base64 -d > ${file}`)
  await put(`${log}.3`, entry('01/Nov/2026', 'three'))
  await put(`${log}.2`, entry('02/Nov/2026', 'two'))
  await ssh(
    clouds,
    `gzip ${log}.3 && touch -d 2026-11-01T12:00Z ${log}.3.gz && touch -d 2026-11-02T12:00Z ${log}.2`,
  )
  await put(
    '/tmp/line',
    `${new Date().toISOString().slice(0, 19).replace('T', ' ').replaceAll('-', '/')} [error] 7#7: leaked ${secret} end\n`,
  )
  await ssh(clouds, 'cat /tmp/line >> /var/log/nginx/error.log')
  const all = await logs(['--only', 'nginx', '--lines', '100000'])
  expect(all.code, all.stderr).toBe(0)
  expect(all.stdout.split('\n')[0]).toContain('GET /three')
  expect(all.stdout.split('\n')[1]).toContain('GET /two')
  expect(all.stdout).toContain('leaked *** end')
  expect(all.stdout).not.toContain(secret)
  const since = await logs(['--only', 'access', '--since', '2026-11-02T00:00Z'])
  expect(since.stdout).toContain('GET /two')
  expect(since.stdout).not.toContain('GET /three')
})

test('--follow: new lines of both clouds within 3 s, across a rotation; Ctrl-C ends it here and on the VPS', async () => {
  const session = follow('--lines', '1')
  const { said } = session
  await session.until(/GET |path=\/health/)
  while (tails().filter((each) => !before.has(each)).length < 2) await pause(50)
  await seen('first')
  await ssh(clouds, 'mv /var/log/nginx/access.log /var/log/nginx/access.log.1 && nginx -s reopen')
  await seen('rotated')

  const { workflows } = JSON.parse((await get('/api/workflows')).body) as { workflows: { name: string }[] }
  const job = await get('/api/workflows/run', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${deriveApiToken(clouds.config.backend.secretKey.text())}`,
    },
    body: JSON.stringify({ name: workflows[0]!.name }),
  })
  expect(job.status).toBe(202)
  await session.until(/Z worker {3}.*workflows: .*\n(.*\n)*.*Z worker /)

  session.kill('SIGINT')
  const asked = Date.now()
  const { code, said: all } = await session.ended
  console.log(`ended ${Date.now() - asked} ms after Ctrl-C`)
  expect(code).toBe(130)
  expect(all, 'nothing but lines').toMatch(/^(\d{4}-\d\d-\d\dT[\d:.]+Z \S+ .*\n)*\n?$/)
  for (let rest = 40; tails().some((each) => !before.has(each)) && rest > 0; rest--) await pause(50)
  expect(tails().filter((each) => !before.has(each))).toEqual([])

  /** A visitor's request, and the two log lines it causes. */
  async function seen(mark: string): Promise<void> {
    const asked = Date.now()
    const paths = said().match(/path=\/api\/councils/g)?.length ?? 0
    expect((await get(`/api/councils?mark=${mark}`)).status).toBe(200)
    const both = () =>
      said().includes(`/api/councils?mark=${mark} `) &&
      (said().match(/path=\/api\/councils/g)?.length ?? 0) > paths
    while (!both() && Date.now() - asked < 10_000) await pause(20)
    console.log(`${mark}: both lines after ${Date.now() - asked} ms`)
    expect(Date.now() - asked).toBeLessThan(3000)
  }
})

test('polling Azure leaves one line in the transcript, not one a second; the token is in none', async () => {
  const session = follow('--json', '--only', 'backend')
  await session.until(/path=\/health/)
  await pause(6000)
  session.kill('SIGTERM')
  const { code, said } = await session.ended
  expect(code).toBe(143)
  const rows = said
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row))
  expect(rows.at(-1)).toMatchObject({ sources: [{ source: 'backend' }] })
  const transcripts = path.join(stateFolder(clouds, clouds.name), 'transcripts')
  const text = readFileSync(path.join(transcripts, readdirSync(transcripts).sort().at(-1)!), 'utf8')
  expect(text.match(/GET https:\/\/management/g)?.length).toBeLessThanOrEqual(4)
  expect(text).not.toMatch(/Bearer|accessToken":"(?!\*)/)
})

test('a reader that stops ends it quietly', async () => {
  const line = 'set -o pipefail; node bin/dominion.js view-logs --since 30d --env "$0" | head -n 1; echo $?'
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', line, clouds.name])
  expect(stdout.trimEnd().split('\n')).toEqual([expect.stringContaining('GET /three'), '0'])
  expect(stderr).toBe('')
})

test('Azure out of reach, or slow: nginx is shown, and what is missing is named', async () => {
  const away = await logs(['--lines', '1'], {
    environment: clouds.variant('away', { HTTPS_PROXY: 'http://127.0.0.1:1' }),
  })
  expect(away.code).toBe(3)
  expect(away.stdout).toMatch(/ (access|error) /)
  expect(away.stderr).toContain('! backend, worker: Azure cannot be reached from here')
  expect(away.stderr).toMatch(/Check the network.*HTTPS_PROXY in \.env\.\S+away\b/)

  await clouds.control('/faults', { name: 'slow', milliseconds: 12_000 })
  let nginxFirst = false
  const slow = await logs(['--lines', '5'], {
    onOutput: (chunk, from) => {
      if (from === 'stdout' && / (access|error) /.test(chunk) && !/ backend /.test(chunk)) nginxFirst = true
    },
  })
  await clouds.control('/faults', { name: 'slow', on: false })
  expect(slow.code, slow.stderr).toBe(0)
  expect(slow.stderr).toContain('! backend, worker: no lines for 10 s; the others continue')
  expect(nginxFirst).toBe(true)
  expect(slow.stdout).toMatch(/ backend /)
})

test('the VPS out of reach: the containers are shown', async () => {
  const environment = clouds.variant('noface', { IONOS_HOST: '127.0.0.1', IONOS_PORT: '1' })
  const { code, stdout, stderr } = await logs(['--lines', '3', '--json'], { environment })
  expect(code).toBe(3)
  const { lines, sources, ok } = read(stdout)
  expect([ok, lines.length]).toEqual([false, 3])
  const failed = sources.filter(({ error }) => error)
  expect(failed.map(({ source }) => source).sort()).toEqual(['access', 'error'])
  expect(failed[0]?.error?.what).toContain('The VPS 127.0.0.1 cannot be reached on port 1')
  expect(stderr).toContain('! error: same as access')
})

test('logged out; a container group that is not there; a VPS without nginx’s logs', async () => {
  const out = clouds.variant('out', { AZURE_CONFIG_DIR: `${work.folder}/no-login` })
  const loggedOut = await logs(['--lines', '1'], { environment: out })
  expect(loggedOut.code).toBe(4)
  expect(loggedOut.stderr).toContain('! backend, worker: Not logged in to Azure')
  expect(loggedOut.stdout).toMatch(/ (access|error) /)
  expect((await logs(['--only', 'nginx', '--lines', '1'], { environment: out })).code).toBe(0)

  const missing = await logs(['--only', 'worker', '--lines', '1'], {
    environment: clouds.variant('more', { WORKER_COUNT: '2' }),
  })
  expect(missing.code).toBe(1)
  expect(missing.stdout).toMatch(/ worker /)
  expect(missing.stderr).toContain(
    '! worker-2: Container group codex-worker-2 does not exist in codexdominion-prod',
  )

  await ssh(clouds, 'mv /var/log/nginx/error.log /tmp/error.log')
  const none = await logs(['--only', 'nginx', '--lines', '1'])
  await ssh(clouds, 'mv /tmp/error.log /var/log/nginx/error.log')
  expect(none.code).toBe(1)
  expect(none.stderr).toContain('! error: /var/log/nginx/error.log does not exist on the VPS')
  expect(none.stderr).toContain('npx dominion setup-server')
})

test.each([
  [['--only', 'bakend'], '--only=bakend: unknown log "bakend"; did you mean backend?'],
  [['--since', 'yesterday'], '--since=yesterday is not a valid time'],
  [['--grep', '['], '--grep is not a valid regular expression'],
  [['--lines', 'many'], '--lines=many is not a number of lines'],
  [['--folow'], "unknown option '--folow' (Did you mean --follow?)"],
])('%s', async (flags, words) => {
  const { code, stdout, stderr } = await logs(flags)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(words)
})

/* metrics */

interface Metrics {
  ok: boolean
  interval: string
  groups: {
    name: string
    cpu: number
    metrics: Record<
      string,
      { allowed: number | null; summary: Summary; points: { average: number | null }[] }
    >
  }[]
  failures: { name: string; what: string }[]
}
interface Summary {
  minimum: number
  average: number
  maximum: number
  last: number
}

const json = <T>(text: string): T => JSON.parse(text) as T

test('the actual usage of both containers, as figures, a table and a page', async () => {
  const { config } = clouds
  const url = getHealthUrl(await getBackendHost(clouds))
  const started = Date.now()
  let asked = 0
  // Across more than one of the samples that are taken every 15 s.
  while (Date.now() - started < 20_000) {
    const request = { method: 'GET', url, effect: 'read', timeoutMs: 10_000 } as const
    await makeRequest(request, createNetworkOptions(config), AbortSignal.timeout(15_000))
    asked++
    await pause(20)
  }
  await pause(4000)

  await forgetRequests(clouds)
  const page = path.join(work.folder, 'metrics.html')
  const { code, stdout, stderr } = await clouds.dominion(['metrics', '--json', '--html', page])
  expect({ code, stderr }).toEqual({ code: 0, stderr: `Chart page: ${page}\n` })
  const data = json<Metrics>(stdout)
  expect(data).toMatchObject({ ok: true, interval: 'PT1M', failures: [] })
  expect(data.groups.map(({ name, cpu }) => [name, cpu])).toEqual([
    ['codex-backend', config.backend.cpu],
    ['codex-worker', config.worker.cpu],
  ])
  const { cpu, memory, received } = data.groups[0]!.metrics
  const { pid } = json<{ pid: number }>(
    await (await fetch(`${clouds.state.controlUrl}/containers/codex-backend`)).text(),
  )
  const resident = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
  expect(memory!.summary.last).toBeGreaterThan(resident * 0.8)
  expect(memory!.allowed).toBe(config.backend.memoryGb * 1024 ** 3)
  expect(cpu!.summary.maximum).toBeGreaterThan(0)
  // A request is at least 100 bytes, and a busy sample spans 15 s.
  expect(received!.summary.maximum).toBeGreaterThan((asked * 100) / 40)
  // For most of this hour, nothing was running.
  expect(cpu!.points.length).toBeGreaterThanOrEqual(60)
  expect(cpu!.points[0]!.average).toBeNull()
  expect(await getAzureChanges(clouds)).toEqual([])

  const table = await clouds.dominion(['metrics'], { env: { LC_ALL: 'C.UTF-8' } })
  expect(table.stdout).toMatch(/codex-backend +CPU +.* m +\d.* % .*[▁-█]/)
  expect(table.stdout).toMatch(/codex-worker +CPU/)
  const plain = await clouds.dominion(['metrics'], { env: { LC_ALL: 'C' } })
  expect(plain.stdout).not.toMatch(/[▁-█]/)
  expect(plain.stdout).toMatch(/Memory .* +[_@ ]+$/m)

  const browser = await openBrowser({ hosts: [], address: '127.0.0.1', spki: 'none' })
  try {
    for (const [width, dark] of [
      [375, false],
      [1280, true],
    ] as const) {
      await browser.open(pathToFileURL(page).href)
      await browser.lookAs({ width, dark })
      const seen = await browser.evaluate<string>(`JSON.stringify({
        wide: document.documentElement.scrollWidth,
        charts: [...document.querySelectorAll('figure > svg')].filter((svg) => svg.getBoundingClientRect().width > 250).length,
        lines: document.querySelectorAll('g[aria-label=line] path, g[aria-label=dot] circle').length > 4,
        background: getComputedStyle(document.body).backgroundColor,
        line: getComputedStyle(document.querySelector('g[aria-label=line], g[aria-label=dot]')).stroke,
        loaded: performance.getEntriesByType('resource').length,
      })`)
      expect(json(seen)).toMatchObject({
        charts: 6,
        lines: true,
        loaded: 0,
        background: dark ? 'rgb(20, 23, 28)' : 'rgb(255, 255, 255)',
      })
      expect(json<{ wide: number }>(seen).wide).toBeLessThanOrEqual(width)
    }
    expect(browser.problems).toEqual([])
  } finally {
    await browser.close()
  }
}, 600_000)

test('one more worker is configured than exists: the others are shown, this one is named', async () => {
  const more = clouds.variant('more', { WORKER_COUNT: '2' })
  const { code, stdout, stderr } = await clouds.dominion(['metrics', '--json'], { environment: more })
  expect(code).toBe(1)
  const data = json<Metrics>(stdout)
  expect(data.groups.map(({ name }) => name)).toEqual(['codex-backend', 'codex-worker'])
  expect(data.failures).toEqual([
    { name: 'codex-worker-2', what: 'Container group codex-worker-2 does not exist' },
  ])
  expect(stderr).toContain('release-containers')
})

test('logged out, unreachable, an invalid time, a missing folder: reported, with the exit code', async () => {
  const loggedOut = clouds.variant('loggedout', { AZURE_CONFIG_DIR: path.join(work.folder, 'no-login') })
  const unreachable = clouds.variant('unreachable', { HTTPS_PROXY: 'http://127.0.0.1:1' })
  const out = await clouds.dominion(['metrics'], { environment: loggedOut })
  expect({ code: out.code, stdout: out.stdout }).toEqual({ code: 4, stdout: '' })
  expect(out.stderr).toContain('az login')
  const away = await clouds.dominion(['metrics', '--json'], { environment: unreachable })
  expect(away.code).toBe(3)
  expect(json<{ error: { what: string } }>(away.stdout).error.what).toBe('Azure cannot be reached from here')
  const when = await clouds.dominion(['metrics', '--since', 'yesterday'])
  expect(when.code).toBe(2)
  expect(when.stderr).toContain('--since=yesterday is not a valid time')
  const where = path.join(work.folder, 'none', 'page.html')
  const nowhere = await clouds.dominion(['metrics', '--html', where])
  expect(nowhere.code).toBe(2)
  expect(nowhere.stderr).toContain(`no such folder: ${path.dirname(where)}`)
  expect(statSync(path.dirname(where), { throwIfNoEntry: false })).toBeUndefined()
})
