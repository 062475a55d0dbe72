import { formatKeyFile } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { OpsError } from '../../util/errors.ts'
import { formatBytes, formatCount } from '../../util/format.ts'
import { getSiteRoot } from '../packages.ts'
import { remoteScript } from '../remote/script.ts'
import type { ServerState } from '../serverState.ts'
import { getExportDir, readBuildNote, requireBuildNote } from './build.ts'
import { type ExportedFile, readExport } from './export.ts'
import { type Manifest, type Plan, parseManifest, planRelease } from './manifest.ts'
import { createReleaseId, type ReleaseFacts } from './release.ts'
import { getSourceHash } from './sources.ts'
import type { Compression } from './upload.ts'

/** Everything that is known about a publish before its first byte travels. */
export interface Publication {
  facts: ReleaseFacts
  base: string
  files: ReadonlyMap<string, ExportedFile>
  plan: Plan
  form: Compression
}

/** What was read while other things went on; each undefined when it was not, or failed: then it is read when needed. */
export interface Preread {
  exported?: Promise<Map<string, ExportedFile> | undefined> | undefined
  /** Of the live release. */
  manifest?: Promise<Manifest | undefined> | undefined
}

/** Reads an export that is built already while the connection opens. */
export async function prereadExport(context: Context): Promise<Map<string, ExportedFile> | undefined> {
  const { config } = context
  try {
    const source = await getSourceHash(context)
    return readBuildNote(config)?.source === source ? await readExport(getExportDir(config)) : undefined
  } catch {
    return undefined
  }
}

/** Compares the export with the live release. Throws when the sources have changed since the build, or the disk is full. */
export async function preparePublication(
  context: Context,
  state: ServerState,
  source: string,
  early: Preread,
  how: 'quick' | 'full',
): Promise<Publication> {
  const { config } = context
  const note = requireBuildNote(config, source)
  const base = state.releases.some((release) => release.id === state.live) ? state.live : ''
  const manifest = async () => (await early.manifest) ?? fetchManifest(context, base, how)
  const exported = async () => (await early.exported) ?? readExport(getExportDir(config))
  const [before, files] = await Promise.all([base ? manifest() : (new Map() as Manifest), exported()])
  const now = new Date()
  const plan = planRelease(files, before, { now, keepDays: config.ionos.keepAssetsDays })
  const facts: ReleaseFacts = {
    id: createReleaseId(now, source),
    source,
    revision: note.revision,
    builtAt: note.builtAt,
    files: files.size,
    bytes: sum(files.values()),
  }
  assertDiskSpace(config.ionos.host, state, sum(plan.send.map((name) => files.get(name)!)))
  return { facts, base, files, plan, form: state.packages.has('zstd') ? 'zstd' : 'gzip' }
}

/** Stands for the release that is live. */
export const liveRelease = '-'

/** The files of a release on the VPS; `quick` believes the manifest beside it when names and sizes fit. */
export async function fetchManifest(context: Context, id: string, how: 'quick' | 'full'): Promise<Manifest> {
  const { config, runner } = context
  const { stdout } = await runner.run(
    remoteScript(config, 'read', 'manifest', [getSiteRoot(config), id, how]),
  )
  return parseManifest(stdout)
}

function assertDiskSpace(host: string, state: ServerState, bytes: number): void {
  // With what compressing adds, and room for the rest of the system.
  if (state.freeBytes + state.leftoverBytes > bytes * 1.5 + 50e6) return
  throw new OpsError({
    what: `The disk of ${host} has ${formatBytes(state.freeBytes)} left, too little for a release`,
    next: `Free some space there (journalctl --vacuum-size=200M, apt-get clean), or lower KEEP_RELEASES in ${formatKeyFile('KEEP_RELEASES')}.`,
  })
}

const sum = (files: Iterable<{ size: number }>): number =>
  [...files].reduce((total, file) => total + file.size, 0)

/** What travels, of what: `3 of 600 files (12 kB of 13.2 MB)`. */
export function describeUpload({ plan, files }: Publication): string {
  const bytes = sum(plan.send.map((name) => files.get(name)!))
  const carried = plan.carried.length > 0 ? `, ${formatCount(plan.carried.length, 'earlier asset')} stay` : ''
  return `${plan.send.length} of ${formatCount(files.size, 'file')} (${formatBytes(bytes)} of ${formatBytes(sum(files.values()))})${carried}`
}
