import { expect, test } from 'vitest'
import {
  type BackendNow,
  backendMoves,
  type Move,
  requestsMayFail,
  type Seen,
  workerMoves,
} from '../../../lib/azure/containers/plan.ts'
import { backendGroup, workerGroup } from '../../../lib/azure/containers/spec.ts'
import { isWorkerName, workerNames } from '../../../lib/azure/resources/containerGroups.ts'
import { loadTestConfig } from '../../support/helpers.ts'

const image = 'codexacr1216.azurecr.io/codex-backend:src-0123456789ab'
const same: Seen = { fields: [], state: 'Succeeded' }
const other: Seen = { fields: [{ name: 'image', before: 'old', after: image }], state: 'Succeeded' }
const resized: Seen = { fields: [{ name: 'CPU', before: '2', after: '1' }], state: 'Succeeded' }
const begun: Seen = { fields: [], state: 'Creating' }
const broken: Seen = { fields: [], state: 'Failed' }

/** `put codex-backend`, `replace codex-backend`, `wait …`, `serve …`, `delete …`; the names without `codex-`. */
const words = (moves: Move[]) =>
  moves.map((move) => {
    const name = 'group' in move ? move.group.name : move.name
    return `${move.do === 'put' && move.replace ? 'replace' : move.do} ${name.replace('codex-', '')}`
  })

async function release(now: Partial<BackendNow>) {
  const config = await loadTestConfig()
  const whole = { stable: undefined, surge: undefined, serving: undefined, inPlace: false, ...now }
  const moves = backendMoves(backendGroup(config, image), backendGroup(config, image, 'surge'), whole)
  return { moves: words(moves).join(', '), gap: requestsMayFail(whole) }
}

const whole =
  'put backend-next, wait backend-next, serve backend-next, put backend, wait backend, serve backend, delete backend-next'

test.each<[string, Partial<BackendNow>, string, gap?: boolean]>([
  ['nothing there', {}, 'put backend, wait backend'],
  ['as it should be', { stable: same, serving: 'elsewhere' }, ''],
  ['another image', { stable: other, serving: 'elsewhere' }, whole],
  [
    'another size',
    { stable: resized, serving: 'elsewhere' },
    whole.replace('put backend,', 'replace backend,'),
  ],
  [
    'another image, and no nginx',
    { stable: other },
    'put backend-next, wait backend-next, put backend, wait backend, delete backend-next',
    true,
  ],
  ['in place', { stable: other, serving: 'elsewhere', inPlace: true }, 'put backend, wait backend', true],
  [
    'in place, while the surge group of an interrupted release serves',
    { stable: other, surge: same, serving: 'surge', inPlace: true },
    'put backend, wait backend, serve backend, delete backend-next',
  ],
  [
    'in place, with a surge group left over that does not serve',
    { stable: other, surge: same, serving: 'elsewhere', inPlace: true },
    'put backend, wait backend, delete backend-next',
    true,
  ],
  [
    'killed while the surge group was made',
    { stable: other, surge: begun, serving: 'elsewhere' },
    whole.replace('put backend-next, ', ''),
  ],
  [
    'killed before nginx was switched to it',
    { stable: other, surge: same, serving: 'elsewhere' },
    whole.replace('put backend-next, ', ''),
  ],
  [
    'a surge group of a release before: it is changed, too',
    { stable: other, surge: resized, serving: 'elsewhere' },
    whole.replace('put', 'replace'),
  ],
  [
    'killed between the two switches',
    { stable: other, surge: same, serving: 'surge' },
    'put backend, wait backend, serve backend, delete backend-next',
  ],
  [
    'killed while the stable group was made',
    { stable: begun, surge: same, serving: 'surge' },
    'wait backend, serve backend, delete backend-next',
  ],
  [
    'killed between its deletion and its creation',
    { surge: same, serving: 'surge' },
    'put backend, wait backend, serve backend, delete backend-next',
  ],
  [
    'the last switch is missing',
    { stable: same, surge: same, serving: 'surge' },
    'wait backend, serve backend, delete backend-next',
  ],
  [
    'the last deletion is missing',
    { stable: same, surge: same, serving: 'elsewhere' },
    'wait backend, delete backend-next',
  ],
  [
    'nginx points at a surge group that is gone',
    { stable: same, serving: 'surge' },
    'wait backend, serve backend',
  ],
  ['ARM says that the group failed', { stable: broken, serving: 'elsewhere' }, 'put backend, wait backend'],
])('backend, %s', async (_, now, moves, gap = false) => {
  expect(await release(now)).toEqual({ moves, gap })
})

test('a group that nginx is pointed at is never deleted before nginx is pointed elsewhere', async () => {
  const states = [undefined, same, other, resized, begun, broken]
  for (const stable of states)
    for (const surge of states)
      for (const serving of ['surge', 'elsewhere', undefined] as const)
        for (const inPlace of [true, false]) {
          const { moves } = await release({ stable, surge, serving, inPlace })
          expectServed(moves, serving)
        }
})

/** nginx is only switched to a group that was waited for, and no group is deleted while nginx is on the surge group. */
function expectServed(moves: string, serving: string | undefined): void {
  let at = serving
  let well = ''
  for (const [, what, name] of moves.matchAll(/(\w+) ([\w-]+)/g)) {
    if (what === 'wait') well = name!
    if (what === 'serve') expect(well, moves).toBe(name)
    if (what === 'serve') at = name === 'backend-next' ? 'surge' : 'elsewhere'
    if (what === 'delete') expect(at, moves).not.toBe('surge')
  }
  expect(at, moves).not.toBe('surge')
}

test('workers: as many as wanted, the surplus deleted last, and nobody else’s group', async () => {
  const moves = async (count: number, seen: Record<string, Seen>, others: string[] = []) => {
    const config = await loadTestConfig(`WORKER_COUNT=${count}`)
    const workers = workerNames(config).map((name) => ({
      group: workerGroup(config, image, name),
      seen: seen[name],
    }))
    return words(workerMoves(workers, [...Object.keys(seen), ...others])).join(', ')
  }
  expect(await moves(1, {})).toBe('put worker, wait worker')
  expect(await moves(1, { 'codex-worker': same })).toBe('')
  expect(await moves(2, { 'codex-worker': same })).toBe('put worker-2, wait worker-2')
  expect(await moves(2, { 'codex-worker': other, 'codex-worker-2': resized, 'codex-worker-3': same })).toBe(
    'put worker, wait worker, replace worker-2, wait worker-2, delete worker-3',
  )
  const foreign = [
    'codex-worker-1',
    'codex-worker-02',
    'codex-worker-x',
    'codex-workers',
    'my-codex-worker-2',
  ]
  expect(foreign.filter(isWorkerName)).toEqual([])
  expect(await moves(1, { 'codex-worker': same, 'codex-worker-20': same }, foreign)).toBe('delete worker-20')
})

test('further workers are the first under another name', async () => {
  const config = await loadTestConfig('WORKER_COUNT=2')
  const [first, second] = workerNames(config).map((name) => workerGroup(config, image, name))
  expect(second).toEqual({ ...first, name: 'codex-worker-2' })
})

test.each(['0', '21', '1.5', 'two'])('WORKER_COUNT=%s is refused', async (count) => {
  await expect(loadTestConfig(`WORKER_COUNT=${count}`)).rejects.toThrow()
})
