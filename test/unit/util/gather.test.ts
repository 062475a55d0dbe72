import { expect, test } from 'vitest'
import { getExitCode, settleAll } from '../../../lib/util/concurrency.ts'
import { exitCode, OpsError } from '../../../lib/util/errors.ts'

test('a failing source does not lose the other answers', async () => {
  const answers = await settleAll<{ a: number; b: string; c: string }>({
    a: async () => 1,
    b: async () => {
      throw new OpsError({ what: 'not logged in', exitCode: exitCode.notLoggedIn })
    },
    c: () => Promise.reject('odd'),
  })
  expect(answers.a).toEqual({ value: 1 })
  expect(answers.b.failure?.message).toBe('not logged in')
  expect(answers.c.failure?.message).toBe('odd')
  expect(getExitCode(answers)).toBe(4)
  expect(getExitCode({ a: answers.a, c: answers.c })).toBe(3)
  expect(getExitCode({ a: answers.a })).toBe(0)
})
