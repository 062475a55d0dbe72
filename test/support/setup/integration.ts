import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

interface Need {
  debianPackage: string
  program?: string
  /** One of these suffices. */
  files?: string[]
}

/** What the integration tests need besides Node. */
export const needs: Need[] = [
  // The Python installation that contains az: Debian's package or Microsoft's.
  {
    files: ['/usr/lib/python3/dist-packages/azure/cli', '/opt/az/bin/python3'],
    debianPackage: 'azure-cli',
  },
  { program: 'git', debianPackage: 'git' },
  { program: 'openssl', debianPackage: 'openssl' },
  { files: ['/usr/lib/postgresql'], debianPackage: 'postgresql' },
  { program: 'python3', debianPackage: 'python3' },
  { program: 'redis-server', debianPackage: 'redis-server' },
  { program: 'script', debianPackage: 'bsdutils' },
  { program: 'shellcheck', debianPackage: 'shellcheck' },
  { program: 'zstd', debianPackage: 'zstd' },
]

/** Names everything that this machine lacks in one message, with the command that installs it. */
export default function setup(): void {
  const isThere = ({ program, files = [] }: Need) =>
    program ? !spawnSync(program, ['--version']).error : files.some((file) => existsSync(file))
  const lacking = needs.filter((need) => !isThere(need)).map(({ debianPackage }) => debianPackage)
  if (lacking.length === 0) return
  throw new Error(
    `The integration tests need what this machine lacks: ${lacking.join(', ')}\n→ As root on Debian: apt-get install --no-install-recommends ${lacking.join(' ')}`,
  )
}
