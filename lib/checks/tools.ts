import { hasKnownChecksum } from '../../bin/nodePackages.js'
import { azVersion, installHint } from '../azure/account.ts'
import { oldestAz } from '../azure/cli.ts'
import { requirePgTool } from '../database/pgTools.ts'
import { local } from '../shell/command.ts'
import { isAtLeast } from '../util/semver.ts'
import { type Check, fail, pass, type Result } from './check.ts'

/**
 * The first release of each Node line with support for proxies (http.Agent, proxyEnv); as in package.json's engines.
 */
const oldestNode = { 22: '22.21.0', newer: '24.5.0' }

const judgeVersion = (version: string, needed: string): Result =>
  isAtLeast(version, needed) ? pass(version) : fail(`${version}, needed: ${needed}`)

function check(id: string, title: string, advice: string, run: Check['run']): Check {
  return { id, title, tags: ['doctor', 'tools'], needs: 'nothing', advice, run }
}

/** The programs on this machine that the scripts start. */
export const tools: readonly Check[] = [
  check('node', 'Node', 'Run npm ci in the folder of this toolbox; it installs its own Node.', async () => {
    const { node } = process.versions
    const known = hasKnownChecksum(process.execPath)
    if (known === false)
      return fail(
        `${process.execPath} is not the Node ${node} that this toolbox was released with (checksum)`,
      )
    const result = judgeVersion(node, node.startsWith('22.') ? oldestNode[22] : oldestNode.newer)
    return known && result.verdict === 'OK' ? pass(`${node}, with the known checksum`) : result
  }),
  check('npm', 'npm', 'Install Node.js with npm; it builds the dashboard.', async ({ context: { runner } }) =>
    pass((await runner.run(local`npm --version`)).stdout.trim()),
  ),
  check('azure-cli', 'Azure CLI', installHint, async ({ context }) =>
    judgeVersion(await azVersion(context), oldestAz),
  ),
  // pg_dump refuses a server that is newer than itself.
  check(
    'database-tools',
    'pg_dump and pg_restore',
    'Install the PostgreSQL client in the server’s version; backup-database needs it.',
    async ({ context }) => {
      const needed = Number(context.config.postgres.version)
      const versions = await Promise.all([
        requirePgTool(context, 'pg_dump', needed),
        requirePgTool(context, 'pg_restore', needed),
      ])
      return pass([...new Set(versions)].join(', '))
    },
  ),
]
