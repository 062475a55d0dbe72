import { createGzip } from 'node:zlib'
import type { Command } from '../command/command.ts'
import type { Config } from '../config/config.ts'
import type { ExportedFile } from './exportFolder.ts'
import { type Plan, writeManifest } from './manifest.ts'
import type { ReleaseFacts } from './release.ts'
import { remoteScript } from './remoteScript.ts'
import { siteRoot } from './server.ts'

/** stage.sh's exit code for “the result is not what the manifest says”. */
export const altered = 9

/** Counts what is sent, compressed. */
export interface Wire {
  bytes: number
}

/** The command that stages a release: a hard-linked copy of `base`, and a tar stream of what differs. */
export function stageCommand(
  config: Config,
  release: {
    facts: ReleaseFacts
    /** '' = start from nothing. */
    base: string
    plan: Plan
    files: ReadonlyMap<string, ExportedFile>
  },
  wire: Wire,
): Command {
  const { facts, base, plan, files } = release
  // Of a text and its .gz only the .gz travels; the text is unpacked from it there.
  const sent = new Set(plan.send)
  const packed = plan.send.filter((name) => sent.has(files.get(name)?.gzipOf ?? ''))
  const unpacked = new Set(packed.map((name) => files.get(name)?.gzipOf))
  const travels = plan.send.filter((name) => !unpacked.has(name))
  const removed = Buffer.from([...plan.remove, ...unpacked].map((name) => `${name}\0`).join(''))
  const unpack = Buffer.from(packed.map((name) => `${name}\n`).join(''))
  const manifest = Buffer.from(writeManifest(plan.manifest))
  const json = Buffer.from(`${JSON.stringify(facts)}\n`)
  const lengths = [removed, unpack, manifest, json].map((text) => String(text.length))
  return remoteScript(
    config,
    'change',
    'stage',
    [siteRoot(config), facts.id, base || '-', ...lengths, String(plan.manifest.size)],
    {
      timeoutMs: 30 * 60_000,
      accept: [0, altered],
      payload: async function* () {
        yield removed
        yield unpack
        yield manifest
        yield json
        for await (const chunk of archive(travels, files)) {
          wire.bytes += chunk.length
          yield chunk
        }
      },
    },
  )
}

/** A gzipped tar; files are world-readable whatever the umask here, and of one time, so that equal content is equal. */
async function* archive(
  names: readonly string[],
  files: ReadonlyMap<string, ExportedFile>,
): AsyncGenerator<Uint8Array> {
  const { pack: createPack } = await import('tar-stream')
  const pack = createPack()
  const gzip = createGzip({ level: 6 })
  pack.on('error', (error) => gzip.destroy(error))
  pack.pipe(gzip)
  const mtime = new Date()
  const fill = async () => {
    for (const name of names) {
      const content = await files.get(name)!.read()
      await new Promise<void>((resolve, reject) =>
        pack.entry({ name, mode: 0o644, mtime, type: 'file', size: content.length }, content, (error) =>
          error ? reject(error) : resolve(),
        ),
      )
    }
    pack.finalize()
  }
  fill().catch((error) => gzip.destroy(error))
  yield* gzip
}
