import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receipt } from '../../lib/deploy/receipts/receipts.ts'
import { createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'

const work = createWorkFolder('dominion-latency')
let clouds: Rehearsal
let environment: string

beforeAll(async () => {
  clouds = await startRehearsal('test-latency', { latency: 'realistic', vpsFrom: 'bookworm' })
  environment = clouds.variant('small', { DASHBOARD_DIR: smallDashboard(work.folder) })
})

afterAll(async () => {
  await clouds?.down()
  work.remove()
})

test('with realistic latency, a deploy takes no longer than its longest chain, and much less than the sum', async () => {
  const done = await clouds.dominion(['deploy-complete', '--json'], { environment, timeoutMs: 15 * 60_000 })
  expect(done.code, done.stderr).toBe(0)
  const { receipt } = JSON.parse(done.stdout) as { receipt: Receipt }
  const { seconds, longestChain, changed } = receipt
  const oneAfterTheOther = changed.reduce((sum, step) => sum + step.seconds, 0)
  const steps = [...changed].sort((a, b) => b.seconds - a.seconds)
  console.log(
    [
      `deploy ${seconds} s, longest chain ${longestChain.seconds.toFixed(1)} s (${longestChain.ids.join(' → ')})`,
      `one after the other ${oneAfterTheOther.toFixed(1)} s: ${(oneAfterTheOther / seconds).toFixed(2)} × the deploy`,
      ...steps.slice(0, 8).map((step) => `  ${step.seconds.toFixed(1)} s  ${step.id}`),
    ].join('\n'),
  )
  expect(seconds).toBeLessThanOrEqual(longestChain.seconds * 1.1)
  // Azure's share is waiting time, which a busy machine does not stretch: it alone is 48 + 30 + 18 + 2 × 4.5 s in
  // sequence.
  expect(oneAfterTheOther / seconds).toBeGreaterThanOrEqual(1.7)
})
