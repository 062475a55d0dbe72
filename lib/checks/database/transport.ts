import { formatScriptLine } from '../../config/pasteLine.ts'
import { type Check, fail, pass, unknown } from '../check.ts'

/** The template leaves the parameter at Azure's default, on; whoever switches it off lets passwords travel readable. */
export const databaseTransport: Check = {
  id: 'database-transport',
  title: 'PostgreSQL over TLS only',
  tags: ['doctor', 'data-tier'],
  needs: 'az',
  advice: 'Set require_secure_transport to on.',
  async run({ context: { config }, azure }) {
    const { database } = await azure.dataTier()
    if (!database) return pass(`${config.postgres.server} is not there yet`)
    const { secureTransport } = database
    if (secureTransport === undefined)
      return unknown(`${database.name} does not show require_secure_transport`)
    const detail = `require_secure_transport is ${secureTransport}`
    return secureTransport.toLowerCase() === 'on'
      ? pass(detail)
      : fail(detail, `${formatScriptLine('provision')}   (it sets the parameter to on)`)
  },
}
