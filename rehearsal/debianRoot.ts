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

const RELEASES = { bookworm: 'Debian 12', trixie: 'Debian 13' }
export type Release = keyof typeof RELEASES

/** A clean Debian file system, so that the content of its machines does not depend on this host. */
export interface DebianRoot {
  /** What uses it, as a plural noun. */
  purpose: string
  release: Release
  /**
   * Packages in addition to the essential ones and apt. Dependencies are installed, too; recommended packages
   * are not.
   */
  packages: string[]
  /** Shell script with the root's folder as $1, run before the packages are installed (mmdebstrap(1), hooks). */
  before?: string
  /** The same, afterwards. */
  after?: string
}

/** Data that is kept between runs. Deleting it while no rehearsal is running costs only time. */
export function getCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  // The XDG Base Directory Specification ignores a relative path.
  const cache = env.XDG_CACHE_HOME ?? ''
  // An empty HOME does not count as a home folder either.
  const home = isAbsolute(homedir()) ? homedir() : userInfo().homedir
  return join(isAbsolute(cache) ? cache : join(home, '.cache'), 'codex-dominion')
}

/** The name of a root in that folder; another release, architecture, script or list of packages has another name. */
export function getRootName({ release, packages, before, after }: DebianRoot, architecture: string): string {
  const key = createHash('sha256').update(JSON.stringify([[...packages].sort(), before, after]))
  return `${release}-${architecture}-${key.digest('hex').slice(0, 12)}`
}

/**
 * Returns the folder of a root. If this user has none of its kind, creates it with mmdebstrap from the
 * mirrors of this host's apt. Machines may use it as their lower layer, but nobody may write to it. Throws
 * when not root, without mmdebstrap, and when no Debian mirror is configured or answers.
 */
export async function prepareRoot(root: DebianRoot, onLine: (line: string) => void): Promise<string> {
  assertRoot()
  const title = `${RELEASES[root.release]} root for ${root.purpose}`
  const architecture = (await runOrThrow(['dpkg', '--print-architecture'])).trim()
  const place = join(getCacheFolder(), 'roots', getRootName(root, architecture))
  const make = async (folder: string) => {
    onLine(`Creating a clean ${title}: about a minute, once; it is kept in ${place}`)
    const start = Date.now()
    await runMmdebstrap(root, folder, (line) => onLine(`  ${root.purpose}: ${line}`))
    onLine(`Created the ${title} in ${Math.round((Date.now() - start) / 1000)} s`)
  }
  try {
    return await getCachedTree(place, make, onLine)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`Cannot create the ${title}: ${reason}`)
  }
}

async function runMmdebstrap(
  { release, packages, before, after }: DebianRoot,
  folder: string,
  onLine: (line: string) => void,
): Promise<void> {
  const lacking = await findMissingPackages(['debian-archive-keyring', 'mmdebstrap'])
  if (lacking.length > 0)
    throw new Error(
      `${lacking.join(' and ')} ${lacking.length === 1 ? 'is' : 'are'} missing. ${formatManualInstall(lacking)}`,
    )
  const sources = await getDebianSources(release)
  const settings = `${folder}.apt.conf`
  writeFileSync(settings, await getProxySettings(), { mode: 0o600 })
  // Separate namespaces, so that its mounts end with it, even when it is killed, and this host never sees
  // them.
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
  child.stdin.on('error', () => {}) // It ended before it read its sources; its output says why.
  child.stdin.end(`${sources.join('\n')}\n`)
  let words = ''
  createInterface({ input: child.stderr }).on('line', (line) => {
    words = `${words}${line}\n`.slice(-20_000)
    const [, stage] = /^I: (.*)\.\.\.$/.exec(line) ?? []
    if (stage !== undefined) onLine(stage)
  })
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(getReason(words))
  // They name this host's mirror and proxy, possibly with a password, which no machine based on it can reach.
  for (const name of ['sources.list', 'apt.conf.d/99mmdebstrap'])
    rmSync(join(folder, 'etc/apt', name), { force: true })
  rmSync(settings)
}

/** mmdebstrap's apt does not read this host's configuration but needs the same proxies. */
async function getProxySettings(): Promise<string> {
  const settings = (await runOrThrow(['apt-config', 'dump'])).split('\n')
  return settings.filter((line) => /^Acquire::https?::/.test(line)).join('\n')
}
