import { databaseHost } from '../azure/containerGroup.ts'
import type { Dial } from '../command/dial.ts'
import type { Config } from '../config/config.ts'
import { databasePort } from './connect.ts'

/** Asks for a session without TLS, as a client that does not know better would. */
export const plainDial = (config: Config): Dial => ({
  host: databaseHost(config),
  port: databasePort,
  tls: false,
  say: startupMessage(config.postgres.user, config.postgres.database),
  timeoutMs: 10_000,
  effect: 'read',
})

/** The first message of a PostgreSQL client without TLS (protocol 3.0, "StartupMessage" in the message formats). */
function startupMessage(user: string, database: string): Buffer {
  const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0${database}\0\0`, 'latin1')
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length + 4)
  return Buffer.concat([length, body])
}
