import { expect, test } from 'vitest'
import { poll } from '../../../lib/util/poll.ts'

const never = async () => undefined

test('an attempt is repeated until it returns a value', async () => {
  const attempts: number[] = []
  const attempt = async (count: number) => {
    attempts.push(count)
    return count === 3 ? 'there' : undefined
  }
  expect(await poll(attempt, { intervalMs: 1 })).toBe('there')
  expect(attempts).toEqual([1, 2, 3])
})

test('false and null are values', async () => {
  expect(await poll(async () => false, { intervalMs: 1 })).toBe(false)
  expect(await poll(async () => null, { intervalMs: 1 })).toBeNull()
})

test('without attempts or time left it returns undefined, or throws the given error', async () => {
  const waits: number[] = []
  const intervalMs = (count: number) => {
    waits.push(count)
    return 1
  }
  expect(await poll(never, { intervalMs, attempts: 3 })).toBeUndefined()
  expect(waits).toEqual([1, 2])
  expect(await poll(never, { intervalMs: 1, timeoutMs: 0 })).toBeUndefined()
  const late = poll(never, {
    intervalMs: 1,
    timeoutMs: 5,
    describe: () => new Error('not there within 5 ms'),
  })
  await expect(late).rejects.toThrow('not there within 5 ms')
})

test('an error in an attempt ends it, and so does the signal', async () => {
  const failing = async (): Promise<undefined> => {
    throw new Error('refused')
  }
  await expect(poll(failing, { intervalMs: 1 })).rejects.toThrow('refused')
  const stop = new AbortController()
  const stopped = poll(never, { intervalMs: 60_000, signal: stop.signal })
  stop.abort()
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
})
