import { createGzip, createZstdCompress, constants as zlib } from 'node:zlib'
import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import { getSiteRoot } from '../packages.ts'
import { remoteScript } from '../remote/script.ts'
import { controlFolder, type ExportedFile } from './export.ts'
import { formatManifest, type Plan } from './manifest.ts'
import type { ReleaseFacts } from './release.ts'

/** stage.sh's exit code for “the result is not what the manifest says”. */
export const changedByHand = 9

/** Counts what is sent, compressed. */
export interface Traffic {
  bytes: number
}

/** How the archive is compressed; zstd takes a third of gzip's bytes and time where pages resemble each other. */
export type Compression = 'zstd' | 'gzip'

/** The command that stages a release: a hard-linked copy of `base`, and a tar stream of what differs. */
export function stageCommand(
  config: Config,
  release: {
    facts: ReleaseFacts
    /** '' = start from nothing. */
    base: string
    plan: Plan
    files: ReadonlyMap<string, ExportedFile>
    form: Compression
  },
  wire: Traffic,
): Command {
  const { facts, base, plan, files, form } = release
  const removed = Buffer.from(plan.remove.map((name) => `${name}\0`).join(''))
  const control = {
    manifest: formatManifest(plan.manifest),
    compress: plan.compress.map((name) => `${name}\n`).join(''),
    'release.json': `${JSON.stringify(facts)}\n`,
  }
  async function* members(): AsyncGenerator<Member> {
    for (const [name, text] of Object.entries(control)) {
      yield { name: `${controlFolder}/${name}`, content: Buffer.from(text) }
    }
    for (const name of plan.send) yield { name, content: await files.get(name)!.read() }
  }
  return remoteScript(
    config,
    'change',
    'stage',
    [getSiteRoot(config), facts.id, base || '-', form, String(removed.length), String(plan.manifest.size)],
    {
      timeoutMs: 30 * 60_000,
      accept: [0, changedByHand],
      payload: async function* () {
        yield removed
        for await (const chunk of archive(members(), form)) {
          wire.bytes += chunk.length
          yield chunk
        }
      },
    },
  )
}

interface Member {
  name: string
  content: Buffer
}

/** A compressed tar; files are world-readable whatever the umask here. */
async function* archive(members: AsyncIterable<Member>, form: Compression): AsyncGenerator<Uint8Array> {
  const { pack: createPack } = await import('tar-stream')
  const pack = createPack()
  const squeezed =
    form === 'zstd'
      ? createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: 3 } })
      : createGzip({ level: 6 })
  pack.on('error', (error) => squeezed.destroy(error))
  pack.pipe(squeezed)
  const mtime = new Date()
  const fill = async () => {
    for await (const { name, content } of members) {
      await new Promise<void>((resolve, reject) =>
        pack.entry({ name, mode: 0o644, mtime, type: 'file', size: content.length }, content, (error) =>
          error ? reject(error) : resolve(),
        ),
      )
    }
    pack.finalize()
  }
  fill().catch((error) => squeezed.destroy(error))
  yield* squeezed
}
