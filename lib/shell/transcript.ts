import { appendFileSync, existsSync, openSync, writeSync } from 'node:fs'
import path from 'node:path'
import { keepNewest, makeFolder } from '../util/files.ts'
import { escapeJsonControls } from '../util/terminal.ts'

/** One event of a run, as a line of JSON. */
export interface Entry {
  kind: 'start' | 'command' | 'request' | 'query' | 'dial' | 'mail' | 'step' | 'end'
  [field: string]: unknown
}

/**
 * The record of a run: every effect, redacted, in a file that only its owner can read. No script bases a
 * decision on it.
 */
export interface Transcript {
  readonly file: string
  write(entry: Entry): void
}

/** Cron runs scripts all day, and nobody reads further back. */
const kept = 500

/** Opens the transcript of a run, redacted by `clean`. The folder (0700, created at the first line) keeps the newest 500. */
export function openTranscript(folder: string, id: string, clean: (text: string) => string): Transcript {
  const file = path.join(folder, `${id}.jsonl`)
  let open: number | undefined
  return {
    file,
    write(entry) {
      if (open === undefined) {
        makeFolder(folder, 0o700)
        keepNewest(folder, '.jsonl', kept)
        // Stays open, because reopening it for each line would double the time of a thousand requests.
        open = openSync(file, 'a', 0o600)
      }
      const line = clean(JSON.stringify({ at: new Date().toISOString(), ...entry }))
      writeSync(open, `${escapeJsonControls(line)}\n`)
    },
  }
}

/**
 * For a run that matters more than its record: the first line that cannot be written is reported and the run continues.
 */
export function bestEffort(transcript: Transcript, onError: (thrown: unknown) => void): Transcript {
  let reported = false
  return {
    file: transcript.file,
    write(entry) {
      try {
        transcript.write(entry)
      } catch (thrown) {
        if (!reported) onError(thrown)
        reported = true
      }
    },
  }
}

/** Adds the exit code of a run to its transcript, if it wrote one. Never throws. */
export function endTranscript(file: string, exitCode: number): void {
  try {
    if (!existsSync(file)) return
    appendFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), kind: 'end', exitCode })}\n`)
  } catch {
    // The run itself has reported a full disk.
  }
}
