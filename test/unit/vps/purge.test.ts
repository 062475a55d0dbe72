import { expect, test } from 'vitest'
import type { HttpRequest } from '../../../lib/net/http.ts'
import { type Command, display } from '../../../lib/shell/command.ts'
import type { Runner } from '../../../lib/shell/runner.ts'
import { nothingAhead, type VpsContext } from '../../../lib/tasks/task.ts'
import {
  createPurgeRequest,
  needsPurge,
  purgeCdn,
  purgeTasks,
  recordCachedCommand,
} from '../../../lib/vps/frontend/purge.ts'
import { loadFileConfig } from '../../support/config.ts'
import { toSite } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

const [x, a, b] = ['20260101T000000Z-aaaaaaaa', '20260102T000000Z-aaaaaaaa', '20260103T000000Z-aaaaaaaa']
const hook = 'https://cdn.example/purge/a-long-token-in-it?key=other'

/** A VPS with releases that contain these files, the record of cache purges, and a hook that answers `status`. */
async function getFace(cached: string, manifests: Record<string, string>, status = 200) {
  const done: (Command | HttpRequest)[] = []
  const hidden: string[] = []
  const lines = [
    ...['server-state\t1', `live\t${b}`, `cached\t${cached}`],
    ...Object.keys(manifests).map((id) => `release\t${id}\t\t{"source":"s","builtAt":"t"}`),
    'end\tserver-state',
  ]
  const runner = {
    mayChange: true,
    secrets: { add: (text: string) => void hidden.push(text), clean: (text: string) => text },
    async run(command: Command) {
      const [, , , name, , , id] = command.argv as string[]
      if (command.effect === 'record') done.push(command)
      const stdout = name === 'server-state' ? lines.join('\n') : manifests[id ?? '']
      return { code: 0, stdout: stdout ?? '', stderr: '', timedOut: false }
    },
    async request(request: HttpRequest) {
      done.push(request)
      if (status === 0) throw new Error('connect ECONNREFUSED')
      return { status, headers: {}, body: 'said', phases: { total: 1 } }
    },
  } as unknown as Runner
  const context: VpsContext = { ...toSite(await loadFileConfig(`PURGE_URL=${hook}`)), runner }
  return { context, done, hidden }
}

const manifest = (files: Record<string, string>): string =>
  Object.entries(files)
    .map(([name, letter]) => `${letter.repeat(64)} 1 - ${name}\n`)
    .join('')
const asTheyWere = {
  [x]: manifest({ 'p.html': '1', 'q.html': '1' }),
  [a]: manifest({ 'p.html': '2', 'q.html': '1' }),
  [b]: manifest({ 'p.html': '1', 'q.html': '3' }),
}
const swap = createTask('frontend-switch')
const ahead = (pending: boolean, unsure = false) => ({
  ...nothingAhead,
  willChange: () => pending,
  isUnknown: () => unsure,
})

test('caches need a purge when they may hold another release or were never purged', () => {
  expect(needsPurge({ live: b, cached: [b] })).toBe(false)
  for (const cached of [[], [x], [x, b]]) expect(needsPurge({ live: b, cached })).toBe(true)
  expect(needsPurge({ live: '', cached: [] })).toBe(false)
})

test('the purge lists every address that differs from any release they may hold, and is then recorded', async () => {
  const { context, done } = await getFace(`${x} ${a} ${b}`, asTheyWere)
  const said: string[] = []
  await purgeCdn(context, (line) => said.push(line))
  // p is the same as in x, but a cache may have stored it while a was live.
  const facts = { release: b, changed: ['/p', '/p.html', '/q', '/q.html'] }
  expect(done.map(display)).toEqual(
    [createPurgeRequest(context.config, facts), recordCachedCommand(context, b)].map(display),
  )
  expect(JSON.parse((done[0] as HttpRequest).body!)).toEqual({ domain: 'codexdominion.app', ...facts })
  expect(said).toEqual(['purged 4 changed addresses'])
  await purgeCdn(context, () => {})
  expect(done).toHaveLength(2)
})

test('a removed release means all addresses', async () => {
  const { [x]: _gone, ...left } = asTheyWere
  const { context, done } = await getFace(`${x} ${b}`, left)
  await purgeCdn(context, () => {})
  expect(JSON.parse((done[0] as HttpRequest).body!).changed).toEqual(['/p', '/p.html', '/q', '/q.html'])
})

test.each([
  [500, 'cdn.example answered the purge with 500: said'],
  [0, 'the purge at cdn.example failed: connect ECONNREFUSED'],
])('a failing hook (%s) is a warning, and nothing is recorded', async (status, words) => {
  const { context, done } = await getFace(x, asTheyWere, status)
  const said: string[] = []
  await purgeCdn(context, (line) => said.push(line))
  expect(said).toEqual([`warning: ${words}`])
  expect(done).toHaveLength(1)
})

test('a plan shows the request, also before the switch, with hidden tokens', async () => {
  const { context, hidden } = await getFace(b, asTheyWere)
  const [step] = purgeTasks(context, swap)
  const effects = [createPurgeRequest(context.config)]
  expect(await step!.inspect(ahead(true))).toMatchObject({ state: 'change', effects })
  expect(await step!.inspect(ahead(true, true))).toMatchObject({ state: 'unknown' })
  expect(await step!.inspect(ahead(false))).toMatchObject({ state: 'ok' })
  expect(hidden).toEqual(expect.arrayContaining(['a-long-token-in-it', 'key=other', 'other']))
  const late = await getFace(x, asTheyWere)
  expect(await purgeTasks(late.context, swap)[0]!.inspect(ahead(false))).toMatchObject({
    state: 'change',
    fields: [{ before: x, after: b }],
    effects,
  })
  expect(purgeTasks({ ...context, config: await loadFileConfig() }, swap)).toEqual([])
})
