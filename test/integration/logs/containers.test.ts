import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, expect, test } from 'vitest'
import { type Arm, accessCommand, armRequest } from '../../../lib/azure/arm.ts'
import type { Config } from '../../../lib/config/config.ts'
import { findNewLines } from '../../../lib/logs/buffers.ts'
import { containerSources } from '../../../lib/logs/containers.ts'
import { merge } from '../../../lib/logs/merge.ts'
import type { SourceOptions } from '../../../lib/logs/options.ts'
import { loadTestConfig } from '../../support/helpers.ts'

let config: Config
beforeEach(async () => {
  config = await loadTestConfig()
})

test('uses az’s login and network settings, with the token in no URL', () => {
  const line =
    'az account get-access-token --resource https://management.azure.com/ --subscription sub --output json'
  expect(accessCommand('sub').argv.join(' ')).toBe(`${line} --only-show-errors`)
  expect(armRequest('/x', { 'api-version': '1', tail: '5' }, 'secret')).toMatchObject({
    method: 'GET',
    url: 'https://management.azure.com/x?api-version=1&tail=5',
    effect: 'read',
    as: 'az',
    headers: { authorization: 'Bearer secret' },
  })
})

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_none, index) => `line ${from + index}`)

test('a window that moves along a log', () => {
  expect(findNewLines([], ['a', 'b'])).toEqual(['a', 'b'])
  expect(findNewLines(['a', 'b'], ['a', 'b'])).toEqual([])
  expect(findNewLines(['a', 'b', 'c'], ['b', 'c', 'd', 'e'])).toEqual(['d', 'e'])
  expect(findNewLines(['x', 'x'], ['x', 'x', 'x'])).toEqual(['x'])
  expect(findNewLines(['a', 'b'], ['c', 'd'])).toBeUndefined()
  expect(findNewLines(['a', 'wor'], ['a', 'words', 'more']), 'a line seen half').toEqual(['words', 'more'])
})

/** An Azure with container groups whose logs a test writes. */
function cloud(logs: Record<string, string[]>) {
  const asked: string[] = []
  let failure: Error | undefined
  const fail = (error?: Error) => {
    failure = error
  }
  const arm: Arm = {
    subscription: async () => 'sub',
    post: async () => undefined,
    async get<Body>(path: string, query: Readonly<Record<string, string>>) {
      asked.push(`${path.split('/').slice(8).join('/')} ${query.tail ?? ''}`.trim())
      if (failure) throw failure
      const group = path.split('/')[8]
      const groups = Object.keys(logs).map((name) => ({ name, properties: { containers: [{ name }] } }))
      if (group === undefined) return { value: groups } as Body
      const lines = logs[group]
      if (!lines) return undefined
      const shown = query.tail ? lines.slice(-Number(query.tail)) : lines
      return { content: shown.map((text) => `${text}\n`).join('') } as Body
    },
  }
  return { arm, asked, fail }
}

const view = (more: Partial<SourceOptions> = {}) => {
  const troubles: string[] = []
  const wanted: SourceOptions = {
    only: () => true,
    follow: false,
    warn: (...words) => void troubles.push(words.join(': ')),
    ...more,
  }
  return { wanted, troubles }
}

/** Reads until it has enough, or to the end. */
async function read(arm: Arm, wanted: SourceOptions, enough?: Promise<void>) {
  const stop = new AbortController()
  void enough?.then(() => stop.abort())
  const failures: string[] = []
  const texts: string[] = []
  const merged = merge(
    containerSources(config, () => arm, wanted),
    {
      signal: stop.signal,
      patienceMs: 5000,
      onLate: () => {},
      onFailure: ({ id }, error) => void failures.push(`${id}: ${error.message}`),
    },
  )
  for await (const batch of merged) {
    texts.push(...batch.map(({ source, text }) => `${source} ${text}`))
  }
  return { texts, failures }
}

test('only our groups; a missing group is named', async () => {
  const logs = {
    'codex-backend': ['2026-11-23T01:00:02Z b'],
    'codex-backend-next': ['2026-11-23T01:00:01Z n'],
    other: ['o'],
  }
  const { texts, failures } = await read(cloud(logs).arm, view().wanted)
  expect(texts).toEqual(['backend-next n', 'backend b'])
  expect(failures).toEqual(['worker: Container group codex-worker does not exist in codexdominion-prod'])
  const some = cloud(logs)
  await read(some.arm, view({ only: (source) => source === 'backend', tail: 5 }).wanted)
  expect(some.asked).toEqual(['', 'codex-backend/containers/codex-backend/logs 5'])
})

test('following: no line is repeated or lost across a burst, a failure and a restart', async () => {
  const log = numbered(0, 20)
  const logs: Record<string, string[]> = { 'codex-backend': log }
  const { arm, fail } = cloud(logs)
  const { wanted, troubles } = view({ follow: true, tail: 2, only: (source) => source === 'backend' })
  const story = async () => {
    await pause(1500)
    log.push(...numbered(20, 22))
    await pause(1500)
    log.push(...numbered(22, 500)) // more than a window
    await pause(1500)
    fail(new Error('no network'))
    log.push(...numbered(500, 502))
    await pause(1500)
    fail()
    await pause(6000)
    logs['codex-backend'] = ['begun anew'] // another container under the same name
    await pause(1500)
    delete logs['codex-backend']
    await pause(2500)
  }
  const { texts, failures } = await read(arm, wanted, story())
  const expected = [...numbered(18, 502), 'begun anew']
  expect(texts).toEqual(expected.map((text) => `backend ${text}`))
  expect(failures).toEqual([])
  expect(troubles).toEqual([
    'backend: no network',
    'backend: is responding again',
    'backend: codex-backend no longer exists',
  ])
})

test('reports where the log kept by Azure starts', async () => {
  const line = `2026-11-23T01:00:00Z ${'x'.repeat(1000)}`
  const logs = { 'codex-backend': Array.from({ length: 4100 }, () => line) }
  const { wanted, troubles } = view({
    only: (source) => source === 'backend',
    since: Date.parse('2026-11-22'),
  })
  expect((await read(cloud(logs).arm, wanted)).texts).toHaveLength(4100)
  expect(troubles).toEqual([
    expect.stringContaining('only the latest 4 MB of the log, which starts at 2026-11-23T01:00:00.000Z'),
  ])
})
