import { readFileSync } from 'node:fs'
import { startProcess } from '../../../lib/shell/spawn.ts'

/* Starts `words` as the scripts start az, with the words and the input in a JSON file, and prints its output. */

const { words, stdin } = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as {
  words: string[]
  stdin: string
}
const { signal } = new AbortController()
const { stdout } = await startProcess(['words', ...words], {
  stdin,
  env: process.env,
  timeoutMs: 60_000,
  signal,
})
process.stdout.write(stdout)
