// Plain JavaScript, run by the machine's own Node: what `npm test` starts. It says what the machine lacks before anything
// else runs, then hands over to test/run.ts.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { findFault, findProjectNode, handOver, home, isSupported, runHere } from '../bin/projectNode.js'

/** What the unit tests need beside Node: a program on the PATH, or one of some files, and its Debian package. */
const unitNeeds = [
  // The Python that holds az's own code: Debian's package, or Microsoft's.
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
  { program: 'zstd', debianPackage: 'zstd' },
]

const argv = process.argv.slice(2)
const run = path.join(home, 'test', 'run.ts')
const unitOnly = argv.includes('--unit')
const missing = unitOnly ? findMissing() : []

if (missing.length > 0) {
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))].sort()
  process.stderr.write(
    `✖ The unit tests need what this machine lacks: ${missing.map(({ name }) => name).join(', ')}\n→ As root on Debian: apt-get install --no-install-recommends ${packages.join(' ')}\n`,
  )
  process.stdout.write('0 passed, 1 failed, 0 skipped\n')
  process.exitCode = 1
} else if (isSupported()) await runHere(run, argv)
else handOver([run, ...argv], { install: !unitOnly })

function findMissing() {
  const isThere = ({ program, files }) =>
    files ? files.some((file) => existsSync(file)) : !spawnSync(program, ['--version']).error
  const lacking = unitNeeds
    .filter((need) => !isThere(need))
    .map(({ program, debianPackage }) => ({ name: program ?? debianPackage, debianPackage }))
  const node = isSupported() ? undefined : findProjectNode()
  const fault = node && findFault(node)
  if (fault?.debianPackage) lacking.push({ name: fault.library, debianPackage: fault.debianPackage })
  return lacking
}
