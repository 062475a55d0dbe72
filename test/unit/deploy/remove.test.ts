import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { removeAzureTasks } from '../../../lib/azure/remove.ts'
import { getDataTier } from '../../../lib/azure/resources/index.ts'

import type { ShareKind } from '../../../lib/config/schema.ts'
import { azurePartsTask, reasonToStay } from '../../../lib/deploy/remove.ts'
import type { SharedWith } from '../../../lib/deploy/separation.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { createTask } from '../../support/tasks.ts'

const login = createTask('azure-login')

/** Everything exists, but no containers. */
const everything = () =>
  fakeAz(
    { match: /^account show/, stdout: '{"id":"s","name":"Codex","tenantId":"t"}' },
    { match: /^container list/, stdout: '[]' },
    { match: /^resource show --ids \S+\/registries\/\S+ --api/, stdout: '{"name":"the-registry"}' },
    { match: /^resource show --ids \S+\/flexibleServers\/[^/ ]+ --api/, stdout: '{"name":"the-server"}' },
    { match: /^resource show --ids \S+\/Microsoft\.Cache\/\S+ --api/, stdout: '{"name":"the-redis"}' },
    { match: /^resource show/, code: 3 },
  )

test('each part of the data tier stays when another environment names it, and the others go', async () => {
  const { context } = await everything()
  for (const { id, shared: rules } of getDataTier(context.config)) {
    const { kind } = rules[0]
    const shared: SharedWith = { kind, what: id, keys: ['DOMAIN'], files: ['.env.staging'] }
    const staying = new Map<ShareKind, SharedWith>([[kind, shared]])
    const azure = createAzure(context)
    const tasks = removeAzureTasks(context, azure, { after: [login], stays: reasonToStay(staying) })
    const task = tasks.find((each) => each.id === `remove-${id}`)
    expect(await task?.inspect(nothingAhead)).toMatchObject({
      ...{ state: 'ok', reason: `${id}: not removed, also named by .env.staging` },
    })
    const seen = await azurePartsTask(context, azure, staying, login).inspect(nothingAhead)
    const names = { registry: 'the-registry', database: 'the-server', redis: 'the-redis' }
    const others = Object.entries(names).filter(([part]) => part !== id)
    expect(seen).toMatchObject({ state: 'ok', reason: others.map(([, name]) => name).join(', ') })
  }
})

test('the plan says whose name stays reserved after the deletion', async () => {
  const { context } = await everything()
  const tasks = removeAzureTasks(context, createAzure(context), { after: [login], stays: () => undefined })
  const plan = await Promise.all(tasks.map(({ inspect }) => inspect(nothingAhead)))
  expect(plan).toMatchObject([
    { state: 'ok' },
    { what: 'delete codexdominion-redis' },
    { what: 'delete codexdominion-db, whose name may stay reserved for days' },
    { what: 'delete codexacr1216' },
  ])
})
