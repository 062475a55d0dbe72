import { copyFileSync, cpSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Machine, startMachine } from '../machine.ts'
import { BuildError } from './dockerfile.ts'
import type { World } from './world.ts'

/** Debian's programs first: the host may have another Python in /usr/local. */
export const containerPath = '/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin'

const context = '/tmp/context'
const builder = '/tmp/builder'

/** Folders whose changes belong to the machine, not to the image. */
const notImage = [
  '/proc',
  '/sys',
  '/dev',
  '/run',
  '/tmp',
  '/var/tmp',
  '/var/log',
  '/var/cache',
  '/var/lib/dpkg',
  '/var/lib/apt',
  '/usr/share',
  '/usr/lib',
]

/** The machine in which one image is built: the steps run in it for real. */
export interface BuildMachine {
  copy(sources: string[], target: string, owner: string | undefined, mode: string | undefined): Promise<void>
  run(
    argv: string[],
    options: { env: Record<string, string>; cwd: string; user: string },
    log: (text: string) => void,
  ): Promise<number>
  /** Every file the steps made, as a tar archive in `file`; the digest leaves times out. */
  snapshot(file: string): Promise<string>
  stop(): Promise<void>
}

/** Makes `python` and `pip` what an official Python image has. */
export async function likePythonImage(machine: Machine): Promise<void> {
  await machine.run(['sh', '-c', 'test -e /usr/bin/python || ln -s python3 /usr/bin/python'])
}

/** The prefix that runs a program as `USER` of a Dockerfile: a name of the machine, or numbers. */
export async function asUser(machine: Machine, user: string): Promise<string[]> {
  if (user === '' || user === 'root' || user === '0') return []
  const [name = '', group] = user.split(':')
  const numeric = /^\d+$/.test(name)
  const { stdout } = await machine.run(['getent', 'passwd', name])
  const fields = stdout.trim().split(':')
  if (fields.length < 4 && !numeric)
    throw new BuildError(`unable to find user ${name}: no matching entries in passwd file`)
  const groups =
    group && !/^\d+$/.test(group)
      ? (await machine.run(['getent', 'group', group])).stdout.split(':')[2]
      : group
  const gid = groups ?? fields[3] ?? '0'
  const reuid = `--reuid=${numeric ? name : fields[2]}`
  return ['setpriv', reuid, `--regid=${gid}`, fields.length < 4 ? '--clear-groups' : '--init-groups', '--']
}

async function must(machine: Machine, script: string, ...values: string[]): Promise<string> {
  const { code, stdout, stderr } = await machine.run(['sh', '-euc', script, 'sh', ...values])
  if (code !== 0) throw new BuildError((stderr || stdout).trim())
  return stdout
}

const copyScript = `
cd ${context}; target=$1; owner=$2; mode=$3; shift 3
stage=$(mktemp -d); count=0; folder=no
for source in "$@"; do
  for each in $source; do
    if [ ! -e "$each" ] && [ ! -L "$each" ]; then
      echo "COPY failed: file not found in build context or excluded by .dockerignore: stat $source: file does not exist" >&2; exit 1
    fi
    count=$((count + 1))
    if [ -d "$each" ]; then folder=yes; cp -a "$each/." "$stage/"; else cp -a "$each" "$stage/"; fi
  done
done
[ -z "$owner" ] || chown -R "$owner" "$stage"
[ -z "$mode" ] || chmod -R "$mode" "$stage"
case $target in */) into=yes ;; *) into=no ;; esac
[ $count -le 1 ] || [ $into = yes ] || [ -d "$target" ] || { echo 'When using COPY with more than one source file, the destination must be a directory and end with a /' >&2; exit 1; }
if [ $folder = yes ] || [ $into = yes ] || [ -d "$target" ]; then
  mkdir -p "$target"; find "$stage" -mindepth 1 -maxdepth 1 -exec cp -a -t "$target" -- {} +
else
  mkdir -p "$(dirname "$target")"; find "$stage" -mindepth 1 -maxdepth 1 -exec cp -a -T -- {} "$target" \\;
fi
rm -rf "$stage"`

const prune = `\\( ${notImage.map((path) => `-path ${path}`).join(' -o ')} \\) -prune -o -path /`

/** Overlayfs touches folders that are only looked at, so folders count when they are new or have another owner or mode. */
const listFolders = `find / -xdev ${prune} -o -type d -printf '%m %U %G %p\\0' | LC_ALL=C sort -z`

/** Password files carry the day, and are not needed to know a user. */
const secrets = "-name '*-' -path '/etc/*' -o -path /etc/shadow -o -path /etc/gshadow"

const listChanged = `find / -xdev ${prune} -o ${secrets} -o ! -type d -cnewer ${builder}/started -print0`

export async function startBuildMachine(
  world: World,
  name: string,
  source: Buffer,
  base?: Buffer,
): Promise<BuildMachine> {
  const machine = await startMachine({
    name,
    folder: world.folder,
    network: world.network,
    resolver: world.dns.address,
    authorities: [world.authority.certificate],
  })
  try {
    await likePythonImage(machine)
    const shims = join(dirname(fileURLToPath(import.meta.url)), 'builder')
    if (!existsSync(shims)) throw new Error(`The folder ${shims} is missing from this copy of the project.`)
    cpSync(shims, join(machine.root, builder), { recursive: true })
    await must(
      machine,
      `cd ${builder}; printf '#!/bin/sh\\nexec /usr/bin/python3 -m pip "$@"\\n' > pip.sh; chmod 755 pip.sh; mkdir bin; mv pip.sh bin/pip; ln -s pip bin/pip3; mv apt-get bin/apt-get; ln -s apt-get bin/apt; chmod -R a+rX .; ${listFolders} > folders; touch started; sleep 0.02; mkdir ${context}`,
    )
    const unpack = (bytes: Buffer, flags: string[], into: string) =>
      machine.run(['tar', ...flags, '-f', '-', '-C', into], { input: bytes })
    if (base) await unpack(base, ['-xp', '--numeric-owner'], '/')
    const { code, stderr } = await unpack(source, ['-xz', '--no-same-owner'], context)
    if (code !== 0) throw new BuildError(`unable to extract the source archive: ${stderr.trim()}`)
  } catch (error) {
    await machine.stop()
    throw error
  }
  return {
    async copy(sources, target, owner, mode) {
      const outside = sources.find((each) => `/${each}/`.includes('/../'))
      if (outside) throw new BuildError(`COPY failed: forbidden path outside the build context: ${outside}`)
      const inside = sources.map((each) => each.replace(/^\/+/, '') || '.')
      await must(machine, copyScript, target, owner ?? '', mode ?? '', ...inside)
    },
    async run(argv, { env, cwd, user }, log) {
      const prefix = await asUser(machine, user)
      const home = prefix.length === 0 ? '/root' : '/'
      const child = machine.spawn([...prefix, ...argv], {
        cwd,
        env: {
          HOME: home,
          ...env,
          PATH: `${builder}/bin:${env.PATH ?? containerPath}`,
          PYTHONPATH: builder,
          PYTHONDONTWRITEBYTECODE: '1',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      child.stdout?.on('data', (chunk: Buffer) => log(chunk.toString()))
      child.stderr?.on('data', (chunk: Buffer) => log(chunk.toString()))
      return new Promise((resolve, reject) => {
        child.once('error', reject)
        child.once('close', (code) => resolve(code ?? 137))
      })
    },
    async snapshot(file) {
      mkdirSync(dirname(file), { recursive: true })
      const tar = 'tar --no-recursion --sort=name --numeric-owner -P --transform "s,^/,," --null -T changed'
      const digest = await must(
        machine,
        `cd ${builder}; ${listFolders} | LC_ALL=C comm -z -13 folders - | cut -z -d' ' -f4- > changed; ${listChanged} >> changed; LC_ALL=C sort -zo changed changed; ${tar} -cf image.tar; ${tar} --mtime=@0 -cf - | sha256sum | cut -d' ' -f1`,
      )
      copyFileSync(join(machine.root, builder, 'image.tar'), file)
      return digest.trim()
    },
    stop: () => machine.stop(),
  }
}
