import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { readBackups } from '../database/backup/folder.ts'
import { historyFile, readHistory } from '../monitoring/store/store.ts'
import { isAlive } from '../shell/secretFile.ts'
import { getMessage } from '../util/errors.ts'
import { formatBytes } from '../util/format.ts'
import { parseJson } from '../util/json.ts'
import type { ScheduledTask } from './tasks.ts'

/** The last run of a task, manual or scheduled. */
export interface LastRun {
  task: ScheduledTask['id']
  /** Start time (for health: end time), milliseconds since 1970; null: none known on this machine. */
  at: number | null
  /** null while it runs, after it was killed, or when unknown. */
  exitCode: number | null
  words: string
}

/** The last known run of each task on this machine. Does not throw: an unreadable source is reported in its line. */
export async function readLastRuns(config: Config): Promise<LastRun[]> {
  const page = readLastTranscript(config, 'status-page')
  return [await readHealthRun(config), page, readBackupRun(config)]
}

async function readHealthRun(config: Config): Promise<LastRun> {
  const never: LastRun = { task: 'health', at: null, exitCode: null, words: 'never' }
  const file = historyFile(config)
  if (!existsSync(file)) return never
  try {
    const history = await readHistory(file)
    try {
      const last = history.lastRun()
      if (!last) return never
      // The rest is performance data.
      const [words = ''] = last.line.split(' | ')
      return { task: 'health', at: last.at, exitCode: last.exitCode, words }
    } finally {
      history.close()
    }
  } catch (thrown) {
    return { ...never, words: `unknown: ${getMessage(thrown)}` }
  }
}

/** The newest dump says more than the run that created it. */
function readBackupRun(config: Config): LastRun {
  const run = readLastTranscript(config, 'backup-database')
  try {
    const [newest] = readBackups(path.join(config.stateDir, 'backups'), config).backups
    const dump = newest
      ? `newest dump ${newest.manifest.taken}, ${formatBytes(newest.manifest.bytes)}, ${newest.manifest.proven ? 'verified' : 'not verified'}`
      : 'no dump'
    return { ...run, words: `${run.words}; ${dump}` }
  } catch (thrown) {
    return { ...run, words: `${run.words}; the dumps cannot be read: ${getMessage(thrown)}` }
  }
}

interface TranscriptStart {
  at: string
  line: string
  pid: number
}

/** The latest run of a script that was not a dry run, from its transcript. */
function readLastTranscript({ stateDir }: Config, script: 'status-page' | 'backup-database'): LastRun {
  const never: LastRun = { task: script, at: null, exitCode: null, words: 'never' }
  const folder = path.join(stateDir, script === 'status-page' ? 'transcripts-status-page' : 'transcripts')
  if (!existsSync(folder)) return never
  const named = new RegExp(`^\\d{8}T\\d{6}Z-${script}-\\d+\\.jsonl$`)
  try {
    for (const name of readdirSync(folder)
      .filter((each) => named.test(each))
      .sort()
      .reverse()) {
      const lines = readFileSync(path.join(folder, name), 'utf8').trimEnd().split('\n')
      // A killed run may leave its last line incomplete.
      const started = parseJson<TranscriptStart>(lines[0]!)
      if (!started || / (--dry-run|-n)( |$)/.test(started.line)) continue
      const ended =
        lines.length > 1 ? parseJson<{ kind: string; exitCode: number }>(lines.at(-1)!) : undefined
      const at = Date.parse(started.at)
      if (ended?.kind === 'end')
        return { ...never, at, exitCode: ended.exitCode, words: ended.exitCode === 0 ? 'done' : 'failed' }
      return { ...never, at, words: isAlive(started.pid) ? 'running' : 'killed' }
    }
    return never
  } catch (thrown) {
    return { ...never, words: `unknown: ${getMessage(thrown)}` }
  }
}
