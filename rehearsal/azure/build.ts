import { join } from 'node:path'
import { type Machine, startMachine } from '../machine.ts'
import { builderFolders } from '../roots.ts'
import { takeImage } from './blobStore.ts'
import type { Image } from './images.ts'
import { issueToken } from './login.ts'
import { explainMissingPackage, packageIndexHost } from './packageIndex.ts'
import { pinned, publicRegistries } from './publicRegistries.ts'
import type { World } from './world.ts'

/** A build that buildah refused or whose step failed; its message is at the end of the log. */
export class BuildError extends Error {}

export interface BuildInput {
  name: string
  /** The tar.gz that was uploaded. */
  source: Buffer
  dockerfile: string
  arguments: Record<string, string>
  /** Host of the registry that builds, so that `FROM` finds its own images. */
  loginServer: string
}

const { store } = builderFolders
const context = `${store}/context`
const output = `${store}/output`
const dockerfile = `${store}/Dockerfile`

/**
 * buildah cannot create overlays on the machine's own overlay, so they are kept in memory, where its many fsyncs cost
 * nothing. A public image is a stand-in, which cannot have the digest that a Dockerfile may require, so the digest becomes a
 * tag. `az` puts the Dockerfile into the archive under a random name; it is not part of the content.
 */
const prepareContext = `mount -t tmpfs tmpfs ${store}
mkdir ${context}
cd ${context}
tar -xz --no-same-owner -f -
sed -E '/^ *(FROM|ARG) /I{/azurecr\\.io/!s/(:[^ :@/]+)?@sha256:([0-9a-f]{64})/:${pinned}\\2/}' "$1" > ${dockerfile}
! echo "$1" | grep -qE '^[0-9a-f]{32}_' || rm "$1"`

/**
 * Builds an image from an uploaded context with buildah(1), in a separate machine that starts with an empty store.
 * All timestamps are 0, so equal contexts have equal digests.
 */
export async function buildImage(
  world: World,
  input: BuildInput,
  log: (text: string) => void,
): Promise<Image> {
  const machine = await startBuilder(world, input)
  try {
    const prepared = await machine.run(['sh', '-euc', prepareContext, 'sh', input.dockerfile], {
      input: input.source,
    })
    if (prepared.code !== 0) throw new BuildError(`unable to prepare context: ${prepared.stderr.trim()}`)
    const given = Object.entries(input.arguments).map(([name, value]) => `--build-arg=${name}=${value}`)
    // Without the label, a Dockerfile of FROM alone would give no new image.
    const options = [
      '--isolation=chroot',
      '--layers=false',
      '--timestamp=0',
      '--label=builder=rehearsal',
      `--tag=oci:${output}`,
    ]
    const argv = ['buildah', 'build', ...options, ...given, `--file=${dockerfile}`, context]
    let said = ''
    const code = await stream(machine, argv, (text) => {
      said += text
      log(text)
    })
    if (said.includes('No matching distribution found for')) log(`${await explainMissingPackage()}\n`)
    if (code !== 0) throw new BuildError(said.match(/^Error: .*$/gm)?.at(-1) ?? `buildah ended with ${code}`)
    return takeImage(world, join(machine.root, output))
  } finally {
    await machine.stop()
  }
}

function startBuilder(world: World, { name, loginServer }: BuildInput): Promise<Machine> {
  const hosts = [...publicRegistries, packageIndexHost, loginServer].map(
    (host) => `${world.network.host} ${host}\n`,
  )
  const token = issueToken(world, `${loginServer}/refresh`)
  const auth = Buffer.from(`00000000-0000-0000-0000-000000000000:${token}`).toString('base64')
  return startMachine({
    name,
    folder: world.folder,
    network: world.network,
    resolver: world.dns.address,
    authorities: [world.authority.certificate],
    root: world.roots.builder,
    shared: { [builderFolders.images]: world.roots.images },
    files: {
      '/etc/hosts': { text: `127.0.0.1 localhost\n${hosts.join('')}` },
      '/root/.docker/config.json': { text: JSON.stringify({ auths: { [loginServer]: { auth } } }) },
    },
  })
}

function stream(machine: Machine, argv: string[], log: (text: string) => void): Promise<number> {
  const child = machine.spawn(argv, { env: { HOME: '/root' }, stdio: ['ignore', 'pipe', 'pipe'] })
  for (const output of [child.stdout, child.stderr])
    output?.on('data', (chunk: Buffer) => log(chunk.toString()))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 137))
  })
}
