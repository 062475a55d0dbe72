import { mkdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { healthUrl } from '../../lib/azure/waiting.ts'
import { makeRequest } from '../../lib/command/request.ts'
import { reachOf } from '../../lib/network/resolve.ts'
import { workFolder } from './applications.ts'
import { openBrowser } from './browser.ts'
import { changesAskedOfAzure, forgetRequests } from './records.ts'
import { type Rehearsed, startRehearsal } from './rehearsed.ts'

/* What the system uses and what it costs; both only look. */

const work = workFolder('dominion-metrics')
let clouds: Rehearsed
let unreachable: string
let loggedOut: string

beforeAll(async () => {
  clouds = await startRehearsal('sys-metrics')
  const empty = path.join(work.folder, 'az')
  mkdirSync(empty)
  unreachable = clouds.variant('unreachable', { HTTPS_PROXY: 'http://127.0.0.1:1' })
  loggedOut = clouds.variant('loggedout', { AZURE_CONFIG_DIR: empty })
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

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

test('before anything is deployed: no metrics, and what to do', async () => {
  const { code, stdout, stderr } = await clouds.dominion(['metrics'])
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/There is no container group in the resource group \S+\n→ Deploy first/)
})

test('cost needs no login and no deployment: the public list, part by part', async () => {
  await forgetRequests(clouds)
  const { code, stdout, stderr } = await clouds.dominion(['cost', '--json'], { environment: loggedOut })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const cost = json<{ total: number; parts: { id: string; monthly: number; source: string }[] }>(stdout)
  expect(cost.parts.map(({ id, monthly, source }) => [id, monthly, source])).toEqual([
    ['postgres-compute', 12.41, 'list'],
    ['postgres-storage', 3.68, 'list'],
    ['redis', 11.68, 'list'],
    ['registry', 5.07, 'list'],
    ['backend', 72.12, 'list'],
    ['worker', 36.06, 'list'],
    ['vps', 7.5, 'offline'],
    ['domain', 1.25, 'offline'],
  ])
  expect(cost.total).toBe(149.77)
  const { requests } = json<{ requests: { host: string }[] }>(
    await (await fetch(`${clouds.state.controlUrl}/requests`)).text(),
  )
  expect(new Set(requests.map(({ host }) => host))).toEqual(new Set(['prices.azure.com']))
})

test('the list out of reach: prices of the dated table, and it says so', async () => {
  const { code, stdout } = await clouds.dominion(['cost'], { environment: unreachable })
  expect(code).toBe(0)
  expect(stdout).toMatch(
    /The public price list gave no answer \(.*ECONNREFUSED.*\); those prices are from the table of/,
  )
  expect(stdout).toMatch(/Backend container +72\.12 +dated table/)
})

test('a size that the list does not have is unknown, exit 3', async () => {
  const odd = clouds.variant('odd', { POSTGRES_SKU: 'Standard_B20ms' })
  const { code, stdout } = await clouds.dominion(['cost'], { environment: odd })
  expect(code).toBe(3)
  expect(stdout).toMatch(/Standard_B20ms +UNKNOWN +public list .*has no .*B20ms in eastus/)
  expect(stdout).toMatch(/Total +UNKNOWN +\$137\.36 for the parts that have a price/)
})

test('what both containers really used, as figures, a table and a page', async () => {
  const deployed = await clouds.dominion(['deploy-complete', '--skip-ionos', '--quiet'])
  expect(deployed.stderr).toBe('')
  expect(deployed.code).toBe(0)
  const { config } = clouds
  const url = healthUrl(config, config.backend.dnsLabel)
  const started = Date.now()
  let asked = 0
  // Over more than one of the samples that are taken every 15 s.
  while (Date.now() - started < 20_000) {
    const request = { method: 'GET', url, effect: 'read', timeoutMs: 10_000 } as const
    await makeRequest(request, reachOf(config), AbortSignal.timeout(15_000))
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
  // A request is 100 bytes and more, and a busy sample spans 15 s.
  expect(received!.summary.maximum).toBeGreaterThan((asked * 100) / 40)
  // Nothing ran most of this hour.
  expect(cpu!.points.length).toBeGreaterThanOrEqual(60)
  expect(cpu!.points[0]!.average).toBeNull()
  expect(await changesAskedOfAzure(clouds)).toEqual([])

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

test('one worker more is wanted than there is: the others are shown, this one is named', async () => {
  const more = clouds.variant('more', { WORKER_COUNT: '2' })
  const { code, stdout, stderr } = await clouds.dominion(['metrics', '--json'], { environment: more })
  expect(code).toBe(1)
  const data = json<Metrics>(stdout)
  expect(data.groups.map(({ name }) => name)).toEqual(['codex-backend', 'codex-worker'])
  expect(data.failures).toEqual([
    { name: 'codex-worker-2', what: 'There is no container group codex-worker-2' },
  ])
  expect(stderr).toContain('release-containers')
})

test('logged out, unreachable, a time that is none, a folder that is not there: said, with the exit code', async () => {
  const out = await clouds.dominion(['metrics'], { environment: loggedOut })
  expect({ code: out.code, stdout: out.stdout }).toEqual({ code: 4, stdout: '' })
  expect(out.stderr).toContain('az login')
  const away = await clouds.dominion(['metrics', '--json'], { environment: unreachable })
  expect(away.code).toBe(3)
  expect(json<{ error: { what: string } }>(away.stdout).error.what).toBe('Azure cannot be reached from here')
  const when = await clouds.dominion(['metrics', '--since', 'yesterday'])
  expect(when.code).toBe(2)
  expect(when.stderr).toContain('--since=yesterday is not a time')
  const where = path.join(work.folder, 'none', 'page.html')
  const nowhere = await clouds.dominion(['metrics', '--html', where])
  expect(nowhere.code).toBe(2)
  expect(nowhere.stderr).toContain(`there is no folder ${path.dirname(where)}`)
  expect(statSync(path.dirname(where), { throwIfNoEntry: false })).toBeUndefined()
})
