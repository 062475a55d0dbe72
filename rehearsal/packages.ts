import { spawn } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { formatCount } from '../lib/util/format.ts'
import { argv, PATH, run, runOrThrow } from './processes.ts'

/** The packages that the rehearsal needs on this host; roots.ts lists those of its machines. */
export const rehearsalPackages = argv`
  azure-cli ca-certificates curl debian-archive-keyring iproute2 mmdebstrap openssh-client openssl pebble
  postgresql-client procps python3 util-linux`

const POLICY = '/usr/sbin/policy-rc.d'
const POLICY_KEPT = '/usr/sbin/policy-rc.d.before-rehearsal'
const POLICY_TEXT = '#!/bin/sh\n# The rehearsal installs programs, it starts no services.\nexit 101\n'
/**
 * With it, the installation of postgresql creates no database cluster (pg_createcluster(1),
 * createcluster.conf).
 */
const NO_CLUSTER = '/etc/postgresql-common/createcluster.d/rehearsal.conf'
const PROGRESS_SECONDS = 5
// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own fields
const STATUS = '${db:Status-Status} ${Package}\n'

/** Names of the packages that are not installed, in alphabetical order. */
export async function findMissingPackages(packages: string[] = rehearsalPackages): Promise<string[]> {
  const { stdout } = await run(['dpkg-query', '-W', '-f', STATUS, ...packages]).catch(() => {
    throw new Error(
      `The rehearsal needs Debian or Ubuntu: this machine has no dpkg. ${formatManualInstall(packages)}`,
    )
  })
  const installed = new Set(installedIn(stdout))
  return packages.filter((name) => !installed.has(name)).sort()
}

/**
 * Installs what is missing. Nothing else changes on this machine: no service is started or enabled at boot,
 * and no PostgreSQL cluster is created. `onLine` receives the packages and their size first, then the
 * progress. Throws when this is not Debian or Ubuntu, not root, without a network, and for an unknown
 * package; each error says what is missing and how to get it.
 */
export async function installPackages(options: {
  onLine: (line: string) => void
  packages?: string[]
}): Promise<void> {
  const { onLine, packages = rehearsalPackages } = options
  const wanted = await findMissingPackages(packages)
  if (wanted.length === 0) return
  if (process.getuid?.() !== 0)
    throw new Error(
      `Only root can install the missing packages: ${wanted.join(', ')}. ${formatManualInstall(wanted)}`,
    )
  onLine(`The rehearsal needs ${formatCount(wanted.length, 'more Debian package')}: ${wanted.join(', ')}`)
  onLine('Reading the package lists (apt-get update)')
  const update = await apt(['update'])
  const uris = await apt(['install', '--print-uris', ...ARGUMENTS, ...wanted])
  if (uris.code !== 0) throw aptError(wanted, `${uris.stderr}\n${update.stderr}`)
  const sizes = uris.stdout.matchAll(/^'\S+' \S+ (\d+) /gm)
  const files = Array.from(sizes, ([, size]) => Number(size))
  onLine(`Installing them: ${formatCount(files.length, 'file')} to download, ${megabytes(files)} MB`)
  const before = await installedNames()
  await quietly(async () => {
    const words = await aptInstall(wanted, onLine)
    if (words !== undefined) throw aptError(wanted, `${words}\n${update.stderr}`)
  })
  const fresh = (await installedNames()).filter((name) => !before.includes(name))
  await keepOffAtBoot(fresh)
  const still = await findMissingPackages(packages)
  if (still.length > 0)
    throw new Error(`These packages are still missing after apt-get install: ${still.join(', ')}.`)
  onLine(
    `Installed ${formatCount(fresh.length, 'package')}; their services are neither started nor enabled at boot`,
  )
}

const ARGUMENTS = ['-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300']

/** Runs apt-get without prompts; with a lock file, one at a time among those that use the same file. */
export function apt(argv: string[], lock?: string): ReturnType<typeof run> {
  return run([...(lock ? ['flock', lock] : []), 'apt-get', ...argv], { env: APT_ENVIRONMENT }).catch(() => {
    throw new Error('The rehearsal needs Debian or Ubuntu: this machine has no apt-get.')
  })
}

const APT_ENVIRONMENT = { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' }

/** Returns undefined on success, otherwise what apt-get wrote to stderr. */
async function aptInstall(wanted: string[], onLine: (line: string) => void): Promise<string | undefined> {
  const argv = ['install', ...ARGUMENTS, '-o', 'APT::Status-Fd=3', ...wanted]
  const child = spawn('apt-get', argv, {
    env: { PATH, LC_ALL: 'C', ...APT_ENVIRONMENT },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  let words = ''
  child.stderr!.on('data', (chunk) => {
    words += chunk
  })
  let said = Date.now()
  // Lines such as `dlstatus:3:41.5:Retrieving file 3 of 60` and `pmstatus:redis-server:72.1:Unpacking …`
  createInterface({ input: child.stdio[3] as NodeJS.ReadableStream }).on('line', (line) => {
    const [kind, , percent, text] = line.split(':')
    if ((kind !== 'dlstatus' && kind !== 'pmstatus') || Date.now() - said < PROGRESS_SECONDS * 1000) return
    said = Date.now()
    onLine(`${kind === 'dlstatus' ? 'Download' : 'Installation'} ${Math.round(Number(percent))} %: ${text}`)
  })
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve))
  return code === 0 ? undefined : words
}

/**
 * Runs `work` while no package may start a service or create a database cluster, then restores the previous
 * state.
 */
async function quietly(work: () => Promise<void>): Promise<void> {
  const ours = existsSync(POLICY) && readFileSync(POLICY, 'utf8') === POLICY_TEXT
  if (existsSync(POLICY) && !ours) renameSync(POLICY, POLICY_KEPT)
  writeFileSync(POLICY, POLICY_TEXT, { mode: 0o755 })
  await runOrThrow(['install', '-D', '-m', '644', '/dev/null', NO_CLUSTER])
  writeFileSync(NO_CLUSTER, 'create_main_cluster = false\n')
  const putBack = () => {
    rmSync(NO_CLUSTER, { force: true })
    if (existsSync(POLICY_KEPT)) renameSync(POLICY_KEPT, POLICY)
    else rmSync(POLICY, { force: true })
  }
  process.once('exit', putBack)
  try {
    await work()
  } finally {
    process.off('exit', putBack)
    putBack()
  }
}

const installedNames = async (): Promise<string[]> =>
  installedIn(await runOrThrow(argv`dpkg-query -W -f ${STATUS}`))

const installedIn = (list: string): string[] =>
  Array.from(list.matchAll(/^installed (.*)$/gm), ([, name]) => name!)

/** Packages enable their services for the next boot even if they may not start them now. */
async function keepOffAtBoot(packages: string[]): Promise<void> {
  if (packages.length === 0 || !existsSync('/usr/bin/systemctl')) return
  const files = await runOrThrow(['dpkg', '-L', ...packages])
  const units = files.matchAll(/\/systemd\/system\/([^/@\n]+\.(?:service|socket|timer))$/gm)
  const names = [...new Set(Array.from(units, ([, name]) => name!))]
  // Not every unit can be enabled, so the exit code means nothing here. This also works without a running
  // systemd.
  if (names.length > 0) await run(['systemctl', 'disable', ...names])
}

function aptError(wanted: string[], words: string): Error {
  return new Error(`Cannot install ${wanted.join(', ')}: ${getReason(words)} ${formatManualInstall(wanted)}`)
}

/** Why apt, or a program that runs it, failed: one sentence from what it wrote to stderr. */
export function getReason(words: string): string {
  const errors = words.split('\n').filter((line) => /^[EW]: /.test(line))
  const cause = errors.slice(0, 4).join(' ') || words.trim().slice(-500)
  const offline = /Could not resolve|Temporary failure|Could not connect|Unable to connect|timed out/.test(
    words,
  )
  return offline
    ? `this machine cannot reach its Debian mirror; check its network and apt's sources. (${cause})`
    : `${cause}.`
}

export function formatManualInstall(wanted: string[]): string {
  return `Or run: apt-get install --no-install-recommends ${wanted.join(' ')}`
}

function megabytes(sizes: number[]): string {
  return (sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(0)
}
