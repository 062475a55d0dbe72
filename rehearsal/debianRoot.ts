import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { createInterface } from 'node:readline'
import { getDebianSources } from './debianSources.ts'
import { assertRoot } from './network.ts'
import { findMissingPackages, formatManualInstall, getReason } from './packages.ts'
import { PATH, runOrThrow, TIED } from './processes.ts'
import { getCachedTree } from './treeCache.ts'

export const RELEASES = { bookworm: 'Debian 12', trixie: 'Debian 13' }
export type Release = keyof typeof RELEASES
export const isRelease = (name: string): name is Release => Object.hasOwn(RELEASES, name)

/** A clean Debian file system: what its machines find does not depend on this host. */
export interface DebianRoot {
  /** What stands on it, in the plural. */
  purpose: string
  release: Release
  /** In addition to the essential ones and apt. Dependencies are installed too, recommendations are not. */
  packages: string[]
  /** Shell script with the root's folder as $1, run before the packages are installed (mmdebstrap(1), hooks). */
  before?: string
  /** The same, afterwards. */
  after?: string
}

/** What is kept between runs. Nothing but time is lost when it is deleted while no rehearsal runs. */
export function getCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  // The XDG Base Directory Specification ignores a relative path.
  const cache = env.XDG_CACHE_HOME ?? ''
  // Nor is an empty HOME a home.
  const home = isAbsolute(homedir()) ? homedir() : userInfo().homedir
  return join(isAbsolute(cache) ? cache : join(home, '.cache'), 'codex-dominion')
}

/** The name of a root in that folder; another release, architecture, script or list of packages has another name. */
export function getRootName({ release, packages, before, after }: DebianRoot, architecture: string): string {
  const key = createHash('sha256').update(JSON.stringify([[...packages].sort(), before, after]))
  return `${release}-${architecture}-${key.digest('hex').slice(0, 12)}`
}

/**
 * Gives the folder of a root, and makes it first when this user has none of its kind: with mmdebstrap, from the mirrors
 * of this host's apt. Machines may use it as their lower layer; nobody may write into it.
 * Errors: not root; no mmdebstrap; no mirror of Debian, or none that answers.
 */
export async function prepareRoot(root: DebianRoot, onLine: (line: string) => void): Promise<string> {
  assertRoot()
  const title = `${RELEASES[root.release]} root for ${root.purpose}`
  const architecture = (await runOrThrow(['dpkg', '--print-architecture'])).trim()
  const place = join(getCacheFolder(), 'roots', getRootName(root, architecture))
  const make = async (folder: string) => {
    onLine(`Making a clean ${title}: about a minute, once; it is kept in ${place}`)
    const start = Date.now()
    await runMmdebstrap(root, folder, (line) => onLine(`  ${root.purpose}: ${line}`))
    onLine(`Made the ${title} in ${Math.round((Date.now() - start) / 1000)} s`)
  }
  try {
    return await getCachedTree(place, make, onLine)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`Cannot make the ${title}: ${reason}`)
  }
}

async function runMmdebstrap(
  { release, packages, before, after }: DebianRoot,
  folder: string,
  onLine: (line: string) => void,
): Promise<void> {
  const lacking = await findMissingPackages(['debian-archive-keyring', 'mmdebstrap'])
  if (lacking.length > 0)
    throw new Error(`${lacking.join(' and ')} is missing. ${formatManualInstall(lacking)}`)
  const sources = await getDebianSources(release)
  const settings = `${folder}.apt.conf`
  writeFileSync(settings, await getProxySettings(), { mode: 0o600 })
  // Separate namespaces: its mounts end with it, even when it is killed, and this host never sees them.
  const argv = [
    ...[...TIED, 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--'],
    ...['mmdebstrap', '--mode=root', '--format=directory', '--variant=minbase', `--aptopt=${settings}`],
    ...packages.map((name) => `--include=${name}`),
    ...(before ? [`--essential-hook=${before}`] : []),
    ...(after ? [`--customize-hook=${after}`] : []),
    ...[release, folder, '-'],
  ]
  const child = spawn(argv[0]!, argv.slice(1), {
    env: { PATH, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    cwd: '/',
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.stdin.on('error', () => {}) // it ended before it read its sources; its own words tell why
  child.stdin.end(`${sources.join('\n')}\n`)
  let words = ''
  createInterface({ input: child.stderr }).on('line', (line) => {
    words = `${words}${line}\n`.slice(-20_000)
    const [, stage] = /^I: (.*)\.\.\.$/.exec(line) ?? []
    if (stage !== undefined) onLine(stage)
  })
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(getReason(words))
  // They name this host's mirror and proxy, possibly with a password, and no machine on it reaches them.
  for (const name of ['sources.list', 'apt.conf.d/99mmdebstrap'])
    rmSync(join(folder, 'etc/apt', name), { force: true })
  rmSync(settings)
}

/** mmdebstrap's apt does not read this host's configuration; it needs the same proxies. */
async function getProxySettings(): Promise<string> {
  const settings = (await runOrThrow(['apt-config', 'dump'])).split('\n')
  return settings.filter((line) => /^Acquire::https?::/.test(line)).join('\n')
}
