import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import type { CheckContext } from '../../../lib/checks/check.ts'
import { secretStrength } from '../../../lib/checks/secretStrength.ts'
import { assertStrong, estimateBits, findWeakness, strongSecrets } from '../../../lib/config/strength.ts'
import { getFailure, loadTestConfig, openRunner } from '../../support/helpers.ts'

const weaknessOf = (key: string, value: string) => findWeakness({ key, file: '.env' }, value)?.what

test.each([
  ['POSTGRES_PASSWORD', 'Password1'],
  ['POSTGRES_PASSWORD', 'Password1Password1'],
  ['POSTGRES_PASSWORD', 'P@ssw0rd-P@ssw0rd-1234567890'],
  ['POSTGRES_PASSWORD', 'Codex-Dominion-2026'],
  ['POSTGRES_PASSWORD', 'Abcdefghijklmnopqrstuvwxyz0123456789'],
  ['POSTGRES_PASSWORD', 'Gr8-password'],
  ['APP_SECRET_KEY', 'a'.repeat(16)],
  ['APP_SECRET_KEY', '0'.repeat(64)],
  ['APP_SECRET_KEY', '0123456789abcdef'.repeat(4)],
  ['APP_SECRET_KEY', 'changeme-changeme-changeme-changeme'],
])('%s %s is too easy to guess', (key, value) => {
  const weakness = weaknessOf(key, value)
  expect(weakness).toMatch(`${key} is too easy to guess: `)
  expect(weakness).not.toContain(value)
})

test.each([
  ['POSTGRES_PASSWORD', 24, 'base64'],
  ['POSTGRES_PASSWORD', 16, 'base64url'],
  ['APP_SECRET_KEY', 32, 'hex'],
  ['APP_SECRET_KEY', 24, 'base64'],
] as const)('%s of %i random bytes in %s is always accepted', (key, bytes, encoding) => {
  for (let count = 0; count < 300; count++) {
    const value = randomBytes(bytes).toString(encoding)
    expect(weaknessOf(key, value), value).toBeUndefined()
  }
})

test('a phrase that no list has is accepted', () => {
  expect(weaknessOf('POSTGRES_PASSWORD', 'Good-Horse-9-battery')).toBeUndefined()
  expect(weaknessOf('APP_SECRET_KEY', 'Good-app-key-of-tests')).toBeUndefined()
})

test('the estimate takes any text, and a long one in little time', () => {
  for (const value of ['', 'a', '\0', 'é', '😀😀', '\n', '('.repeat(50)])
    expect(estimateBits(value)).toBeLessThan(20)
  const began = performance.now()
  expect(estimateBits(randomBytes(3000).toString('base64'))).toBeGreaterThan(1000)
  expect(performance.now() - began).toBeLessThan(2000)
})

const weak = ['POSTGRES_PASSWORD=Password1', `APP_SECRET_KEY=${'a'.repeat(16)}`]

test('all weak ones are named at once, with the next step', async () => {
  const config = await loadTestConfig(...weak)
  const { what, next, exitCode } = await getFailure(assertStrong(strongSecrets(config), openRunner()))
  expect(exitCode).toBe(2)
  expect(what).toBe(
    'POSTGRES_PASSWORD is too easy to guess: it has 9 characters, and at least 16 are required; APP_SECRET_KEY is too easy to guess: common words, sequences and repetitions add little strength',
  )
  expect(next).toBe(
    'Set POSTGRES_PASSWORD in .env to a random value: openssl rand -base64 24\n  Set APP_SECRET_KEY in .env to a random value: openssl rand -hex 32',
  )
})

test('doctor warns about a weak secret that is in use', async () => {
  const judge = async (...lines: string[]) =>
    secretStrength.run({
      context: { config: await loadTestConfig(...lines), runner: openRunner() },
    } as unknown as CheckContext)
  expect(
    await judge('POSTGRES_PASSWORD=Good-Horse-9-battery', 'APP_SECRET_KEY=Good-app-key-of-tests'),
  ).toEqual({
    verdict: 'OK',
    detail: 'POSTGRES_PASSWORD and APP_SECRET_KEY are hard to guess',
  })
  const found = await judge(...weak)
  expect(found.verdict).toBe('WARNING')
  expect(found.detail).toContain('POSTGRES_PASSWORD is too easy to guess')
  expect(found.next).toContain('openssl rand -base64 24')
  expect(found.next).toContain('npx dominion deploy-complete')
})
