import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { mapLimit } from '../../../lib/util/concurrency.ts'

test('after a failure nothing more is started, and what runs is awaited', async () => {
  const events: string[] = []
  const work = async (item: number) => {
    events.push(`start ${item}`)
    await pause(item === 1 ? 0 : 5)
    if (item === 1) throw new Error('first')
    events.push(`end ${item}`)
    return item
  }
  await expect(mapLimit(2, [1, 2, 3, 4], work)).rejects.toThrow('first')
  expect(events).toEqual(['start 1', 'start 2', 'end 2'])
})

test('results keep the order of the items', async () => {
  expect(await mapLimit(2, [3, 1, 2], async (item) => pause(item, item))).toEqual([3, 1, 2])
})
