import type { Server } from '../config/config.ts'
import type { Command } from '../shell/command.ts'
import type { Context, VpsContext } from '../tasks/task.ts'
import { unknownError, usageError } from '../util/errors.ts'
import { parseJson } from '../util/json.ts'
import { recordFile, vps } from './remote/vps.ts'

/** What has releases: the pages (release ids) and the backend (image tags). */
export type ReleasePart = 'frontend' | 'backend'

export interface BadMark {
  /** ISO 8601; '' when the mark is damaged. */
  at: string
  why: string
}

/** Marks by release id (frontend) and image tag (backend). */
export type BadReleases = Readonly<Record<ReleasePart, ReadonlyMap<string, BadMark>>>

const folder = '/var/lib/codex-dominion/bad'

/** Matches release ids and image tags (OCI distribution specification, "tag"); no match leads out of the folder. */
const markable = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/

/** Marks a release as bad for every operator; the latest mark counts. Throws (exit 2) when `id` names no release. */
export async function markBadRelease(
  context: VpsContext,
  part: ReleasePart,
  id: string,
  why: string,
): Promise<void> {
  const { runner, server } = context
  const mark = { at: new Date().toISOString(), why: runner.secrets.clean(why) }
  await runner.run(markBadCommand(server, part, id, mark))
}

/** Reads all marks, which the first server keeps. Throws OpsError of exit 3 or 4 when it does not answer. */
export async function readBadReleases({ config, runner }: Context): Promise<BadReleases> {
  const [server] = config.servers
  const { stdout } = await runner.run(listBadCommand(server))
  return parseBadReleases(stdout, server.address)
}

export const markBadCommand = (server: Server, part: ReleasePart, id: string, mark: BadMark): Command =>
  recordFile(server, { ours: `${folder}/${part}` }, assertReleaseName(id), `${JSON.stringify(mark)}\n`)

export const unmarkBadCommand = (server: Server, part: ReleasePart, id: string): Command =>
  vps(server).sudo.record`rm -f -- ${folder}/${part}/${assertReleaseName(id)}`

/** Prints one line per mark (part, tab, id, tab, JSON), then `end`. */
export const listBadCommand = (server: Server): Command =>
  vps(server).sudo`sh -c ${listScript} marks ${folder}`

const listScript = `for part in frontend backend; do
  for mark in "$1/$part"/*; do
    [ -f "$mark" ] && printf '%s\\t%s\\t%s\\n' "$part" "\${mark##*/}" "$(tr -d '\\n\\r' < "$mark" | head -c 4096)"
  done
done
echo end`

/** Parses the output of `listBadCommand`. A damaged mark still counts. */
export function parseBadReleases(output: string, host: string): BadReleases {
  const lines = output.split('\n').filter((line) => line !== '')
  if (lines.pop() !== 'end') {
    throw unknownError(`${host} did not list the releases marked as bad`, output.slice(0, 2000))
  }
  const marks = { frontend: new Map<string, BadMark>(), backend: new Map<string, BadMark>() }
  for (const line of lines) {
    const [part = '', id = '', ...json] = line.split('\t')
    if (part === 'frontend' || part === 'backend') marks[part].set(id, parseBadMark(json.join('\t')))
  }
  return marks
}

function parseBadMark(json: string): BadMark {
  const { at, why } = parseJson<Partial<BadMark>>(json) ?? {}
  if (typeof at === 'string' && typeof why === 'string') return { at, why }
  return { at: '', why: 'the mark is damaged' }
}

function assertReleaseName(id: string): string {
  if (markable.test(id)) return id
  throw usageError(`${JSON.stringify(id)} is neither a release id nor an image tag`)
}
