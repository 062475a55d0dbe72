import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { findTrouble } from '../../../lib/azure/containers/status.ts'
import { type ContainerGroup, groupId, showGroups } from '../../../lib/azure/resources/containerGroups.ts'
import {
  applicationDatabase,
  operatorRule,
  postgres,
  secureTransport,
} from '../../../lib/azure/resources/postgres.ts'
import { registry } from '../../../lib/azure/resources/registry.ts'
import { resourceId } from '../../../lib/azure/resources/resource.ts'
import { containersRunning } from '../../../lib/checks/azure/containers.ts'
import { createCheckContext } from '../../../lib/checks/context.ts'
import { runCheck } from '../../../lib/checks/run.ts'
import { type Answer, fakeAz } from '../../support/fakeAz.ts'

const subscription = '11111111-1111-1111-1111-111111111111'
const account: Answer = {
  match: /^account show/,
  stdout: JSON.stringify({ id: subscription, name: 'Codex', tenantId: 't' }),
}
const now = Date.parse('2026-11-23T12:00:00Z')
type View = NonNullable<ContainerGroup['containers'][number]['instanceView']>

const group = (name: string, view?: View | null): ContainerGroup => ({
  name,
  containers: [{ name, image: 'i', ...(view === undefined ? {} : { instanceView: view }) }],
})
const running = (startTime: string, restartCount = 0): View => ({
  restartCount,
  currentState: { state: 'Running', startTime, detailStatus: '' },
})

test.each<[string, View | null | undefined, string | undefined]>([
  ['running', running('2026-11-23T11:59:59Z'), undefined],
  ['restarted now and then', running('2026-11-23T11:59:59Z', 2), undefined],
  ['restarted often, but long ago', running('2026-11-20T12:00:00Z', 40), undefined],
  [
    'running between two crashes',
    running('2026-11-23T11:59:48Z', 7),
    'codex-worker keeps crashing (7 restarts, the last 12 s ago)',
  ],
  [
    'waiting for its next try',
    { restartCount: 5, currentState: { state: 'Waiting', detailStatus: 'CrashLoopBackOff' } },
    'codex-worker is Waiting (CrashLoopBackOff, 5 restarts)',
  ],
  [
    'ended',
    { restartCount: 0, currentState: { state: 'Terminated', detailStatus: 'Error', exitCode: 137 } },
    'codex-worker is Terminated (Error, exit 137)',
  ],
  ['not told', null, 'codex-worker is in an unknown state'],
])('a container that is %s', (_, view, trouble) => {
  expect(findTrouble(group('codex-worker', view), now)).toBe(trouble)
})

const listed = (...names: string[]): Answer => ({
  match: /^container list/,
  stdout: JSON.stringify(names.map((name) => group(name))),
})
const shown = (...groups: ContainerGroup[]): Answer => ({
  match: /^container show/,
  stdout: JSON.stringify(groups.length === 1 ? groups[0] : groups),
})
const well = running('2026-11-20T00:00:00Z')

test('all groups are shown by one az call, in any order of the answer', async () => {
  const [backend, worker] = [group('codex-backend', well), group('codex-worker', well)]
  const { context, asked } = await fakeAz(account, shown(worker, backend))
  expect(await showGroups(context, createAzure(context), ['codex-backend', 'codex-worker'])).toEqual([
    worker,
    backend,
  ])
  const [first, second] = ['codex-backend', 'codex-worker'].map((name) =>
    groupId(context.config, subscription, name),
  )
  expect(asked().at(-1)).toBe(`az container show --ids ${first} ${second} --output json --only-show-errors`)
  const single = await fakeAz(account, shown(backend))
  expect(await showGroups(single.context, createAzure(single.context), ['codex-backend'])).toEqual([backend])
})

test.each<[string, Answer[], string]>([
  [
    'well',
    [
      listed('codex-backend', 'codex-worker'),
      shown(group('codex-worker', well), group('codex-backend', well)),
    ],
    '',
  ],
  [
    'a worker is not there',
    [listed('codex-backend'), shown(group('codex-backend', well))],
    'codex-worker does not exist',
  ],
  [
    'a worker is there, but az only warns that it cannot be shown',
    [listed('codex-backend', 'codex-worker'), shown(group('codex-backend', well))],
    'the state of codex-worker cannot be read',
  ],
  [
    'a worker crashes',
    [
      listed('codex-backend', 'codex-worker'),
      shown(group('codex-backend', well), group('codex-worker', running(new Date().toISOString(), 9))),
    ],
    'codex-worker keeps crashing (9 restarts',
  ],
])('containers: %s', async (_, answers, trouble) => {
  const { context } = await fakeAz(account, ...answers)
  const { verdict, detail } = await runCheck(containersRunning, createCheckContext(context))
  expect(verdict).toBe(trouble ? 'CRITICAL' : 'OK')
  if (trouble) expect(detail).toContain(trouble)
  else expect(detail).toBe('codex-backend Running, codex-worker Running')
})

test('registry and database are read by one call, or separately when one is absent', async () => {
  const redis: Answer = {
    match: /^resource show .*redis\S+ \S+databases/,
    stdout: '[{"name":"redis"},{"name":"default"}]',
  }
  const both = await fakeAz(account, redis, {
    match: /^resource show .*registries\S+ \S+flexibleServers/,
    stdout:
      '[{"name":"registry"},{"name":"database"},{"properties":{"value":"on"}},{"properties":{"startIpAddress":"198.51.100.7"}},{"name":"codexdb"}]',
  })
  const azure = createAzure(both.context)
  const names = Object.values(await azure.dataTier()).map((each) => each?.name)
  expect(names).toEqual(['registry', 'database', 'redis'])
  expect((await azure.registry())?.name).toBe('registry')
  expect(await azure.database()).toMatchObject({
    secureTransport: 'on',
    operatorAddress: '198.51.100.7',
    hasDatabase: true,
  })
  expect(await azure.redis()).toMatchObject({ database: { name: 'default' } })
  expect(both.asked()).toHaveLength(3)
  const ids = [registry, postgres, secureTransport, operatorRule, applicationDatabase].map((type) =>
    resourceId(both.context.config, subscription, type),
  )
  expect(both.asked().find((line) => line.includes('registries'))).toContain(
    `az resource show --ids ${ids.join(' ')} --api-version 2022-12-01 `,
  )

  const one = await fakeAz(
    account,
    redis,
    { match: /registries\S+ \S+flexibleServers/, code: 3 },
    { match: /registries/, stdout: '{"name":"registry"}' },
    { match: /flexibleServers/, code: 3 },
  )
  expect(Object.values(await createAzure(one.context).dataTier()).map((each) => each?.name)).toEqual([
    'registry',
    undefined,
    'redis',
  ])
})

test('a server that does not show its parameters still exists; so does a Redis without a database', async () => {
  const { context } = await fakeAz(
    account,
    { match: /require_secure_transport/, stderr: 'ERROR: (ServerIsStopped) x', code: 1 },
    { match: /firewallRules/, stdout: '{"properties":{"startIpAddress":"198.51.100.7"}}' },
    { match: /databases\/codexdb/, code: 3 },
    { match: /flexibleServers/, stdout: '{"name":"database"}' },
    { match: /databases\/default/, code: 3 },
    { match: /redisEnterprise/, stdout: '{"name":"redis"}' },
  )
  const azure = createAzure(context)
  expect(await azure.database()).toEqual({
    name: 'database',
    operatorAddress: '198.51.100.7',
    hasDatabase: false,
  })
  expect(await azure.redis()).toEqual({ name: 'redis' })
})
