import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createGzip, createZstdCompress, constants as zlib } from 'node:zlib'
import { formatKeyFile, type Server } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { Runner } from '../../shell/runner.ts'
import { type Context, ok, type Task, type VpsContext } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { sha256OfFile } from '../../util/files.ts'
import { formatBytes, formatCount, formatList } from '../../util/format.ts'
import { getSiteRoot, remoteScript, type Site } from '../remote/vps.ts'
import { inspectServer, inspectServers, type ServerState, updateServerState } from '../serverState.ts'
import { getExportDir, readBuildNote, requireBuildNote } from './build.ts'
import { controlFolder, type ExportedFile, readExport, sha256 } from './export.ts'
import {
  createReleaseId,
  findUnserved,
  formatManifest,
  type Manifest,
  type Plan,
  parseManifest,
  planRelease,
  type ReleaseFacts,
} from './release.ts'
import { getSourceHash } from './sources.ts'

interface Publication {
  facts: ReleaseFacts
  /** The release to copy unchanged files from; '' when there is none. */
  base: string
  files: ReadonlyMap<string, ExportedFile>
  plan: Plan
  form: Compression
}

/** zstd needs a third of gzip's bytes and time when pages resemble each other. */
export type Compression = 'zstd' | 'gzip'

/** What the upload found and, if there is something to send, prepared. */
export interface Uploaded {
  /** The release that was live before; '' for none. */
  live: string
  /** A release of these sources was already on the VPS. */
  wasThere: boolean
  publication?: Publication
}

/** Uploads the export as a release next to the live one. What is served does not change. */
export function uploadTask(
  context: VpsContext,
  { server, build }: { server?: Task | undefined; build: Task },
): Task<Uploaded> {
  const { config, runner } = context
  const exported = readEarly(context)
  return {
    id: 'frontend-upload',
    title: 'Upload the pages',
    part: 'ionos',
    after: [server, build],
    async inspect(ahead) {
      const source = await getSourceHash(context)
      // Read at the same time as the state.
      const manifest =
        readBuildNote(config)?.source === source
          ? fetchManifest(context, liveRelease, 'quick').catch(() => undefined)
          : undefined
      const state = await inspectServer(context)
      const { live } = state
      const there = state.releases.find((release) => release.source === source)
      if (there)
        return { ...ok(`release ${there.id} was built from these sources`), fact: { live, wasThere: true } }
      const fact = { live, wasThere: false }
      if (ahead.willChange(build)) {
        return { state: 'create', what: 'a release as soon as it is built', effects: [], fact }
      }
      const publication = await prepare(context, state, source, 'quick', { exported, manifest })
      const { facts, plan, files } = publication
      const unserved = findUnserved(files.keys())
      return {
        state: 'create',
        what: `release ${facts.id}: ${describeUpload(publication)}`,
        fields: [
          { name: 'files to send', after: `${plan.send.length} of ${files.size}` },
          ...(unserved.length > 0
            ? [{ name: 'never served by nginx', after: formatList(unserved, 10) }]
            : []),
        ],
        effects: [stageCommand(context, publication, { bytes: 0 })],
        fact: { ...fact, publication },
      }
    },
    async apply({ fact }, log) {
      let publication = fact!.publication!
      let sent = { bytes: 0 }
      const { code } = await runner.run(stageCommand(context, publication, sent))
      if (code === changedByHand) {
        const changed = await findChangedHere(publication)
        log(
          changed === undefined
            ? `release ${publication.base} was changed by hand on the VPS; comparing every file`
            : `${JSON.stringify(changed)} was changed here while it was sent; reading the export again`,
        )
        const state = await inspectServer(context)
        publication = await prepare(context, state, await getSourceHash(context), 'full')
        sent = { bytes: 0 }
        const again = await runner.run(stageCommand(context, publication, sent))
        if (again.code === changedByHand) throw createIncompleteError(again.stderr)
      }
      const staged = { ...publication.facts, pinned: false }
      updateServerState(context, (known) => ({ ...known, releases: [...known.releases, staged] }))
      log(`${describeUpload(publication)}, ${formatBytes(sent.bytes)} on the wire`)
      const unserved = findUnserved(publication.files.keys())
      if (unserved.length > 0) log(`warning: nginx never serves ${formatList(unserved, 10)}`)
    },
  }
}

const createIncompleteError = (said: string) =>
  new OpsError({
    what: 'The upload was incomplete; nothing was published',
    said: said.trim(),
    next: 'Run this command again. If that fails too, check the disk of the VPS and find out what changes the export in out/.',
  })

/** The first of the sent files that is no longer what was hashed. */
export async function findChangedHere({
  plan,
  files,
}: Pick<Publication, 'plan' | 'files'>): Promise<string | undefined> {
  for (const name of plan.send) {
    const { read, file, size, sha256: hashed } = files.get(name)!
    const now = file && size > largest ? sha256OfFile(file) : read().then(sha256)
    if ((await now.catch(() => undefined)) !== hashed) return name
  }
  return undefined
}

/** Reads a finished export while the connection opens. Undefined after a failure: the task then reads it itself. */
async function readEarly(context: Context): Promise<Map<string, ExportedFile> | undefined> {
  const { config } = context
  try {
    const source = await getSourceHash(context)
    return readBuildNote(config)?.source === source ? await readExport(getExportDir(config)) : undefined
  } catch {
    return undefined
  }
}

/**
 * Compares the export with the live release. Throws when the sources have changed since the build, or the disk is full.
 * @param early what was read already; undefined parts are read now
 */
async function prepare(
  context: VpsContext,
  state: ServerState,
  source: string,
  how: 'quick' | 'full',
  early: {
    exported?: Promise<Map<string, ExportedFile> | undefined>
    manifest?: Promise<Manifest | undefined> | undefined
  } = {},
): Promise<Publication> {
  const { config, server } = context
  const { revision, builtAt } = requireBuildNote(config, source)
  const base = state.releases.some((release) => release.id === state.live) ? state.live : ''
  const manifest = async () => (await early.manifest) ?? fetchManifest(context, base, how)
  const exported = async () => (await early.exported) ?? readExport(getExportDir(config))
  const [before, files] = await Promise.all([base ? manifest() : (new Map() as Manifest), exported()])
  const now = new Date()
  const plan = planRelease(files, before, { now, keepDays: config.ionos.keepAssetsDays })
  const bytes = sumSizes(files.values())
  const id = await chooseReleaseId(context, source)
  const facts = { id, source, revision, builtAt, files: files.size, bytes }
  assertDiskSpace(server, state, sumSizes(plan.send.map((name) => files.get(name)!)))
  return { facts, base, files, plan, form: state.packages.has('zstd') ? 'zstd' : 'gzip' }
}

const releaseIds = new WeakMap<Runner, Promise<string>>()

/** One id for all uploads of a run; that of an interrupted run, if another server has its release of these sources. */
function chooseReleaseId(context: VpsContext, source: string): Promise<string> {
  const choose = async () => {
    const releases = (await inspectServers(context)).flatMap((state) => state.releases)
    const ids = releases.filter((release) => release.source === source).map(({ id }) => id)
    return ids.sort().at(-1) ?? createReleaseId(new Date(), source)
  }
  const chosen = releaseIds.get(context.runner) ?? choose()
  releaseIds.set(context.runner, chosen)
  return chosen
}

/** Makes manifest.sh use the live release. */
const liveRelease = '-'

/** Fetches the manifest of a release; `quick` trusts the stored one if names and sizes match the files. */
export async function fetchManifest(
  context: VpsContext,
  id: string,
  how: 'quick' | 'full',
): Promise<Manifest> {
  const { config, runner, server } = context
  const command = remoteScript(server, 'read', 'manifest', [getSiteRoot(config), id, how])
  return parseManifest((await runner.run(command)).stdout)
}

function assertDiskSpace({ address }: Server, state: ServerState, bytes: number): void {
  // Half as much again for the compressed files, and 50 MB for the rest of the system.
  if (state.freeBytes + state.leftoverBytes > bytes * 1.5 + 50e6) return
  throw new OpsError({
    what: `The disk of ${address} has ${formatBytes(state.freeBytes)} left, too little for a release`,
    next: `Free some space there (journalctl --vacuum-size=200M, apt-get clean), or lower KEEP_RELEASES in ${formatKeyFile('KEEP_RELEASES')}.`,
  })
}

const sumSizes = (files: Iterable<{ size: number }>): number =>
  [...files].reduce((total, file) => total + file.size, 0)

/** `3 of 600 files (12 kB of 13.2 MB)`. */
function describeUpload({ plan, files }: Publication): string {
  const bytes = sumSizes(plan.send.map((name) => files.get(name)!))
  const carried = plan.carried.length > 0 ? `, ${formatCount(plan.carried.length, 'earlier asset')} kept` : ''
  return `${plan.send.length} of ${formatCount(files.size, 'file')} (${formatBytes(bytes)} of ${formatBytes(sumSizes(files.values()))})${carried}`
}

/** The exit code of stage.sh when the result does not match the manifest. */
export const changedByHand = 9

/** Stages a release: a hard-linked copy of `base`, and a tar stream of what differs. `sent` counts its bytes. */
export function stageCommand(
  { config, server }: Site,
  { facts, base, plan, files, form }: Publication,
  sent: { bytes: number },
): Command {
  const removed = Buffer.from(plan.remove.map((name) => `${name}\0`).join(''))
  const control = {
    manifest: formatManifest(plan.manifest),
    compress: plan.compress.map((name) => `${name}\n`).join(''),
    'release.json': `${JSON.stringify(facts)}\n`,
  }
  async function* members(): AsyncGenerator<Member> {
    for (const [name, text] of Object.entries(control))
      yield { name: `${controlFolder}/${name}`, content: Buffer.from(text) }
    for (const name of plan.send) {
      const { file, size, read } = files.get(name)!
      yield file && size > largest ? { name, file, size } : { name, content: await read() }
    }
  }
  const lengths = [String(removed.length), String(plan.manifest.size)]
  return remoteScript(
    server,
    'change',
    'stage',
    [getSiteRoot(config), facts.id, base || '-', form, ...lengths],
    {
      timeoutMs: 30 * 60_000,
      accept: [0, changedByHand],
      payload: async function* () {
        yield removed
        for await (const chunk of archive(members(), form)) {
          sent.bytes += chunk.length
          yield chunk
        }
      },
    },
  )
}

/** A file of the archive: its content, or where to read a large one in parts. */
type Member = { name: string } & ({ content: Buffer } | { file: string; size: number })

/** The size above which a file is sent in parts. */
const largest = 4e6

/** As many bytes of a file as its tar header says, even if it changes meanwhile: the VPS compares the hash. */
async function* readExactly(file: string, size: number): AsyncGenerator<Buffer> {
  let left = size
  for await (const chunk of createReadStream(file, {
    highWaterMark: 256 * 1024,
    end: Math.max(0, size - 1),
  })) {
    left -= chunk.length
    yield chunk
  }
  for (; left > 0; left -= Math.min(left, 65_536)) yield Buffer.alloc(Math.min(left, 65_536))
}

/** A compressed tar whose files are world-readable, independent of the umask here. */
async function* archive(members: AsyncIterable<Member>, form: Compression): AsyncGenerator<Uint8Array> {
  const { pack: createPack } = await import('tar-stream')
  const pack = createPack()
  const compressed =
    form === 'zstd'
      ? createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: 3 } })
      : createGzip({ level: 6 })
  pack.on('error', (error) => compressed.destroy(error))
  pack.pipe(compressed)
  const mtime = new Date()
  const fill = async () => {
    for await (const member of members) {
      const { name } = member
      const header = { name, mode: 0o644, mtime, type: 'file' as const }
      const added = Promise.withResolvers<void>()
      const done = (error?: Error | null) => (error ? added.reject(error) : added.resolve())
      if ('content' in member) pack.entry({ ...header, size: member.content.length }, member.content, done)
      else {
        const entry = pack.entry({ ...header, size: member.size }, done)
        const write = async () => {
          for await (const chunk of readExactly(member.file, member.size))
            if (!entry.write(chunk)) await once(entry, 'drain')
          entry.end(undefined)
        }
        // A destroyed entry never drains.
        await Promise.race([write(), added.promise])
      }
      await added.promise
    }
    pack.finalize()
  }
  fill().catch((error: NodeJS.ErrnoException) =>
    compressed.destroy(error.code === 'ENOENT' ? createIncompleteError(error.message) : error),
  )
  yield* compressed
}
