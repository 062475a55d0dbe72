import { copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Machine, startMachine } from '../machine.ts'
import { CHANGES } from '../overlay.ts'
import { PATH } from '../processes.ts'
import { BuildError } from './dockerfile.ts'
import type { Image } from './images.ts'
import { formatList, readLayer, unpackImage } from './layer.ts'
import type { World } from './world.ts'

export const containerPath = PATH

const context = '/tmp/context'
const builder = '/tmp/builder'

/**
 * The builder's own folders, and the files that every container gets from its host. Password files contain
 * the date, which would make every build different, and they are not needed to look up a user.
 */
const notImage =
  /^(tmp\/(context|builder)|etc\/(hostname|hosts|resolv\.conf|shadow|gshadow|(passwd|group|shadow|gshadow|subuid|subgid)-))$/

/** The machine in which one image is built: the steps run in it for real. */
export interface BuildMachine {
  copy(sources: string[], target: string, owner: string | undefined, mode: string | undefined): Promise<void>
  run(
    argv: string[],
    options: { env: Record<string, string>; cwd: string; user: string },
    log: (text: string) => void,
  ): Promise<number>
  /** What the steps changed: the files as a tar archive in `file`; the digest of their content leaves times out. */
  snapshot(file: string): Promise<{ content: string; removed: string[] }>
  stop(): Promise<void>
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

export async function startBuildMachine(
  world: World,
  name: string,
  source: Buffer,
  base?: Image,
): Promise<BuildMachine> {
  const machine = await startMachine({
    name,
    folder: world.folder,
    network: world.network,
    resolver: world.dns.address,
    authorities: [world.authority.certificate],
    root: world.roots.images,
    showChanges: true,
  })
  try {
    const shims = join(dirname(fileURLToPath(import.meta.url)), 'builder')
    if (!existsSync(shims)) throw new Error(`The folder ${shims} is missing from this copy of the project.`)
    cpSync(shims, join(machine.root, builder), { recursive: true })
    await must(
      machine,
      `cd ${builder}; printf '#!/bin/sh\\nexec /usr/bin/python3 -m pip "$@"\\n' > pip.sh; chmod 755 pip.sh; mkdir bin; mv pip.sh bin/pip; ln -s pip bin/pip3; mv apt-get bin/apt-get; ln -s apt-get bin/apt; chmod -R a+rX .; mkdir ${context}`,
    )
    if (base) {
      const { code, stderr } = await unpackImage(machine, base)
      if (code !== 0) throw new BuildError(`unable to unpack the base image: ${stderr.trim()}`)
    }
    const argv = ['tar', '-xz', '--no-same-owner', '-f', '-', '-C', context]
    const { code, stderr } = await machine.run(argv, { input: source })
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
      const upper = join(machine.root, CHANGES)
      const layer = readLayer({ upper, lower: world.roots.images, merged: machine.root }, (path) =>
        notImage.test(path),
      )
      writeFileSync(join(machine.root, builder, 'written'), formatList(layer.written))
      const tar = `tar --no-recursion --numeric-owner -C / --null -T ${builder}/written`
      const digest = await must(
        machine,
        `cd ${builder}; ${tar} -cf image.tar; ${tar} --mtime=@0 -cf - | sha256sum | cut -d' ' -f1`,
      )
      copyFileSync(join(machine.root, builder, 'image.tar'), file)
      return { content: digest.trim(), removed: layer.removed }
    },
    stop: () => machine.stop(),
  }
}
