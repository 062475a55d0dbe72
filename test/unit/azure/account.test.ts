import { expect, test } from 'vitest'
import { loginTask } from '../../../lib/azure/account.ts'
import { type Context, nothingAhead } from '../../../lib/tasks/task.ts'
import { loadTestConfig, openRunner } from '../../support/helpers.ts'

test.each([
  ['2.74.0', true, /az 2\.74\.0; Azure demands a second factor \(MFA\) of users for every change/],
  ['2.76.0', true, /, az 2\.76\.0$/],
  ['2.74.0', false, /, az 2\.74\.0$/],
])('a login with az %s, of a person: %s', async (version, isPerson, reason) => {
  const runner = openRunner({
    startLocal: async () => ({
      ...{ code: 0, stderr: '', timedOut: false },
      stdout: JSON.stringify({ 'azure-cli': version }),
    }),
  })
  const context = { config: await loadTestConfig(), runner } as unknown as Context
  const account = async () => ({ id: 's', name: 'codex', user: 'jo@example.org', isPerson })
  const found = await loginTask(context, account).inspect(nothingAhead)
  expect(found).toMatchObject({ state: 'ok', reason: expect.stringMatching(reason) })
})
