import { appendFileSync, mkdirSync } from 'node:fs'
import path from 'node:path'

/** One event of a run, as a line of JSON. */
export interface Entry {
  kind: 'start' | 'command' | 'request' | 'query' | 'dial' | 'step' | 'end'
  [field: string]: unknown
}

/** The record of a run: every effect, redacted, in a file only its owner can read. Never read to decide anything. */
export interface Transcript {
  readonly file: string
  write(entry: Entry): void
}

/**
 * @param folder is made when missing (0700)
 * @param clean takes the secrets out of each line
 */
export function openTranscript(folder: string, id: string, clean: (text: string) => string): Transcript {
  const file = path.join(folder, `${id}.jsonl`)
  let made = false
  return {
    file,
    write(entry) {
      if (!made) mkdirSync(folder, { recursive: true, mode: 0o700 })
      made = true
      const line = clean(JSON.stringify({ at: new Date().toISOString(), ...entry }))
      appendFileSync(file, `${line}\n`, { mode: 0o600 })
    },
  }
}
