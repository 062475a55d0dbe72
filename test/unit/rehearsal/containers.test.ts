import { expect, test } from 'vitest'
import { containerLog } from '../../../rehearsal/azure/containerLog.ts'
import { containerGroups } from '../../../rehearsal/azure/containers.ts'
import type { Call } from '../../../rehearsal/azure/http.ts'
import type { Resource } from '../../../rehearsal/azure/world.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'

const get = (query: string): Call => ({
  ...{ method: 'GET', host: 'management.azure.com', path: '/', headers: {}, body: Buffer.alloc(0) },
  query: new URLSearchParams(query),
})

test('the log of a container that has written nothing is null, as ARM returns it', async () => {
  const log = containerLog()
  const group = {
    name: 'codex-worker',
    wanted: { properties: { containers: [{ name: 'codex-worker' }] } },
    runtime: { container: { log } },
  } as unknown as Resource
  const read = async (query = '') =>
    (await containerGroups.read?.(
      createEmptyWorld(),
      group,
      ['containers', 'codex-worker', 'logs'],
      get(query),
    ))!.body
  expect(await read()).toEqual({ content: null })
  log.keep('first\nlast\n')
  expect(await read('tail=1')).toEqual({ content: 'last\n' })
})
