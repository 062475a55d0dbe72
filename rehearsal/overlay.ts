import { existsSync, lstatSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { quotePosix } from '../lib/shell/quote.ts'
import { runOrThrow } from './processes.ts'

/** What the root file system of a machine is built from. */
export interface OverlayOptions {
  /** The name of the machine, which is also its host name: letters, digits and dashes. */
  name: string
  /** The address of the DNS server for its /etc/resolv.conf. */
  resolver: string
  /** PEM certificates that it trusts in addition to those of its root. */
  authorities?: string[]
  /** Additional folders or files: absolute path → text, with a mode (0644) and nothing else. */
  files?: Files
  /** Folder with the file system that it starts from (roots.ts). */
  root: string
  /** Folders of this host that it can read, by their path inside; the root has those paths. */
  shared?: Record<string, string>
}

export type Files = Record<string, { text: string; mode?: number }>

/**
 * The last two options keep a copied-up file complete and prevent renames from using marks that only
 * overlayfs can read.
 */
const OPTIONS = 'index=off,volatile,metacopy=off,redirect_dir=off'

/** statfs(2) f_type of overlayfs, which cannot hold an upper layer (`/` in a Docker container). */
const OVERLAYFS = 0x794c7630

/**
 * Prepares the layers of a machine's root, in a new folder, and returns the shell script that mounts it as `$root`. The script is
 * run inside the machine's new mount namespace, so nothing is ever mounted where this host sees it.
 */
export async function prepareOverlay(
  options: OverlayOptions,
  folder: string,
  address: string,
): Promise<string> {
  for (const name of ['upper', 'own', 'lower', 'work', 'root'])
    mkdirSync(join(folder, name), { recursive: true })
  mkdirSync(join(folder, 'upper/.old'))
  // A separate layer, so that the upper one holds only what the machine writes.
  for (const [path, file] of Object.entries(await ownFiles(options, address)))
    put(options.root, join(folder, 'own'), path, file)
  return script(options, folder)
}

function script({ root, shared = {} }: OverlayOptions, folder: string): string {
  const onTmpfs = statfsSync(folder).type === OVERLAYFS
  const upper = onTmpfs ? 'work/upper' : 'upper'
  const work = onTmpfs ? 'work/work' : 'work'
  const lines = [
    `cd ${quotePosix(folder)}`,
    onTmpfs ? 'mount -t tmpfs -o mode=755 tmpfs work; mv upper work/upper; mkdir work/work' : '',
    // Use a relative name, because a comma or a colon in the path would separate options and layers.
    `mount --bind ${quotePosix(root)} lower`,
    `mount -t overlay overlay -o lowerdir=own:lower,upperdir=${upper},workdir=${work},${OPTIONS} root`,
    'cd root',
    'mount -t proc -o nosuid,nodev,noexec proc proc',
    'mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys',
    'mount -t tmpfs -o nosuid,mode=755 tmpfs dev',
    'cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev/',
    'mkdir dev/pts dev/shm',
    'ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd; ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr',
    'mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts',
    'mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs dev/shm',
    'test -d run/lock || mkdir -m 1777 run/lock',
    ...Object.entries(shared).map(
      ([inside, outside]) => `mount -o bind,ro ${quotePosix(outside)} .${inside}`,
    ),
    'pivot_root . .old',
    'cd /',
    // -n: it writes no table of mounts into the machine's /run.
    'umount -n -l /.old',
    'rmdir /.old',
  ]
  return lines.filter(Boolean).join('\n')
}

async function ownFiles(options: OverlayOptions, address: string): Promise<Files> {
  const { name: hostname, root, authorities = [] } = options
  return {
    '/etc/hostname': { text: `${hostname}\n` },
    '/etc/hosts': { text: `127.0.0.1 localhost\n::1 localhost ip6-localhost\n${address} ${hostname}\n` },
    '/etc/resolv.conf': { text: `nameserver ${options.resolver}\noptions timeout:2 attempts:2\n` },
    '/etc/nsswitch.conf': { text: 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' },
    '/etc/environment': { text: '' },
    ...lockedAccounts(root),
    ...(await trust(authorities, root)),
    ...options.files,
  }
}

/** `*` allows no password login. */
function lockedAccounts(lower: string): Files {
  const accounts = readFileSync(`${lower}/etc/passwd`, 'utf8').split('\n').filter(Boolean)
  const text = accounts.map((line) => `${line.split(':')[0]}:*:19000:0:99999:7:::\n`).join('')
  return { '/etc/shadow': { text, mode: 0o600 }, '/etc/shadow-': { text, mode: 0o600 } }
}

/**
 * Trusts authorities as update-ca-certificates does: in the bundle (curl, git, Python's requests) and under the
 * hash of their subject (OpenSSL's default folder: Python's ssl, PostgreSQL, Redis).
 */
async function trust(authorities: string[], lower: string): Promise<Files> {
  const bundle = '/etc/ssl/certs/ca-certificates.crt'
  const known = existsSync(lower + bundle) ? readFileSync(lower + bundle, 'utf8') : ''
  const files: Files = { [bundle]: { text: [known, ...authorities].join('\n') } }
  const hashes = await Promise.all(
    authorities.map((input) => runOrThrow(['openssl', 'x509', '-noout', '-subject_hash'], { input })),
  )
  authorities.forEach((text, index) => {
    const same = hashes.slice(0, index).filter((hash) => hash === hashes[index]).length
    files[`/etc/ssl/certs/${hashes[index]!.trim()}.${same}`] = { text }
    // For a machine that runs update-ca-certificates itself.
    files[`/usr/local/share/ca-certificates/rehearsal-${index + 1}.crt`] = { text }
  })
  return files
}

function put(lower: string, layer: string, path: string, file: { text: string; mode?: number }): void {
  parents(lower, layer, path)
  writeFileSync(layer + path, file.text, { mode: file.mode ?? 0o644 })
}

/**
 * Creates the folders above `path` in a layer with the mode that they have in the lower one, because the
 * upper layer's mode applies.
 */
function parents(lower: string, layer: string, path: string): void {
  const above = dirname(path)
  if (above === '/' || existsSync(layer + above)) return
  parents(lower, layer, above)
  const known = lstatSync(lower + above, { throwIfNoEntry: false })
  mkdirSync(layer + above, { mode: known?.isDirectory() ? known.mode & 0o7777 : 0o755 })
}
