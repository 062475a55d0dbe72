import type { Config } from '../config/config.ts'
import type { Command } from '../shell/command.ts'
import type { Context } from '../tasks/context.ts'
import { unknownError, usageError } from '../util/errors.ts'
import { recordFile } from './remote/stateFile.ts'
import { vps } from './remote/vps.ts'

/** What is released by itself: the pages (by release id) and the backend (by image tag). */
export type ReleasePart = 'frontend' | 'backend'

/** Why a release must not come back. */
export interface BadMark {
  /** ISO time; '' when the mark is damaged. It counts all the same. */
  at: string
  why: string
}

/** Marks by release id (frontend) and image tag (backend). */
export type BadReleases = Readonly<Record<ReleasePart, ReadonlyMap<string, BadMark>>>

const folder = '/var/lib/codex-dominion/bad'

/** Of release ids and of image tags (OCI distribution specification, "tag"); no such name leads out of the folder. */
const markable = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/

/**
 * Marks a release as bad, on the VPS, where every operator's machine sees it. Marking again keeps the later words.
 * Throws (exit 2) when `id` is neither a release id nor an image tag.
 */
export async function markBadRelease(
  context: Context,
  part: ReleasePart,
  id: string,
  why: string,
): Promise<void> {
  const { config, runner } = context
  await runner.run(
    markBadCommand(config, part, id, { at: new Date().toISOString(), why: runner.secrets.clean(why) }),
  )
}

/** Every mark. Throws OpsError of exit 3 or 4 when the VPS does not answer: no answer is not "none". */
export async function readBadReleases({ config, runner }: Context): Promise<BadReleases> {
  const { stdout } = await runner.run(listBadCommand(config))
  return parseBadReleases(stdout, config.ionos.host)
}

export const markBadCommand = (config: Config, part: ReleasePart, id: string, mark: BadMark): Command =>
  recordFile(config, { ours: `${folder}/${part}` }, assertReleaseName(id), `${JSON.stringify(mark)}\n`)

/** Takes a mark away; without one nothing happens. */
export const unmarkBadCommand = (config: Config, part: ReleasePart, id: string): Command =>
  vps(config).sudo.record`rm -f -- ${folder}/${part}/${assertReleaseName(id)}`

/** A line a mark: part, tab, id, tab, JSON; `end` follows the last. */
export const listBadCommand = (config: Config): Command =>
  vps(config).sudo`sh -c ${listScript} marks ${folder}`

const listScript = `for part in frontend backend; do
  for mark in "$1/$part"/*; do
    [ -f "$mark" ] && printf '%s\\t%s\\t%s\\n' "$part" "\${mark##*/}" "$(tr -d '\\n\\r' < "$mark" | head -c 4096)"
  done
done
echo end`

/** Reads the lines of `marksCommand`. A damaged mark is a mark: what somebody meant to keep away stays away. */
export function parseBadReleases(output: string, host: string): BadReleases {
  const lines = output.split('\n').filter((line) => line !== '')
  if (lines.pop() !== 'end') {
    throw unknownError(`${host} did not say which releases are marked bad`, output.slice(0, 2000))
  }
  const marks = { frontend: new Map<string, BadMark>(), backend: new Map<string, BadMark>() }
  for (const line of lines) {
    const [part = '', id = '', ...json] = line.split('\t')
    if (part === 'frontend' || part === 'backend') marks[part].set(id, parseBadMark(json.join('\t')))
  }
  return marks
}

function parseBadMark(json: string): BadMark {
  try {
    const { at, why } = JSON.parse(json) as Partial<BadMark>
    if (typeof at === 'string' && typeof why === 'string') return { at, why }
  } catch {
    // falls through: the mark itself is what counts
  }
  return { at: '', why: 'the mark is damaged' }
}

function assertReleaseName(id: string): string {
  if (markable.test(id)) return id
  throw usageError(`${JSON.stringify(id)} is neither a release id nor an image tag`)
}
