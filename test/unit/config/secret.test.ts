import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import type { Config } from '../../../lib/config/config.ts'
import { loadConfig } from '../../../lib/config/load.ts'
import {
  createSecret,
  isReference,
  revealSecret,
  type Secret,
  secretCommand,
} from '../../../lib/config/secret.ts'
import { getFailure, loadTestConfig, openRunner, temporaryFolder } from '../../support/helpers.ts'

test('a secret prints as *** wherever it goes', async () => {
  const { postgres } = await loadTestConfig('POSTGRES_PASSWORD=hunter2')
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
    expect(
      await getFailure(revealSecret(createSecret('POSTGRES_PASSWORD', text), openRunner())),
    ).toMatchObject({
      what: 'POSTGRES_PASSWORD is still the placeholder from .env.example',
      next: expect.stringContaining('Set POSTGRES_PASSWORD in .env'),
      exitCode: 2,
    })
  },
)

test('a secret that is not set, or that az would read as a file or an option, is refused by name', async () => {
  const say = async (text: string) =>
    (await getFailure(revealSecret(createSecret('APP_SECRET_KEY', text), openRunner()))).what
  expect(await say('')).toBe('APP_SECRET_KEY is not set')
  const beginning = 'APP_SECRET_KEY must not begin with @ or -: az would read it as a file or an option'
  expect(await say('@file')).toBe(beginning)
  expect(await say('-x')).toBe(beginning)
})

test('the redactor knows a value before it is used', async () => {
  const runner = openRunner()
  expect(await revealSecret(createSecret('K', 'Gr8-secret'), runner)).toBe('Gr8-secret')
  expect(runner.secrets.clean('it is Gr8-secret')).toBe('it is ***')
})

test('references and the commands that read them', () => {
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

test('env:NAME reads an environment variable', async () => {
  process.env.DOMINION_TEST_SECRET = 'from-outside'
  try {
    expect(await revealSecret(createSecret('K', 'env:DOMINION_TEST_SECRET'), openRunner())).toBe(
      'from-outside',
    )
  } finally {
    delete process.env.DOMINION_TEST_SECRET
  }
  const gone = revealSecret(createSecret('K', 'env:DOMINION_TEST_SECRET'), openRunner())
  expect((await getFailure(gone)).what).toBe('K (env:DOMINION_TEST_SECRET) is not set')
})

const refusal = async (line: string, pick: (config: Config) => Secret) =>
  (await getFailure(revealSecret(pick(await loadTestConfig(line)), openRunner()))).what

test.each([
  ['Ab1-567', 'has 7 characters; Azure accepts 8 to 128'],
  [`Ab1-${'x'.repeat(125)}`, 'has 129 characters; Azure accepts 8 to 128'],
  [
    'lowercase1',
    'has 2 of the four kinds of characters (upper case, lower case, digits, others); Azure requires three',
  ],
  ['x1-CODEXADMIN-y', 'contains the name of POSTGRES_USER, which Azure refuses'],
])('a database password that Azure would refuse is refused: %s', async (password, why) => {
  expect(await refusal(`POSTGRES_PASSWORD=${password}`, ({ postgres }) => postgres.password)).toBe(
    `POSTGRES_PASSWORD ${why}`,
  )
})

test.each(['Ab1-5678', `Ab1${'x'.repeat(125)}`, 'Lower-case', 'UPPER 123', 'pässwörT 1'])(
  'a database password that Azure accepts is accepted: %s',
  async (password) => {
    const { postgres } = await loadTestConfig(`POSTGRES_PASSWORD='${password}'`)
    expect(await revealSecret(postgres.password, openRunner())).toBe(password)
  },
)

test('the key of the application has at least 16 characters; a reference is checked by its value', async () => {
  const key = ({ backend }: Config) => backend.secretKey
  expect(await refusal('APP_SECRET_KEY=0123456789abcde', key)).toBe(
    'APP_SECRET_KEY has 15 characters; at least 16 are required (openssl rand -hex 32)',
  )
  const { backend } = await loadTestConfig('APP_SECRET_KEY=0123456789abcdef')
  expect(await revealSecret(backend.secretKey, openRunner())).toBe('0123456789abcdef')
  process.env.DOMINION_TEST_SHORT = 'short'
  try {
    expect(await refusal('APP_SECRET_KEY=env:DOMINION_TEST_SHORT', key)).toBe(
      'APP_SECRET_KEY (env:DOMINION_TEST_SHORT) has 5 characters; at least 16 are required (openssl rand -hex 32)',
    )
  } finally {
    delete process.env.DOMINION_TEST_SHORT
  }
})

test('a secret belongs in the file that sets it, otherwise in the environment’s file', async () => {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, '.env'), 'POSTGRES_PASSWORD=change-me')
  writeFileSync(path.join(folder, '.env.eu'), '')
  const { postgres, backend } = await loadConfig(folder, 'eu')
  const next = async (secret: Secret) => (await getFailure(revealSecret(secret, openRunner()))).next
  expect(await next(postgres.password)).toMatch(/^Set POSTGRES_PASSWORD in \.env: /)
  expect(await next(backend.secretKey)).toMatch(/^Set APP_SECRET_KEY in \.env\.eu: /)
  expect((await loadConfig(folder)).backend.secretKey.file).toBe('.env')
})

test('op:// runs 1Password’s own program; its output stays out of the transcript', async () => {
  const folder = temporaryFolder()
  // Takes the place of `op`: prints the last argument, so that the test sees what was requested.
  writeFileSync(path.join(folder, 'op'), '#!/bin/sh\nprintf "value of %s" "$3"\n', { mode: 0o755 })
  const runner = openRunner({ env: { ...process.env, PATH: `${folder}:${process.env.PATH}` } })
  expect(await revealSecret(createSecret('K', 'op://Ops/db/password'), runner)).toBe(
    'value of op://Ops/db/password',
  )
  expect(readFileSync(runner.transcript.file, 'utf8')).not.toContain('value of')
})

test.each(['azkv://only-a-vault', 'azkv://vault/name/version', 'azkv://'])(
  '%s is refused, and never used as the password itself',
  async (text) => {
    expect(
      await getFailure(revealSecret(createSecret('POSTGRES_PASSWORD', text), openRunner())),
    ).toMatchObject({
      what: `POSTGRES_PASSWORD is a reference that cannot be resolved: ${text}`,
      exitCode: 2,
    })
  },
)
