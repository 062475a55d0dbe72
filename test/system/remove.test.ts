import { afterAll, beforeAll, expect, test } from 'vitest'
import { smallDashboard, workFolder } from './applications.ts'
import { onVps } from './face.ts'
import { receiptsOf } from './records.ts'
import { type Rehearsed, startRehearsal } from './rehearsed.ts'

/* remove: what the deploy made goes, by name typed; what is not its own stays. */

const work = workFolder('dominion-remove')
let clouds: Rehearsed
let environment: string

beforeAll(async () => {
  clouds = await startRehearsal('sys-remove')
  environment = clouds.variant('small', { DASHBOARD_DIR: smallDashboard(work.folder, 1) })
  await deployed()
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

async function deployed(): Promise<void> {
  const done = await clouds.dominion(['deploy-complete'], { environment })
  expect(done.code, done.stderr).toBe(0)
}
const remove = (...flags: string[]) => clouds.dominion(['remove', ...flags], { environment })
const resources = async () => {
  const answer = await fetch(`${clouds.state.controlUrl}/resources`)
  const { resources } = (await answer.json()) as { resources: { id: string }[] }
  return resources.map(({ id }) => id)
}

test('without the domain typed nothing is touched, and what would be lost is shown', async () => {
  const before = await resources()
  const asked = await remove()
  expect(asked.code, asked.stderr).toBe(2)
  expect(asked.stderr).toMatch(/VPS: nginx configuration, certificate, 1 releases? of the pages/)
  expect(asked.stderr).toMatch(/Containers: codex-backend, codex-worker/)
  expect(asked.stderr).toMatch(/Database: codexdominion-db with every row/)
  expect(asked.stderr).toMatch(/It costs: about \$\d+\.\d\d a month/)
  expect(asked.stderr).toMatch(/--confirm=codexdominion\.app/)
  const wrong = await remove('--confirm=codexdominion.ap', '--quiet')
  expect(wrong.code).toBe(2)
  expect(wrong.stderr).toMatch(/--confirm=codexdominion\.ap is not the name/)
  expect(await resources()).toEqual(before)
})

test('the plan names every line, and asks nothing', async () => {
  const plan = await remove('--dry-run', '--detailed-exitcode')
  expect(plan.code, plan.stderr).toBe(2)
  for (const line of [
    /vps: .*remove.* codexdominion\.app \/var\/www/,
    /az container delete .*codex-backend /,
    /az container delete .*codex-worker /,
    /az resource delete .*redisEnterprise\/codexdominion-redis/,
    /az resource delete .*flexibleServers\/codexdominion-db/,
    /az resource delete .*registries\/codexacr1216/,
  ])
    expect(plan.stdout).toMatch(line)
})

test('with the domain typed all of it goes, and nothing that is not ours', async () => {
  await onVps(
    clouds,
    `printf 'server { listen 8081; return 204; }\\n' > /etc/nginx/sites-enabled/neighbour.conf && systemctl reload nginx`,
  )
  const done = await remove('--confirm=codexdominion.app')
  expect(done.code, done.stderr).toBe(0)
  expect((await resources()).filter((id) => id.includes('/providers/Microsoft.'))).toEqual([])
  const left = await onVps(
    clouds,
    'ls -d /var/www/codexdominion.app /etc/nginx/dominion /etc/letsencrypt/live/codexdominion.app 2> /dev/null; ls /etc/nginx/sites-enabled /var/lib/codex-dominion/receipts; systemctl is-active nginx',
  )
  expect(left).not.toMatch(/var\/www|nginx\/dominion|letsencrypt|codexdominion/)
  expect(left).toMatch(/neighbour\.conf/)
  expect(left).toMatch(/deploy-complete/)
  expect(left).toMatch(/^active$/m)
  expect(receiptsOf(clouds, environment).map(({ receipt }) => receipt.result)).toEqual(['done', 'done'])
  const again = await remove('--confirm=codexdominion.app')
  expect(again.code, again.stderr).toBe(0)
  expect(again.stdout).toMatch(/Nothing to do/)
})

test('and it can be deployed again', async () => {
  await deployed()
})
