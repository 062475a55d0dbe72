import { readFileSync, statSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receipt } from '../../lib/deploy/receipts/receipts.ts'
import { type ProcessResult, startProcess } from '../../lib/shell/spawn.ts'
import { getEnvironmentFile } from '../../rehearsal/rehearsal.ts'
import { createSdkClients } from '../support/sdkClients.ts'
import { copyBackend, createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { steadyLoad } from '../support/system/load.ts'
import {
  forgetRequests,
  getAzureChanges,
  getChangingLines,
  getPlannedLines,
} from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { type Session, startSession } from '../support/system/sessions.ts'
import { ssh } from '../support/system/site.ts'

/*
 * Container groups: more of them, larger ones, and moved while the connection to the VPS breaks. Each part continues
 * from the state that the previous one left.
 */

const work = createWorkFolder('dominion-containers')
let clouds: Rehearsal
let common: Record<string, string>
/** As `common`, with a backend of other sources. */
let newer: Record<string, string>
let environment: string
let running: Session | undefined

beforeAll(async () => {
  clouds = await startRehearsal('sys-containers')
  common = { DASHBOARD_DIR: smallDashboard(work.folder) }
  const backend = copyBackend(work.folder, 'newer', { 'dominion/app.py': (text) => `${text}\n# newer\n` })
  newer = { ...common, BACKEND_DIR: backend }
  environment = clouds.variant('scaled', newer)
  const { code, stderr } = await core(
    'deploy-complete',
    clouds.variant('two', { ...common, WORKER_COUNT: '2' }),
  )
  expect(code, stderr).toBe(0)
})
afterAll(async () => {
  running?.kill('SIGKILL')
  await clouds?.down()
  work.remove()
})

const core = (script: string, environment: string, ...flags: string[]): Promise<ProcessResult> =>
  clouds.dominion([script, ...flags], { environment })

async function groups(): Promise<string[]> {
  const answer = await fetch(`${clouds.state.controlUrl}/resources`)
  const { resources } = (await answer.json()) as { resources: { id: string }[] }
  return resources.flatMap(({ id }) => /containerGroups\/(.+)$/.exec(id)?.[1] ?? []).sort()
}

/* Several workers: created, changed, checked and removed. These runs deploy only the containers. */

test('another size: each is deleted and created, one after the other, with the commands of the plan', async () => {
  expect(await groups()).toEqual(['codex-backend', 'codex-worker', 'codex-worker-2'])
  const bigger = clouds.variant('bigger', { ...common, WORKER_COUNT: '2', WORKER_MEMORY_GB: '3' })
  const lines = await getPlannedLines(clouds, ['release-containers'], bigger)
  expect(
    lines.map((line) => /delete .*containerGroups\/([\w-]+)|--file <([\w-]+)/.exec(line)?.slice(1)),
  ).toEqual([
    ...[
      ['codex-worker', undefined],
      [undefined, 'codex-worker'],
    ],
    ...[
      ['codex-worker-2', undefined],
      [undefined, 'codex-worker-2'],
    ],
  ])
  const { code, stdout, stderr } = await core('release-containers', bigger, '--json')
  expect(code, stderr).toBe(0)
  const { receipt } = JSON.parse(stdout) as { receipt: Receipt }
  expect(getChangingLines(clouds, receipt.id, bigger)).toEqual(lines)
})

/* Maintenance of what the backend depends on. */

test('database and Redis are stopped for three minutes: /health says so, and nothing is restarted', async () => {
  const read = async (name: string) => {
    const answer = await fetch(`${clouds.state.controlUrl}/containers/${name}`)
    return (await answer.json()) as { pid: number; restarts: number; ready: boolean; incarnation: number }
  }
  const pick = ({ pid, restarts, incarnation }: Awaited<ReturnType<typeof read>>) => {
    return { pid, restarts, incarnation }
  }
  const servers = [`/postgres/${clouds.config.postgres.server}`, `/redis/${clouds.config.redis.name}`]
  const groups = ['codex-backend', 'codex-worker'] as const
  const lives = () => Promise.all(groups.map(async (name) => pick(await read(name))))
  const before = await lives()
  for (const server of servers) await clouds.control(`${server}/stop`)
  // A liveness probe on /health would give up after four failures 15 s apart.
  const until = Date.now() + 180_000
  await expect.poll(async () => (await read('codex-backend')).ready, { timeout: 60_000 }).toBe(false)
  while (Date.now() < until) {
    expect(await lives()).toEqual(before)
    await pause(5000)
  }
  for (const server of servers) await clouds.control(`${server}/start`)
  await expect.poll(async () => (await read('codex-backend')).ready, { timeout: 60_000 }).toBe(true)
  expect(await lives()).toEqual(before)
})

test('Microsoft’s JavaScript clients: state, log and restart of a container, restart of the database', async () => {
  const { azEnvironment } = clouds.config.network
  const { code, stdout, stderr } = await startProcess(
    ['az', 'account', 'get-access-token', '--query', 'accessToken', '--output', 'tsv'],
    { env: { ...process.env, ...azEnvironment }, timeoutMs: 60_000, signal: AbortSignal.timeout(60_000) },
  )
  expect(code, stderr).toBe(0)
  const { containers, postgres } = createSdkClients({
    ...{ subscription: clouds.state.servicePrincipal.subscription.id, token: stdout.trim() },
    proxyUrl: azEnvironment.HTTPS_PROXY!,
    authority: readFileSync(azEnvironment.REQUESTS_CA_BUNDLE!, 'utf8'),
  })
  const [group, name] = [clouds.config.azure.resourceGroup, 'codex-worker'] as const
  const read = async () => (await containers.containerGroups.get(group, name)).containers[0]
  const before = await read()
  expect(before?.instanceView?.currentState).toMatchObject({ state: 'Running', startTime: expect.any(Date) })
  const log = async () =>
    (await containers.containers.listLogs(group, name, before!.name)).content?.length ?? 0
  const length = await log()
  await containers.containerGroups.beginRestartAndWait(group, name)
  await expect
    .poll(async () => (await read())?.instanceView?.currentState, { timeout: 30_000 })
    .toSatisfy(
      (now: { state?: string; startTime?: Date }) =>
        now.state === 'Running' && now.startTime! > before!.instanceView!.currentState!.startTime!,
    )
  await expect.poll(log, { timeout: 30_000 }).toBeGreaterThan(length)

  const { server } = clouds.config.postgres
  await postgres.servers.beginRestartAndWait(group, server)
  expect(await postgres.servers.get(group, server)).toMatchObject({ state: 'Ready' })
  const ready = async () => {
    const answer = await fetch(`${clouds.state.controlUrl}/containers/codex-backend`)
    return ((await answer.json()) as { ready: boolean }).ready
  }
  await expect.poll(ready, { timeout: 60_000 }).toBe(true)
})

test('a container that keeps crashing makes a deploy with nothing to do fail, by name', async () => {
  const url = `${clouds.state.controlUrl}/containers/codex-worker-2`
  // It may be restarting when it is killed, and then it is killed again.
  async function killed(): Promise<number> {
    await clouds.control('/containers/codex-worker-2/kill')
    return ((await (await fetch(url)).json()) as { restarts: number }).restarts
  }
  await expect.poll(killed, { timeout: 180_000, interval: 500 }).toBeGreaterThanOrEqual(3)
  const { code, stderr } = await core('deploy-complete', `${clouds.name}-bigger`, '--skip-ionos')
  expect(stderr).toMatch(/│ containers: codex-worker-2 (keeps crashing|is Waiting) /)
  expect(code).toBe(1)
  expect(stderr).toMatch(/Worker containers: ok, 2 × /)
})

test('one worker again: the surplus is deleted as the plan says, and the site is verified', async () => {
  const one = clouds.variant('one', { ...common, WORKER_COUNT: '1', WORKER_MEMORY_GB: '3' })
  const plan = await core('deploy-complete', one, '--dry-run', '--skip-ionos')
  expect(plan.stdout).toMatch(
    /Worker container: delete codex-worker-2: WORKER_COUNT is 1\n +\$ az rest --method delete .*containerGroups\/codex-worker-2\?/,
  )
  const { code, stderr } = await core('deploy-complete', one, '--skip-ionos')
  expect(code, stderr).toBe(0)
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
})

/* The ssh connection to the VPS breaks in the middle of a release: the run reports it, and the site is still served. */

/** Kills the sshd process of the run that holds the lock. */
const breakConnection = () =>
  ssh(
    clouds,
    `pid=$(cat /run/codex-dominion/deploy.lock.pid)
until grep -q '^Name:.sshd' /proc/$pid/status; do pid=$(sed -n 's/^PPid:.//p' /proc/$pid/status); done
kill -9 $pid`,
  )

/** The host that nginx proxies /api/ to. */
const target = async () =>
  (await ssh(clouds, 'cat /etc/nginx/dominion/*/loaded/backend.conf')).match(/codex-api[a-z-]*/)?.[0]

test('killed before, between and after the two switches: no request fails, and the same command finishes', async () => {
  const environment = clouds.variant('newer', { ...newer, WORKER_MEMORY_GB: '3' })
  const built = await clouds.dominion(['build-image'], { environment })
  expect(built.code, built.stderr).toBe(0)
  const load = steadyLoad(clouds.config)
  const release = () => {
    running = startSession(['release-containers', '--env', environment])
    return running
  }
  const lost =
    /✖ Backend container: The connection to \S+ was lost[\s\S]*→ Run this command again[\s\S]*Resume with: +npx dominion release-containers/

  const first = release()
  await first.until(/starting codex-backend-next/)
  await breakConnection()
  const early = await first.ended
  expect(early.said).toMatch(lost)
  expect(early.code).toBe(3)
  expect(early.said).not.toMatch(/nginx sends/)
  expect(await target()).toBe('codex-api')

  const second = release()
  await second.until(/nginx sends \/api\/ to codex-api-next\./)
  await breakConnection()
  const late = await second.ended
  expect(late.said).toMatch(lost)
  expect(late.code).toBe(3)
  expect(late.said).not.toMatch(/nginx sends \/api\/ to codex-api\.|deleting codex-backend-next/)
  expect(await target()).toBe('codex-api-next')
  expect(await groups()).toContain('codex-backend-next')

  const third = release()
  await third.until(/Worker container.*: (starting|deleting) codex-worker/)
  await breakConnection()
  const last = await third.ended

  const finished = await release().ended
  const { answered, failed } = await load.stop()
  expect(last.said).toMatch(/Backend container: finish the interrupted release/)
  expect(last.said).toMatch(
    /✖ The connection to \S+, and with it the deploy lock, was lost[\s\S]*→ Run this command again/,
  )
  expect(last.code).toBe(3)
  expect(finished.code, finished.said).toBe(0)
  expect(await target()).toBe('codex-api')
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
  expect(failed).toEqual([])
  expect(answered).toBeGreaterThan(50)
})

/* Other sizes and counts with `scale`. */

const run = (...args: string[]): Promise<ProcessResult> => clouds.dominion(args, { environment })

/** Container groups as az shows them: `name CPU GB`. */
async function sizes(): Promise<string[]> {
  const { azEnvironment } = clouds.config.network
  const query = '[].[name, containers[0].resources.requests.cpu, containers[0].resources.requests.memoryInGb]'
  const { code, stdout, stderr } = await startProcess(
    ['az', 'container', 'list', '--query', query, '--output', 'json'],
    { env: { ...process.env, ...azEnvironment }, timeoutMs: 60_000, signal: AbortSignal.timeout(60_000) },
  )
  expect(code, stderr).toBe(0)
  return (JSON.parse(stdout) as [string, number, number][]).map((row) => row.join(' ')).sort()
}

test('refused before anything is touched: too large, too small, no terminal, not logged in', async () => {
  await forgetRequests(clouds)
  const large = await run('scale', 'backend', '--cpu', '64', '--memory', '0.5', '--yes')
  expect(large.code).toBe(2)
  expect(large.stderr).toMatch(
    /64 CPU and 0\.5 GB is not allowed[\s\S]*Nearest allowed size: --cpu 4 --memory 1\n/,
  )
  const unasked = await run('scale', 'backend', '--cpu', '1')
  expect(unasked.code).toBe(2)
  expect(unasked.stderr).toMatch(
    /Backend container +\d+\.\d\d +\d+\.\d\d[\s\S]*no terminal to prompt on[\s\S]*Add --yes/,
  )
  const out = clouds.variant('out', { AZURE_CONFIG_DIR: work.folder })
  expect(await clouds.dominion(['scale', '--workers', '2', '--yes'], { environment: out })).toMatchObject({
    code: 4,
  })
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('backend: with a surge group, no request fails; the next deploy would revert it, and the script says so', async () => {
  const plan = await run('scale', 'backend', '--cpu', '1', '--memory', '2', '--dry-run')
  expect(plan.stdout).toMatch(/Cost \(\d+\.\d\d → \d+\.\d\d \$ a month; all parts/)
  expect(plan.stdout).toMatch(
    /delete and create again \(ACI cannot change this in place\), with codex-backend-next in parallel/,
  )
  const load = steadyLoad(clouds.config)
  const { code, stdout, stderr } = await run('scale', 'backend', '--cpu', '1', '--memory', '2', '--yes')
  const { answered, failed } = await load.stop()
  console.log(`scale backend: ${answered} requests meanwhile, ${failed.length} failed`)
  expect(code, stderr).toBe(0)
  expect(failed).toEqual([])
  expect(stdout).toContain('BACKEND_CPU=1\n  BACKEND_MEMORY_GB=2')
  expect(await sizes()).toEqual(['codex-backend 1 2', 'codex-worker 1 3'])
  const next = await run('release-containers', '--dry-run')
  expect(next.stdout).toMatch(/CPU: 1 → 2[\s\S]*memory \(GB\): 2 → 4/)
})

test('workers: killed while the only one is recreated, the same command continues; --save keeps it for the next deploy', async () => {
  const file = getEnvironmentFile(environment)
  const before = readFileSync(file, 'utf8')
  const args = ['scale', 'worker', '--cpu', '1.5', '--memory', '2', '--workers', '2', '--yes', '--save']
  const session = startSession([...args, '--env', environment])
  await session.until(/Worker container.*: (starting|deleting) codex-worker/)
  session.kill('SIGKILL')
  await session.ended
  expect(readFileSync(file, 'utf8')).toBe(before)
  const { code, stderr } = await run(...args)
  expect(code, stderr).toBe(0)
  expect(await sizes()).toEqual(['codex-backend 1 2', 'codex-worker 1.5 2', 'codex-worker-2 1.5 2'])
  const after = readFileSync(file, 'utf8')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const changed = after.split('\n').filter((line) => !before.split('\n').includes(line))
  expect(changed).toEqual(['WORKER_CPU=1.5', 'WORKER_COUNT=2'])
  const next = await run('release-containers', '--dry-run', '--json')
  const { steps } = JSON.parse(next.stdout) as { steps: { id: string; state: string }[] }
  expect(steps.find(({ id }) => id === 'worker')?.state).toBe('ok')
  const again = await run(...args)
  expect(again.stdout).toMatch(/^Nothing to do/)
})

test('fewer workers: only the surplus one is deleted', async () => {
  const { code, stdout, stderr } = await run('scale', '--workers', '1', '--yes')
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('WORKER_COUNT=1')
  expect(await sizes()).toEqual(['codex-backend 1 2', 'codex-worker 1.5 2'])
})
