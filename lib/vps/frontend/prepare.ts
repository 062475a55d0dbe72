import { formatKeyFile } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { OpsError } from '../../util/errors.ts'
import { formatBytes, formatCount } from '../../util/format.ts'
import { siteRoot } from '../packages.ts'
import { remoteScript } from '../remote/script.ts'
import type { ServerState } from '../serverState.ts'
import { createBuildNote, exportDir, readNote } from './build.ts'
import { type ExportedFile, readExport } from './export.ts'
import { type Manifest, type Plan, planRelease, readManifest } from './manifest.ts'
import { type ReleaseFacts, releaseId } from './release.ts'
import { getSource } from './sources.ts'
import type { ArchiveForm } from './upload.ts'

/** Everything that is known about a publish before its first byte travels. */
export interface Publication {
  facts: ReleaseFacts
  base: string
  files: ReadonlyMap<string, ExportedFile>
  plan: Plan
  form: ArchiveForm
}

/** What was read while other things went on; each undefined when it was not, or failed: then it is read when needed. */
export interface Early {
  exported?: Promise<Map<string, ExportedFile> | undefined> | undefined
  /** Of the live release. */
  manifest?: Promise<Manifest | undefined> | undefined
}

/** Reads an export that is built already while the connection opens. */
export async function readEarly(context: Context): Promise<Map<string, ExportedFile> | undefined> {
  const { config } = context
  try {
    const source = await getSource(context)
    return readNote(config)?.source === source ? await readExport(exportDir(config)) : undefined
  } catch {
    return undefined
  }
}

/** Compares the export with the live release. Throws when the sources have changed since the build, or the disk is full. */
export async function preparePublication(
  context: Context,
  survey: ServerState,
  source: string,
  early: Early,
  how: 'quick' | 'full',
): Promise<Publication> {
  const { config } = context
  const note = createBuildNote(config, source)
  const base = survey.releases.some((release) => release.id === survey.live) ? survey.live : ''
  const manifest = async () => (await early.manifest) ?? createManifest(context, base, how)
  const exported = async () => (await early.exported) ?? readExport(exportDir(config))
  const [before, files] = await Promise.all([base ? manifest() : (new Map() as Manifest), exported()])
  const now = new Date()
  const plan = planRelease(files, before, { now, keepDays: config.ionos.keepAssetsDays })
  const facts: ReleaseFacts = {
    id: releaseId(now, source),
    source,
    revision: note.revision,
    builtAt: note.builtAt,
    files: files.size,
    bytes: sum(files.values()),
  }
  refuseFullDisk(config.ionos.host, survey, sum(plan.send.map((name) => files.get(name)!)))
  return { facts, base, files, plan, form: survey.packages.has('zstd') ? 'zstd' : 'gzip' }
}

/** Stands for the release that is live. */
export const liveOne = '-'

/** The files of a release on the VPS; `quick` believes the manifest beside it when names and sizes fit. */
export async function createManifest(context: Context, id: string, how: 'quick' | 'full'): Promise<Manifest> {
  const { config, runner } = context
  const { stdout } = await runner.run(remoteScript(config, 'read', 'manifest', [siteRoot(config), id, how]))
  return readManifest(stdout)
}

function refuseFullDisk(host: string, survey: ServerState, bytes: number): void {
  // With what compressing adds, and room for the rest of the system.
  if (survey.freeBytes + survey.leftoverBytes > bytes * 1.5 + 50e6) return
  throw new OpsError({
    what: `The disk of ${host} has ${formatBytes(survey.freeBytes)} left, too little for a release`,
    next: `Free some space there (journalctl --vacuum-size=200M, apt-get clean), or lower KEEP_RELEASES in ${formatKeyFile('KEEP_RELEASES')}.`,
  })
}

const sum = (files: Iterable<{ size: number }>): number =>
  [...files].reduce((total, file) => total + file.size, 0)

/** What travels, of what: `3 of 600 files (12 kB of 13.2 MB)`. */
export function describe({ plan, files }: Publication): string {
  const bytes = sum(plan.send.map((name) => files.get(name)!))
  const carried = plan.carried.length > 0 ? `, ${formatCount(plan.carried.length, 'earlier asset')} stay` : ''
  return `${plan.send.length} of ${formatCount(files.size, 'file')} (${formatBytes(bytes)} of ${formatBytes(sum(files.values()))})${carried}`
}
