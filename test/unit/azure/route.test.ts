import { expect, test } from 'vitest'
import { routeTask } from '../../../lib/azure/containers/route.ts'
import type { ContainerGroup } from '../../../lib/azure/resources/containerGroups.ts'
import { executeTasks } from '../../../lib/tasks/engine.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { exitCode, OpsError, unknownError } from '../../../lib/util/errors.ts'
import { backendHost, getFailure } from '../../support/helpers.ts'
import { createTask, engine } from '../../support/tasks.ts'

/* The end of release-containers: whether nginx sends requests to the backend. */

const backend = createTask('backend')

/** The task, where nginx sends requests to this host, or the VPS does not answer. */
function route(target: string | undefined | Error) {
  const group: ContainerGroup = { name: 'codex-backend', ipAddress: { fqdn: backendHost }, containers: [] }
  const proxy = {
    async target() {
      if (target instanceof Error) throw target
      return target
    },
  }
  return routeTask({ groups: async () => [group] }, proxy, [backend])
}

const silent = unknownError('the VPS does not answer')

test('nginx sends requests to the backend, or there is no nginx: done', async () => {
  expect(await route(backendHost).inspect(nothingAhead)).toMatchObject({
    ...{ state: 'ok', reason: `it sends /api/ to ${backendHost}` },
  })
  expect(await route(undefined).inspect(nothingAhead)).toMatchObject({ state: 'ok' })
})

test('a VPS that does not answer is no success, also when nothing was to be released', async () => {
  const failure = await getFailure(route(silent).inspect(nothingAhead))
  expect(failure).toMatchObject({
    exitCode: 3,
    what: expect.stringContaining('unknown whether nginx sends requests to the backend'),
    said: 'the VPS does not answer',
    next: expect.stringMatching(/then run this command again\..* deploy-complete --skip-ionos$/),
  })
})

test('a VPS that refuses the login: not logged in', async () => {
  const refused = new OpsError({ what: 'root@a.example refuses the key', exitCode: exitCode.notLoggedIn })
  expect(await getFailure(route(refused).inspect(nothingAhead))).toMatchObject({
    exitCode: 4,
    what: expect.stringMatching(/because the VPS refuses the login$/),
    said: 'root@a.example refuses the key',
  })
})

test('an nginx that was left pointing at nothing is a failure', async () => {
  expect(await getFailure(route('backend.invalid').inspect(nothingAhead))).toMatchObject({
    ...{ exitCode: 1, what: 'It sends /api/ to backend.invalid, not to the backend' },
  })
})

test('a plan: unknown without the VPS, and before a release', async () => {
  const planned = async (...about: Parameters<typeof route>) =>
    (await executeTasks([backend, route(...about)], engine({ mode: 'plan' })))[1]?.state
  expect(await planned(silent)).toBe('unknown')
  expect(await planned(backendHost)).toBe('ok')
  const ahead = { ...nothingAhead, willChange: () => true }
  expect(await route('backend.invalid').inspect(ahead)).toMatchObject({
    ...{ state: 'unknown', why: 'checked after the release' },
  })
})
