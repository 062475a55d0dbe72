import { readFileSync, statSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ProcessResult, startProcess } from '../../lib/command/process.ts'
import { environmentOf } from '../../rehearsal/rehearsal.ts'
import { smallDashboard, workFolder } from './applications.ts'
import { steadyLoad } from './load.ts'
import { changesAskedOfAzure, forgetRequests } from './records.ts'
import { type Rehearsed, startRehearsal } from './rehearsed.ts'
import { startSession } from './sessions.ts'

const work = workFolder('dominion-scale')
let clouds: Rehearsed
let environment: string

beforeAll(async () => {
  clouds = await startRehearsal('sys-scale')
  environment = clouds.variant('small', { DASHBOARD_DIR: smallDashboard(work.folder) })
  expect(await run('deploy-complete', '--quiet')).toMatchObject({ code: 0 })
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const run = (...args: string[]): Promise<ProcessResult> => clouds.dominion(args, { environment })

/** Container groups as az shows them: `name CPU GB`. */
async function groups(): Promise<string[]> {
  const { azEnvironment } = clouds.config.network
  const query = '[].[name, containers[0].resources.requests.cpu, containers[0].resources.requests.memoryInGb]'
  const { code, stdout, stderr } = await startProcess(
    ['az', 'container', 'list', '--query', query, '--output', 'json'],
    { env: { ...process.env, ...azEnvironment }, timeoutMs: 60_000, signal: AbortSignal.timeout(60_000) },
  )
  expect(code, stderr).toBe(0)
  return (JSON.parse(stdout) as [string, number, number][]).map((row) => row.join(' ')).sort()
}

test('refused before anything is touched: too large, too small, nobody to ask, not logged in', async () => {
  await forgetRequests(clouds)
  const large = await run('scale', 'backend', '--cpu', '64', '--memory', '0.5', '--yes')
  expect(large.code).toBe(2)
  expect(large.stderr).toMatch(
    /64 CPU and 0\.5 GB is not allowed[\s\S]*nearest allowed: --cpu 4 --memory 1\n/,
  )
  const unasked = await run('scale', 'backend', '--cpu', '1')
  expect(unasked.code).toBe(2)
  expect(unasked.stderr).toMatch(
    /Backend container +\d+\.\d\d +\d+\.\d\d[\s\S]*no terminal to ask on[\s\S]*Add --yes/,
  )
  const out = clouds.variant('out', { AZURE_CONFIG_DIR: work.folder })
  expect(await clouds.dominion(['scale', '--workers', '2', '--yes'], { environment: out })).toMatchObject({
    code: 4,
  })
  expect(await changesAskedOfAzure(clouds)).toEqual([])
})

test('backend: the surge way, no request fails; the next deploy would set it back, and the script says so', async () => {
  const plan = await run('scale', 'backend', '--cpu', '1', '--memory', '2', '--dry-run')
  expect(plan.stdout).toMatch(/Cost \(\d+\.\d\d → \d+\.\d\d \$ a month; all parts/)
  expect(plan.stdout).toMatch(
    /delete and create again \(ACI cannot change this in place\), beside codex-backend-next/,
  )
  const load = steadyLoad(clouds.config)
  const { code, stdout, stderr } = await run('scale', 'backend', '--cpu', '1', '--memory', '2', '--yes')
  const { answered, failed } = await load.stop()
  console.log(`scale backend: ${answered} requests meanwhile, ${failed.length} failed`)
  expect(code, stderr).toBe(0)
  expect(failed).toEqual([])
  expect(stdout).toContain('BACKEND_CPU=1\n  BACKEND_MEMORY_GB=2')
  expect(await groups()).toEqual(['codex-backend 1 2', 'codex-worker 1 2'])
  const next = await run('release-containers', '--dry-run')
  expect(next.stdout).toMatch(/CPU: 1 → 2[\s\S]*memory \(GB\): 2 → 4/)
})

test('workers: killed while the only one is made anew, the same line goes on; --save keeps it for the next deploy', async () => {
  const file = environmentOf(environment)
  const before = readFileSync(file, 'utf8')
  const args = ['scale', 'worker', '--cpu', '1.5', '--memory', '2', '--workers', '2', '--yes', '--save']
  const session = startSession([...args, '--env', environment])
  await session.until(/Worker container.*: (starting|deleting) codex-worker/)
  session.kill('SIGKILL')
  await session.ended
  expect(readFileSync(file, 'utf8')).toBe(before)
  const { code, stderr } = await run(...args)
  expect(code, stderr).toBe(0)
  expect(await groups()).toEqual(['codex-backend 1 2', 'codex-worker 1.5 2', 'codex-worker-2 1.5 2'])
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

test('fewer workers: the surplus one is deleted, and only it', async () => {
  const { code, stdout, stderr } = await run('scale', '--workers', '1', '--yes')
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('WORKER_COUNT=1')
  expect(await groups()).toEqual(['codex-backend 1 2', 'codex-worker 1.5 2'])
})
