import { createHmac } from 'node:crypto'
import type { Runner } from '../shell/runner.ts'
import type { Config } from './config.ts'
import { reveal } from './secret.ts'

/** The backend derives the same token (dominion/credentials.py). Another label makes another token. */
const label = 'codex-dominion api token v1'

/** The token that the API asks for before it writes: HMAC-SHA256 with APP_SECRET_KEY as the key, in hexadecimal. */
export const deriveApiToken = (secretKey: string): string =>
  createHmac('sha256', secretKey).update(label).digest('hex')

/** The token of this environment. Throws as `reveal` does when APP_SECRET_KEY cannot be used. */
export const getApiToken = async ({ backend }: Config, runner: Runner): Promise<string> =>
  deriveApiToken(await reveal(backend.secretKey, runner))
