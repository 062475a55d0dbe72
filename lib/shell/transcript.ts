import { appendFileSync, existsSync, openSync, writeSync } from 'node:fs'
import path from 'node:path'
import { keepNewest, makeFolder } from '../util/files.ts'
import { escapeJsonControls } from '../util/terminal.ts'

/** One event of a run, as a line of JSON. */
export interface Entry {
  kind: 'start' | 'command' | 'request' | 'query' | 'dial' | 'mail' | 'step' | 'end'
  [field: string]: unknown
}

/** The record of a run: every effect, redacted, in a file only its owner can read. Never read to decide anything. */
export interface Transcript {
  readonly file: string
  write(entry: Entry): void
}

/** Cron may run scripts all day; nobody reads further back. */
const kept = 500

/**
 * The newest 500 of the folder are kept.
 * @param folder is made when missing (0700)
 * @param clean takes the secrets out of each line
 */
export function openTranscript(folder: string, id: string, clean: (text: string) => string): Transcript {
  const file = path.join(folder, `${id}.jsonl`)
  let open: number | undefined
  return {
    file,
    write(entry) {
      if (open === undefined) {
        makeFolder(folder, 0o700)
        keepNewest(folder, '.jsonl', kept)
        // Open until the process ends: opened for each line it would be half of what a thousand requests take.
        open = openSync(file, 'a', 0o600)
      }
      const line = clean(JSON.stringify({ at: new Date().toISOString(), ...entry }))
      writeSync(open, `${escapeJsonControls(line)}\n`)
    },
  }
}

/** The same, for a run that is worth more than its record: what cannot be written is told once, and goes missing. */
export function bestEffort(transcript: Transcript, unwritable: (thrown: unknown) => void): Transcript {
  let told = false
  return {
    file: transcript.file,
    write(entry) {
      try {
        transcript.write(entry)
      } catch (thrown) {
        if (!told) unwritable(thrown)
        told = true
      }
    },
  }
}

/** Notes how a run ended, in the transcript that it wrote. Never throws: the run has ended by then. */
export function endTranscript(file: string, exitCode: number): void {
  try {
    if (!existsSync(file)) return
    appendFileSync(file, `${JSON.stringify({ at: new Date().toISOString(), kind: 'end', exitCode })}\n`)
  } catch {
    // A full disk has been met by the run itself.
  }
}
