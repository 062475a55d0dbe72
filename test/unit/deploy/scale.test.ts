import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Azure } from '../../../lib/azure/client.ts'
import type { ContainerGroup } from '../../../lib/azure/resources/containerGroups.ts'
import { loadConfig } from '../../../lib/config/load.ts'
import type { Estimate } from '../../../lib/cost/estimate.ts'
import {
  formatCost,
  type Scaled,
  saveTask,
  scaledConfig,
  scaleNow,
  valuesToSet,
} from '../../../lib/deploy/scale.ts'
import { type Change, nothingAhead, type Task } from '../../../lib/tasks/task.ts'
import { getFailure, loadTestConfig, temporaryFolder } from '../../support/helpers.ts'

const group = (name: string, cpu: number, memoryInGb: number, image = 'r/i:1'): ContainerGroup => ({
  name,
  containers: [{ name, image, resources: { requests: { cpu, memoryInGb } } }],
})
const now = async (part: Scaled, ...groups: ContainerGroup[]) =>
  scaleNow(await loadTestConfig('WORKER_COUNT=4'), { groups: async () => groups } as unknown as Azure, part)

test('the current size of a part, also after an interrupted run', async () => {
  const backend = group('codex-backend', 2, 4)
  const settled = { image: 'r/i:1', settled: true }
  expect(await now('backend', backend, group('else', 9, 9))).toEqual({
    cpu: 2,
    memoryGb: 4,
    count: 1,
    ...settled,
  })
  // Killed before and after the stable group was deleted.
  const next = group('codex-backend-next', 4, 4)
  expect(await now('backend', backend, next)).toMatchObject({ cpu: 2, settled: false })
  expect(await now('backend', next)).toMatchObject({ cpu: 4, image: 'r/i:1', settled: false })
  expect(await getFailure(now('backend', backend, group('codex-backend-next', 2, 4, 'r/i:2')))).toMatchObject(
    {
      what: 'The release of another image was interrupted: codex-backend-next runs r/i:2',
    },
  )
  expect(await getFailure(now('backend'))).toMatchObject({
    what: 'codex-backend does not exist, so it cannot be scaled',
  })

  const workers = [10, 2].map((number) => group(`codex-worker-${number}`, 1, 2))
  expect(await now('worker', ...workers, group('codex-worker', 1, 2))).toMatchObject({
    count: 10,
    settled: false,
  })
  expect(await now('worker', group('codex-worker', 1, 2), workers[1]!)).toEqual({
    ...{ cpu: 1, memoryGb: 2, count: 2 },
    ...settled,
  })
  expect(await now('worker', group('codex-worker', 2, 2), workers[1]!)).toMatchObject({
    cpu: 2,
    settled: false,
  })
  // The only worker was deleted and not yet created again.
  expect(await now('worker', backend)).toMatchObject({
    cpu: 1,
    memoryGb: 2,
    count: 4,
    image: 'r/i:1',
    settled: false,
  })
  expect(await getFailure(now('worker', group('codex-worker-x', 1, 2)))).toMatchObject({
    what: 'codex-worker does not exist, so it cannot be scaled',
  })
})

test('the values for .env, which then match the running containers', async () => {
  const config = await loadTestConfig('WORKER_CPU=1', 'WORKER_MEMORY_GB=2')
  const to = { cpu: 1.5, memoryGb: 2, count: 3 }
  expect(valuesToSet(config, 'worker', to)).toEqual({ WORKER_CPU: '1.5', WORKER_COUNT: '3' })
  expect(valuesToSet(scaledConfig(config, 'worker', to), 'worker', to)).toEqual({})
  expect(valuesToSet(config, 'backend', { ...to, count: 1 })).toEqual({
    BACKEND_CPU: '1.5',
    BACKEND_MEMORY_GB: '2',
  })
})

test.each<[string | undefined, string]>([
  ['staging', '.env.staging'],
  [undefined, '.env'],
])('--env %s: --save writes to %s, even if .env alone sets the size so far', async (environment, file) => {
  const folder = temporaryFolder()
  const before: Record<string, string> = { '.env': 'WORKER_CPU=1\n', '.env.staging': 'DOMAIN=staging.app\n' }
  for (const [name, text] of Object.entries(before)) writeFileSync(path.join(folder, name), text)
  const config = await loadConfig(folder, environment)
  const task = saveTask(config, 'worker', { ...config.worker, cpu: 2 }, {} as Task)
  const plan = (await task.inspect(nothingAhead)) as Change
  expect(plan).toMatchObject({
    what: file,
    fields: [{ name: `${file}: WORKER_CPU`, before: '1', after: '2' }],
  })
  await task.afterAll!(plan, () => {})
  const after = Object.fromEntries(
    Object.keys(before).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
  )
  expect(after).toEqual({
    ...before,
    [file]: file === '.env' ? 'WORKER_CPU=2\n' : `${before[file]}WORKER_CPU=2\n`,
  })
})

test('the cost before and after; an unknown price is not zero', () => {
  const estimate = (monthly: number | null): Estimate => ({
    parts: [
      {
        id: 'worker',
        title: 'Worker container',
        monthly,
        currency: 'USD',
        quantity: '730 h × 1 CPU',
        source: 'list',
      },
    ],
    ...{ total: monthly, known: monthly ?? 0, currency: 'USD', priced: '2026-11-01' },
  })
  const { table, line } = formatCost('worker', estimate(36.1), estimate(null))
  expect(table.split('\n')[1]).toMatch(/^Worker container +36\.10 +UNKNOWN +730 h × 1 CPU$/)
  expect(line).toBe('36.10 → UNKNOWN $ a month; all parts 36.10 → UNKNOWN (prices of 2026-11-01)')
})
