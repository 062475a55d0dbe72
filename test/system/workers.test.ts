import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receipt } from '../../lib/deploy/receipt.ts'
import { changingLines, plannedLines } from './records.ts'
import { type Rehearsed, startRehearsal } from './rehearsed.ts'

/* Several workers: made, changed, watched and taken away. Of the core alone, which is all that they touch. */

let clouds: Rehearsed
let two: string

beforeAll(async () => {
  clouds = await startRehearsal('sys-workers')
  two = clouds.variant('two', { WORKER_COUNT: '2' })
  const { code, stderr } = await core('deploy-complete', two, '--skip-ionos')
  expect(code, stderr).toBe(0)
})
afterAll(() => clouds?.down())

const core = (script: string, environment: string, ...flags: string[]) =>
  clouds.dominion([script, ...flags], { environment })

async function groups(): Promise<string[]> {
  const answer = await fetch(`${clouds.state.controlUrl}/resources`)
  const { resources } = (await answer.json()) as { resources: { id: string }[] }
  return resources.flatMap(({ id }) => /containerGroups\/(.+)$/.exec(id)?.[1] ?? []).sort()
}

test('another size: each is deleted and created, one after the other, by the lines of the plan', async () => {
  expect(await groups()).toEqual(['codex-backend', 'codex-worker', 'codex-worker-2'])
  const bigger = clouds.variant('bigger', { WORKER_COUNT: '2', WORKER_MEMORY_GB: '3' })
  const lines = await plannedLines(clouds, ['release-containers'], bigger)
  expect(lines.map((line) => /(--name|--file) <?[\w-]+/.exec(line)?.[0])).toEqual([
    ...['--name codex-worker', '--file <codex-worker', '--name codex-worker-2', '--file <codex-worker-2'],
  ])
  const { code, stdout, stderr } = await core('release-containers', bigger, '--json')
  expect(code, stderr).toBe(0)
  const { receipt } = JSON.parse(stdout) as { receipt: Receipt }
  expect(changingLines(clouds, receipt.id, bigger)).toEqual(lines)
})

test('one that crashes again and again: a deploy with nothing to do fails by its name', async () => {
  const url = `${clouds.state.controlUrl}/containers/codex-worker-2`
  const read = async () => (await (await fetch(url)).json()) as { restarts: number }
  for (let restarts = 1; restarts <= 3; restarts++) {
    await clouds.control('/containers/codex-worker-2/kill')
    await expect
      .poll(async () => (await read()).restarts, { timeout: 60_000, interval: 250 })
      .toBeGreaterThanOrEqual(restarts)
  }
  const { code, stderr } = await core('deploy-complete', `${clouds.name}-bigger`, '--skip-ionos')
  expect(stderr).toMatch(/│ containers: codex-worker-2 (crashes again and again|is Waiting) /)
  expect(code).toBe(1)
  expect(stderr).toMatch(/Worker containers: ok, 2 × /)
})

test('one worker again: the surplus is deleted as the plan says, and the site is verified', async () => {
  const one = clouds.variant('one', { WORKER_COUNT: '1', WORKER_MEMORY_GB: '3' })
  const plan = await core('deploy-complete', one, '--dry-run', '--skip-ionos')
  expect(plan.stdout).toMatch(
    /Worker container: delete codex-worker-2: WORKER_COUNT is 1\n +\$ az container delete .*--name codex-worker-2 /,
  )
  const { code, stderr } = await core('deploy-complete', one, '--skip-ionos')
  expect(code, stderr).toBe(0)
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
})
