import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { deriveApiToken, getApiToken, revealSecret } from '../../../lib/config/secret.ts'
import { home, loadTestConfig, openRunner } from '../../support/helpers.ts'

// The backend's own tests read the same file.
const shared = path.join(home, 'examples', 'codex-dominion', 'backend', 'tests', 'api_tokens.json')
const { vectors } = JSON.parse(readFileSync(shared, 'utf8')) as {
  vectors: { secretKey: string; token: string }[]
}

test.each(vectors)('the token of $secretKey is the one that the backend requires', ({ secretKey, token }) => {
  expect(deriveApiToken(secretKey)).toBe(token)
})

test('the redactor knows the token wherever the key is used, not only where the token is', async () => {
  const [{ secretKey, token }] = vectors as [(typeof vectors)[0]]
  const config = await loadTestConfig(`APP_SECRET_KEY="${secretKey}"`)
  const runner = openRunner()
  await revealSecret(config.backend.secretKey, runner)
  expect(runner.secrets.clean(`Authorization: Bearer ${token}`)).toBe('Authorization: Bearer ***')
  expect(await getApiToken(config, runner)).toBe(token)
})

test('a key that cannot be used gives no token', async () => {
  const config = await loadTestConfig('APP_SECRET_KEY=short')
  await expect(getApiToken(config, openRunner())).rejects.toThrow('APP_SECRET_KEY has 5 characters')
})
