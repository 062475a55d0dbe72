import { scryptSync } from 'node:crypto'
import type { Runner } from '../shell/runner.ts'
import type { Config } from './config.ts'
import { revealSecret } from './secret.ts'

/** The login of the containers. */
export interface DatabaseLogin {
  user: string
  password: string
}

/**
 * The application's role. Roles belong to the server, so the name contains the database. infra/migrations/0008 has the same
 * rule; PostgreSQL's names have at most 63 bytes.
 */
export const getApplicationRole = ({ postgres }: Config): string => `${postgres.database.slice(0, 59)}_app`

/**
 * The application's login. Its password follows from POSTGRES_PASSWORD, so there is no further secret to keep, and every machine
 * computes the same. The way back is to guess POSTGRES_PASSWORD, which scrypt (RFC 7914) makes expensive.
 */
export async function getApplicationLogin(config: Config, runner: Runner): Promise<DatabaseLogin> {
  const password = deriveApplicationPassword(config, await revealSecret(config.postgres.password, runner))
  runner.secrets.add(password)
  return { user: getApplicationRole(config), password }
}

/** A run needs it for every group and every connection, and scrypt takes tens of milliseconds. */
const derived = new Map<string, string>()

/** @param owner the value of POSTGRES_PASSWORD */
export function deriveApplicationPassword({ postgres: { server, database } }: Config, owner: string): string {
  const label = `codex-dominion application role v1 ${server}/${database}`
  const known = derived.get(label + owner) ?? scryptSync(owner, label, 24).toString('base64url')
  derived.set(label + owner, known)
  return known
}
