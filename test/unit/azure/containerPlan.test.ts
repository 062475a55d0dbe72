import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import type { BackendProxy } from '../../../lib/azure/containers/actions.ts'
import {
  type Action,
  type BackendState,
  type CurrentGroup,
  planBackend,
  planWorkers,
  requestsMayFail,
} from '../../../lib/azure/containers/plan.ts'
import { workersTask } from '../../../lib/azure/containers/release.ts'
import { backendGroup, workerGroup } from '../../../lib/azure/containers/spec.ts'
import { isWorkerName, workerNames } from '../../../lib/azure/resources/containerGroups.ts'
import { knowing } from '../../../lib/tasks/task.ts'
import { loadFileConfig } from '../../support/config.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { loadTestConfig } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

const image = 'codexacr1216.azurecr.io/codex-backend:src-0123456789ab'
const same: CurrentGroup = { fields: [], state: 'Succeeded' }
const other: CurrentGroup = { fields: [{ name: 'image', before: 'old', after: image }], state: 'Succeeded' }
const resized: CurrentGroup = { fields: [{ name: 'CPU', before: '2', after: '1' }], state: 'Succeeded' }
const unscoped: CurrentGroup = {
  fields: [{ name: 'DNS label scope', before: 'Unsecure', after: 'TenantReuse' }],
  state: 'Succeeded',
}
const creating: CurrentGroup = { fields: [], state: 'Creating' }
const broken: CurrentGroup = { fields: [], state: 'Failed' }

/** `create codex-backend`, `replace codex-backend`, `wait …`, `route …`, `delete …`; the names without `codex-`. */
const words = (actions: Action[]) =>
  actions.map((action) => {
    const name = 'group' in action ? action.group.name : action.name
    return `${action.do === 'create' && action.replace ? 'replace' : action.do} ${name.replace('codex-', '')}`
  })

const config = await loadFileConfig()

function release(now: Partial<BackendState>) {
  const whole = { stable: undefined, surge: undefined, serving: undefined, inPlace: false, ...now }
  const actions = planBackend(backendGroup(config, image), backendGroup(config, image, 'surge'), whole)
  return { actions: words(actions).join(', '), gap: requestsMayFail(whole) }
}

const whole =
  'create backend-next, wait backend-next, route backend-next, create backend, wait backend, route backend, delete backend-next'

test.each<[string, Partial<BackendState>, string, gap?: boolean]>([
  ['nothing there', {}, 'create backend, wait backend'],
  ['as it should be', { stable: same, serving: 'stable' }, ''],
  ['another image', { stable: other, serving: 'stable' }, whole],
  [
    'another size',
    { stable: resized, serving: 'stable' },
    whole.replace('create backend,', 'replace backend,'),
  ],
  [
    'another image, and no nginx',
    { stable: other },
    'create backend-next, wait backend-next, create backend, wait backend, delete backend-next',
    true,
  ],
  ['in place', { stable: other, serving: 'stable', inPlace: true }, 'create backend, wait backend', true],
  [
    'in place, while the surge group of an interrupted release serves',
    { stable: other, surge: same, serving: 'surge', inPlace: true },
    'create backend, wait backend, route backend, delete backend-next',
  ],
  [
    'in place, with a surge group left over that does not serve',
    { stable: other, surge: same, serving: 'stable', inPlace: true },
    'create backend, wait backend, delete backend-next',
    true,
  ],
  [
    'killed while the surge group was made',
    { stable: other, surge: creating, serving: 'stable' },
    whole.replace('create backend-next, ', ''),
  ],
  [
    'killed before nginx was switched to it',
    { stable: other, surge: same, serving: 'stable' },
    whole.replace('create backend-next, ', ''),
  ],
  [
    'a surge group of a release before: it is changed, too',
    { stable: other, surge: resized, serving: 'stable' },
    whole.replace('create', 'replace'),
  ],
  [
    'killed between the two switches',
    { stable: other, surge: same, serving: 'surge' },
    'create backend, wait backend, route backend, delete backend-next',
  ],
  [
    'killed while the stable group was made',
    { stable: creating, surge: same, serving: 'surge' },
    'wait backend, route backend, delete backend-next',
  ],
  [
    'killed between its deletion and its creation',
    { surge: same, serving: 'surge' },
    'create backend, wait backend, route backend, delete backend-next',
  ],
  [
    'the last switch is missing',
    { stable: same, surge: same, serving: 'surge' },
    'wait backend, route backend, delete backend-next',
  ],
  [
    'the last deletion is missing',
    { stable: same, surge: same, serving: 'stable' },
    'wait backend, delete backend-next',
  ],
  [
    'nginx points at a surge group that is gone',
    { stable: same, serving: 'surge' },
    'wait backend, route backend',
  ],
  [
    'the first release, with an nginx that knows no backend yet',
    { serving: 'elsewhere' },
    'create backend, wait backend, route backend',
  ],
  [
    'a new VPS in front of the backend',
    { stable: same, serving: 'elsewhere' },
    'wait backend, route backend',
  ],
  ['nginx points at neither group, and another image', { stable: other, serving: 'elsewhere' }, whole],
  [
    'another host name: the group is created again, and nginx is switched to it',
    { stable: unscoped, serving: 'stable' },
    whole.replace('create backend,', 'replace backend,'),
  ],
  [
    'another host name, in place',
    { stable: unscoped, serving: 'stable', inPlace: true },
    'replace backend, wait backend, route backend',
    true,
  ],
  ['ARM says that the group failed', { stable: broken, serving: 'stable' }, 'create backend, wait backend'],
])('backend, %s', (_, now, actions, gap = false) => {
  expect(release(now)).toEqual({ actions, gap })
})

test('a group that nginx uses is never deleted before nginx is switched', () => {
  const states = [undefined, same, other, resized, unscoped, creating, broken]
  for (const stable of states)
    for (const surge of states)
      for (const serving of ['surge', 'stable', 'elsewhere', undefined] as const)
        for (const inPlace of [true, false]) {
          const { actions } = release({ stable, surge, serving, inPlace })
          expectServed(actions, serving)
        }
})

/** nginx is only switched to a group after a wait for it, and no group is deleted while nginx uses the surge group. */
function expectServed(actions: string, serving: string | undefined): void {
  let at = serving
  let well = ''
  for (const [, what, name] of actions.matchAll(/(\w+) ([\w-]+)/g)) {
    if (what === 'wait') well = name!
    if (what === 'route') expect(well, actions).toBe(name)
    if (what === 'route') at = name === 'backend-next' ? 'surge' : 'stable'
    if (what === 'delete') expect(at, actions).not.toBe('surge')
  }
  expect(at, actions).not.toBe('surge')
}

test('workers: the configured number, the surplus deleted last, and no group of others', async () => {
  const actions = async (count: number, seen: Record<string, CurrentGroup>, others: string[] = []) => {
    const config = await loadTestConfig(`WORKER_COUNT=${count}`)
    const workers = workerNames(config).map((name) => ({
      group: workerGroup(config, image, name),
      seen: seen[name],
    }))
    return words(planWorkers(workers, [...Object.keys(seen), ...others])).join(', ')
  }
  expect(await actions(1, {})).toBe('create worker, wait worker')
  expect(await actions(1, { 'codex-worker': same })).toBe('')
  expect(await actions(2, { 'codex-worker': same })).toBe('create worker-2, wait worker-2')
  expect(await actions(2, { 'codex-worker': other, 'codex-worker-2': resized, 'codex-worker-3': same })).toBe(
    'create worker, wait worker, replace worker-2, wait worker-2, delete worker-3',
  )
  const foreign = [
    'codex-worker-1',
    'codex-worker-02',
    'codex-worker-x',
    'codex-workers',
    'my-codex-worker-2',
  ]
  expect(foreign.filter(isWorkerName)).toEqual([])
  expect(await actions(1, { 'codex-worker': same, 'codex-worker-20': same }, foreign)).toBe(
    'delete worker-20',
  )
})

test('further workers equal the first except for the name', async () => {
  const config = await loadTestConfig('WORKER_COUNT=2')
  const [first, second] = workerNames(config).map((name) => workerGroup(config, image, name))
  expect(second).toEqual({ ...first, name: 'codex-worker-2' })
})

test.each(['0', '21', '1.5', 'two'])('WORKER_COUNT=%s is refused', async (count) => {
  await expect(loadTestConfig(`WORKER_COUNT=${count}`)).rejects.toThrow()
})

test('with a new registry, the containers that run the old one’s image are changed, not created', async () => {
  const old = { name: 'codex-worker', containers: [{ image: image.replace('codexacr1216', 'old') }] }
  const { context } = await fakeAz(
    { match: /^account show/, stdout: '{"id":"s","name":"Codex"}' },
    { match: /^resource show/, code: 3 },
    { match: /^container list/, stdout: JSON.stringify([old]) },
  )
  const task = createTask<{ image: string }>('image')
  const proxy = { target: async () => undefined } as unknown as BackendProxy
  const worker = workersTask(context, createAzure(context), { image: task, proxy })
  const ahead = { ...knowing(task, { image }), willChange: () => true }
  expect(await worker.inspect(ahead)).toMatchObject({
    state: 'change',
    fields: expect.arrayContaining([{ name: 'image', before: old.containers[0]!.image, after: image }]),
  })
})
