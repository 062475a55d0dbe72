import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { home, temporaryFolder } from './helpers.ts'

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** The environment without this terminal's and this CI's variables; a test sets those it needs. */
const environment = (more: Record<string, string> = {}): Record<string, string> => ({
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? '',
  LC_ALL: 'C.UTF-8',
  ...more,
})

/** Starts this Node with the arguments; the process ends with the test at the latest. */
export function start(argv: readonly string[], more: { cwd?: string; env?: Record<string, string> } = {}) {
  const child = spawn(process.execPath, argv, {
    cwd: more.cwd ?? home,
    env: environment(more.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, ...listen(child) }
}

function listen(child: ChildProcess) {
  let [stdout, stderr] = ['', '']
  const waiting: { words: string; heard: () => void }[] = []
  const hear = () => {
    for (const { words, heard } of waiting) if ((stdout + stderr).includes(words)) heard()
  }
  child.stdout?.on('data', (chunk: Buffer) => {
    stdout += chunk
    hear()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk
    hear()
  })
  return {
    ended: new Promise<Finished>((resolve) => {
      child.on('close', (code) => resolve({ code, stdout, stderr }))
    }),
    /** Resolves once the text was printed. */
    says: (words: string) =>
      new Promise<void>((heard) => {
        waiting.push({ words, heard })
        hear()
      }),
  }
}

/**
 * Writes a small script in the form of those in scripts/, and starts it.
 * @param body what the definition contains besides name and summary
 */
export function startScript(
  body: string,
  argv: readonly string[] = [],
  more: { env?: Record<string, string>; files?: Record<string, string> } = {},
) {
  const cwd = temporaryFolder()
  const from = (file: string) => JSON.stringify(path.join(home, 'lib', file))
  const file = path.join(cwd, 'example.ts')
  writeFileSync(
    file,
    `import { defineScript } from ${from('cli/defineScript.ts')}
import { OpsError, unknownError, usageError } from ${from('util/errors.ts')}
void [OpsError, unknownError, usageError]
await defineScript({ name: 'example', summary: 'an example', changes: true, ${body} }).start()
`,
  )
  for (const [name, text] of Object.entries(more.files ?? {})) writeFileSync(path.join(cwd, name), text)
  return { cwd, ...start([file, ...argv], { cwd, ...more }) }
}

export const runScript = (...given: Parameters<typeof startScript>): Promise<Finished> =>
  startScript(...given).ended
