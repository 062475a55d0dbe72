import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createTail } from '../../../lib/logs/buffers.ts'
import { type MergeOptions, merge, type Source } from '../../../lib/logs/merge.ts'
import type { LogLine } from '../../../lib/logs/parse.ts'

const line = (source: string, at: number | undefined, text = String(at)): LogLine => ({ at, source, text })

/** Yields batches of times; a number alone is a pause in milliseconds, [] means that the following lines are new. */
const source = (id: string, ...batches: (number[] | number | Error)[]): Source => ({
  id,
  async *open(signal) {
    for (const batch of batches) {
      if (batch instanceof Error) throw batch
      if (typeof batch === 'number') await pause(batch, undefined, { signal }).catch(() => {})
      else yield batch.map((at) => line(id, at))
    }
  },
})

function options(more: Partial<MergeOptions> = {}) {
  const said: string[] = []
  return {
    said,
    signal: new AbortController().signal,
    patienceMs: 5000,
    onLate: ({ id }: Source) => void said.push(`${id} is late`),
    onFailure: ({ id }: Source, error: Error) => void said.push(`${id}: ${error.message}`),
    ...more,
  }
}

async function all(sources: Source[], given = options()): Promise<string[]> {
  const shown: string[] = []
  for await (const batch of merge(sources, given)) {
    if (batch.length === 0) shown.push('–')
    for (const { source, at } of batch) shown.push(`${source}${at}`)
  }
  return shown
}

test('merges by time across batches of any size; for equal times the first source comes first', async () => {
  const sources = [source('a', [1, 4], [4, 9]), source('b', [2], 30, [4], [10]), source('c', [3, 20])]
  expect(await all(sources)).toEqual(['a1', 'b2', 'c3', 'a4', 'a4', 'b4', 'a9', 'b10', 'c20'])
})

test('sorts lines that several processes wrote out of order, also across batches', async () => {
  const sources = [source('a', [1000, 1010], [1004, 1500], [2300, 2290, 4000], [3500]), source('b', [1005])]
  expect(await all(sources)).toEqual([
    'a1000',
    'a1004',
    'b1005',
    'a1010',
    'a1500',
    'a2290',
    'a2300',
    'a3500',
    'a4000',
  ])
})

test('a source that fails at once or later is named, and no line of the others is lost', async () => {
  const given = options()
  const sources = [
    source('a', [1], new Error('cut off')),
    source('b', new Error('no way')),
    source('c', [2], [3]),
  ]
  expect(await all(sources, given)).toEqual(['a1', 'c2', 'c3'])
  expect(given.said.sort()).toEqual(['a: cut off', 'b: no way'])
})

test('a silent source is waited for until its timeout; late lines are merged when they arrive', async () => {
  const given = options({ patienceMs: 100 })
  const sources = [source('a', [1], [5]), source('slow', 400, [2], [3], new Error('ends')), source('b', [4])]
  expect(await all(sources, given)).toEqual(['a1', 'b4', 'a5', '–', 'slow2', 'slow3'])
  expect(given.said).toEqual(['slow is late', 'slow: ends'])
})

test('a late source is waited for again after it has answered', async () => {
  const given = options({ patienceMs: 300 })
  const sources = [source('a', [1], 900, [5], 200, [7]), source('b', [2], 650, [8])]
  expect(await all(sources, given)).toEqual(['a1', 'b2', '–', 'a5', 'a7', 'b8'])
  expect(given.said).toEqual(['a is late', 'b is late'])
})

test('--follow merges existing lines and passes new ones on as they arrive; a source may join', async () => {
  const joining: Source = {
    id: 'finder',
    async *open(_signal, add) {
      add(source('found', [2], []))
      yield []
      await pause(300)
      add(source('later', [99]))
    },
  }
  const sources = [source('a', [1, 3], [], 100, [50]), source('b', [4], [], 200, [40]), joining]
  expect(await all(sources)).toEqual(['a1', 'found2', 'a3', 'b4', '–', 'a50', '–', 'b40', '–', 'later99'])
})

test('every source is closed when no more lines are wanted', async () => {
  const ended: string[] = []
  const endless = (id: string): Source => ({
    id,
    async *open(signal) {
      try {
        for (let at = 0; !signal.aborted; at++) {
          yield [line(id, at)]
          await pause(id === 'quiet' ? 60_000 : 1, undefined, { signal }).catch(() => {})
        }
      } finally {
        ended.push(id)
      }
    },
  })
  const stop = new AbortController()
  let seen = 0
  for await (const batch of merge(
    [endless('a'), endless('quiet')],
    options({ signal: stop.signal, patienceMs: 20 }),
  )) {
    seen += batch.length
    if (seen > 20) stop.abort()
  }
  expect(ended.sort()).toEqual(['a', 'quiet'])
  for await (const _batch of merge([endless('b')], options())) break
  expect(ended).toContain('b')
})

test('only the last lines are buffered, in order; later everything is passed on', async () => {
  const shown: string[] = []
  const last = createTail(3, async (lines) => void shown.push(lines.map(({ text }) => text).join(' ')))
  await last.take([1, 2].map((at) => line('a', at)))
  await last.take([3, 4, 5].map((at) => line('a', at)))
  expect(shown).toEqual([])
  await last.open()
  await last.take([line('a', 6)])
  await last.flush()
  expect(shown).toEqual(['3 4 5', '6'])
  const none = createTail(0, async () => void shown.push('one too many'))
  await none.take([line('a', 1)])
  await none.flush()
  expect(shown).toHaveLength(2)
})
