import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createSecret, isReference, reveal, secretCommand } from '../../lib/config/secret.ts'
import { configOf, failureOf, openRunner, temporaryFolder } from '../command/rig.ts'

test('a secret prints as *** wherever it goes', async () => {
  const { postgres } = await configOf('POSTGRES_PASSWORD=hunter2')
  expect([`${postgres.password}`, String(postgres.password), JSON.stringify(postgres.password)]).toEqual([
    '***',
    '***',
    '"***"',
  ])
  expect(JSON.stringify(postgres) + inspect(postgres, { depth: 9 })).not.toContain('hunter2')
})

test.each(['change-me', 'CHANGE_ME', 'changeme', 'your-password', '<password>', 'xxxx', 'replace-me'])(
  'the placeholder %s is refused by name',
  async (text) => {
    expect(await failureOf(reveal(createSecret('POSTGRES_PASSWORD', text), openRunner()))).toMatchObject({
      what: 'POSTGRES_PASSWORD is still the placeholder of .env.example',
      next: expect.stringContaining('Set POSTGRES_PASSWORD in .env'),
      exitCode: 2,
    })
  },
)

test('a secret that is not set, or that az would read as a file or an option, is refused by name', async () => {
  const say = async (text: string) =>
    (await failureOf(reveal(createSecret('APP_SECRET_KEY', text), openRunner()))).what
  expect(await say('')).toBe('APP_SECRET_KEY is not set')
  expect(await say('@file')).toBe('APP_SECRET_KEY must not begin with @ or -')
  expect(await say('-x')).toBe('APP_SECRET_KEY must not begin with @ or -')
})

test('a value is known to the redactor before anyone sees it', async () => {
  const runner = openRunner()
  expect(await reveal(createSecret('K', 'Gr8-secret'), runner)).toBe('Gr8-secret')
  expect(runner.secrets.clean('it is Gr8-secret')).toBe('it is ***')
})

test('what a reference is, and the command that fetches it', () => {
  expect(['env:X', 'op://v/i/f', 'azkv://v/n', 'plain', 'environment'].map(isReference)).toEqual([
    ...[true, true, true, false, false],
  ])
  expect(secretCommand('op://Ops/db/password')).toMatchObject({
    argv: ['op', 'read', '--no-newline', 'op://Ops/db/password'],
    effect: 'read',
    on: 'here',
  })
  expect(secretCommand('azkv://codex-vault/db-password')?.argv).toEqual([
    ...['az', 'keyvault', 'secret', 'show', '--vault-name', 'codex-vault', '--name', 'db-password'],
    ...['--query', 'value', '--output', 'json', '--only-show-errors'],
  ])
  expect(secretCommand('plain')).toBeUndefined()
})

test('env:NAME asks the environment', async () => {
  process.env.DOMINION_TEST_SECRET = 'from-outside'
  try {
    expect(await reveal(createSecret('K', 'env:DOMINION_TEST_SECRET'), openRunner())).toBe('from-outside')
  } finally {
    delete process.env.DOMINION_TEST_SECRET
  }
  const gone = reveal(createSecret('K', 'env:DOMINION_TEST_SECRET'), openRunner())
  expect((await failureOf(gone)).what).toBe('K is not set')
})

test('op:// asks 1Password’s own program; what it says stays out of the transcript', async () => {
  const folder = temporaryFolder()
  // Stands where `op` would: prints the last argument, so that the test sees what was asked for.
  writeFileSync(path.join(folder, 'op'), '#!/bin/sh\nprintf "value of %s" "$3"\n', { mode: 0o755 })
  const runner = openRunner({ env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } })
  expect(await reveal(createSecret('K', 'op://Ops/db/password'), runner)).toBe(
    'value of op://Ops/db/password',
  )
  expect(readFileSync(runner.transcript.file, 'utf8')).not.toContain('value of')
})

test.each(['azkv://only-a-vault', 'azkv://vault/name/version', 'azkv://'])(
  '%s is refused, and never taken for the password itself',
  async (text) => {
    expect(await failureOf(reveal(createSecret('POSTGRES_PASSWORD', text), openRunner()))).toMatchObject({
      what: `POSTGRES_PASSWORD is a reference that cannot be followed: ${text}`,
      exitCode: 2,
    })
  },
)
