import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256OfFile } from '../../lib/util/files.ts'
import { apt } from '../packages.ts'
import { runOrThrow } from '../processes.ts'

/** What an operator's scripts may install on the VPS; their dependencies come along. */
const OFFERED = [
  ...['nginx', 'certbot', 'ca-certificates', 'zstd'],
  ...['cron', 'curl', 'locales', 'logrotate', 'rsync', 'sudo'],
]

/** A package repository without network: .deb files, and the index that apt reads (deb822, "Packages"). */
export interface Repository {
  /** Absolute paths of the .deb files. */
  files: string[]
  index: string
}

/**
 * Fetches the packages that a server with this dpkg status lacks, through this host's apt and into `cache`.
 * The result is kept there: for the same status, neither apt nor the network is asked again.
 */
export async function fillRepository(cache: string, status: string): Promise<Repository> {
  const key = createHash('sha256')
    .update(JSON.stringify([OFFERED, status]))
    .digest('hex')
    .slice(0, 16)
  const file = join(cache, `repository-${key}.json`)
  if (existsSync(file)) {
    const known = JSON.parse(readFileSync(file, 'utf8')) as Repository
    if (known.files.every((name) => existsSync(name))) return known
  }
  mkdirSync(join(cache, 'partial'), { recursive: true })
  const statusFile = join(cache, `status-${randomUUID()}`)
  writeFileSync(statusFile, status)
  try {
    const files = await fetchFiles(cache, statusFile)
    const index = await Promise.all(files.map(describe))
    const repository = { files, index: index.join('\n') }
    writeFileSync(`${statusFile}.json`, JSON.stringify(repository))
    renameSync(`${statusFile}.json`, file) // whole or not at all: two rehearsals may share the cache
    return repository
  } finally {
    rmSync(statusFile)
  }
}

async function fetchFiles(cache: string, statusFile: string): Promise<string[]> {
  const install = [
    ...['install', '-y', '--no-install-recommends', '-o', 'Debug::NoLocking=1'],
    ...['-o', 'APT::Sandbox::User=root', '-o', `Dir::State::status=${statusFile}`],
    ...['-o', `Dir::Cache::archives=${cache}`, ...OFFERED],
  ]
  let plan = await apt([...install, '--simulate'])
  if (plan.code !== 0) {
    await apt(['update']) // an image without package lists
    plan = await apt([...install, '--simulate'])
    if (plan.code !== 0) throw cannotFetch(plan.stderr)
  }
  const files = debNames(plan.stdout).map((name) => join(cache, name))
  if (files.every((file) => existsSync(file))) return files
  const fetched = await apt([...install, '--download-only'], join(cache, 'lock'))
  const lost = files.filter((file) => !existsSync(file))
  if (fetched.code !== 0 || lost.length > 0)
    throw cannotFetch(fetched.stderr || `not there after the download: ${lost.join(', ')}`)
  return files
}

/** File names in apt's cache, from lines such as `Inst nginx (1.22.1-9 Debian:12.1/stable [amd64])`. */
function debNames(simulation: string): string[] {
  return Array.from(
    simulation.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) .*\[(\w+)\]\)/gm),
    ([, name, version, architecture]) =>
      `${name!.split(':')[0]}_${version!.replace(/[_:]/g, percent)}_${architecture}.deb`,
  )
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`
}

/** One paragraph of the index: the package's own control fields, and where its file is. */
async function describe(file: string): Promise<string> {
  const [control, sha256] = await Promise.all([runOrThrow(['dpkg-deb', '--field', file]), sha256OfFile(file)])
  const name = file.slice(file.lastIndexOf('/') + 1)
  const { size } = statSync(file)
  return `${control.trimEnd()}\nFilename: ./${name}\nSize: ${size}\nSHA256: ${sha256}\n`
}

function cannotFetch(words: string): Error {
  return new Error(
    `Cannot fetch the packages that the rehearsal's VPS installs (${OFFERED.join(', ')}): ${words.trim()}. ` +
      'Check the network of this machine, run apt-get update, then try again.',
  )
}
