import { expect, test } from 'vitest'
import { secretsTask } from '../../../lib/azure/secrets.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { getFailure, loadTestConfig, openRunner } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

const login = createTask('azure-login')

async function getStep(...lines: string[]) {
  const { postgres, backend } = await loadTestConfig(...lines)
  const context = { config: await loadTestConfig(...lines), runner: openRunner() }
  return secretsTask(context, [postgres.password, backend.secretKey], login)
}

test('all unusable secrets are named at once, before anything else', async () => {
  const step = await getStep('POSTGRES_PASSWORD=change-me', 'APP_SECRET_KEY=')
  expect(step.part).toBe('prepare')
  const failure = await getFailure(step.inspect(nothingAhead))
  expect(failure).toMatchObject({
    what: 'POSTGRES_PASSWORD is still the placeholder from .env.example; APP_SECRET_KEY is not set',
    exitCode: 2,
  })
  expect(failure.next).toMatch(/Set POSTGRES_PASSWORD in \.env: .*\n {2}Set APP_SECRET_KEY in \.env: /)
})

test('valid secrets pass, and a key vault is read after the login', async () => {
  const good = await getStep('POSTGRES_PASSWORD=Gr8-password', 'APP_SECRET_KEY=0123456789abcdef')
  expect(await good.inspect(nothingAhead)).toMatchObject({ state: 'ok' })
  expect(good.after).toEqual([])
  expect((await getStep('POSTGRES_PASSWORD=azkv://codex/db')).after).toEqual([login])
})
