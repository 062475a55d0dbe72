import { type ChildProcess, type SpawnOptions, spawn as spawnProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { Options } from 'zx/core'
import { unknownError } from '../util/errors.ts'
import { formatBytes } from '../util/format.ts'
import { runBatchFile } from './batchFile.ts'

export interface ProcessResult {
  /** -1 when a signal or the timeout ended the process. */
  code: number
  stdout: string
  stderr: string
  timedOut: boolean
}

/** Receives the output of a process as it arrives. */
export type OnOutput = (chunk: string, from: 'stdout' | 'stderr') => void

export interface ProcessOptions {
  stdin?: string | Uint8Array | Readable
  cwd?: string
  env: NodeJS.ProcessEnv
  timeoutMs: number
  signal: AbortSignal
  onOutput?: OnOutput | undefined
}

/** A program that prints more than this has gone wrong; the lists of az stay far below. */
const mostBytes = 64_000_000

/** Milliseconds between SIGTERM and SIGKILL. */
const graceMs = 5000

/**
 * Starts an argument vector through zx, without a shell: zx quotes each word by ending it with a NUL, which no argument
 * can contain, and the spawn below splits its line there. Only the batch files of Windows (az.cmd, npm.cmd) need cmd.exe.
 * Timeouts and aborts end the whole process group here: zx looks up the process tree with `ps`, through a shell, and that
 * fails once aborted.
 * Throws ENOENT as Node does when the program is not installed, and exit 3 when it prints without end: a part of its
 * output could be taken for the whole.
 */
export async function startProcess(argv: readonly string[], options: ProcessOptions): Promise<ProcessResult> {
  const { $ } = await import('zx/core')
  if (argv.some((word) => word.includes('\0'))) throw new TypeError('an argument cannot contain a NUL byte')
  let child: ChildProcess | undefined
  let failure: Error | undefined
  const isWindows = process.platform === 'win32'
  const spawn = (line: string, _: readonly string[], spawnOptions: SpawnOptions) => {
    const [program = '', ...words] = line.slice(0, -1).split('\0 ')
    const batch = isWindows ? runBatchFile([program, ...words], options.env) : undefined
    // Its own process group: Ctrl-C in the terminal reaches only this tool, which decides what a signal means.
    const detached = !isWindows
    child = spawnProcess(batch?.program ?? program, batch?.argv ?? words, {
      ...spawnOptions,
      ...{ shell: false, detached, windowsVerbatimArguments: batch !== undefined },
    })
    child.on('error', (error) => {
      failure = error
    })
    // For a program that ends without reading all of its stdin, only its exit code counts, as in a shell
    // pipe.
    child.stdin?.on('error', () => {})
    return child
  }
  options.signal.throwIfAborted()
  const { cwd, env, stdin = '' } = options
  const running = $({
    spawn: spawn as Options['spawn'],
    shell: true,
    prefix: '',
    postfix: '',
    quote: (word) => `${word}\0`,
    nothrow: true,
    quiet: true,
    verbose: false,
    env,
    input: stdin instanceof Uint8Array ? Buffer.from(stdin) : stdin,
    ...(cwd ? { cwd } : {}),
  })`${argv}`
  let bytes = 0
  for (const from of ['stdout', 'stderr'] as const)
    running[from].on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= mostBytes) return options.onOutput?.(chunk.toString(), from)
      failure ??= createFloodError(argv)
      signalGroup(child?.pid, 'SIGKILL')
      // Whoever inherited the pipes may go on writing.
      child?.stdout?.destroy()
      child?.stderr?.destroy()
    })
  let timedOut = false
  const end = () => {
    signalGroup(child?.pid, 'SIGTERM')
    setTimeout(() => signalGroup(child?.pid, 'SIGKILL'), graceMs).unref()
  }
  const timer = setTimeout(() => {
    timedOut = true
    end()
  }, options.timeoutMs)
  options.signal.addEventListener('abort', end, { once: true })
  const output = await running
  clearTimeout(timer)
  options.signal.removeEventListener('abort', end)
  if (failure) throw failure
  return { code: output.exitCode ?? -1, stdout: output.stdout, stderr: output.stderr, timedOut }
}

const createFloodError = ([program = '']: readonly string[]): Error =>
  unknownError(
    `${program} printed more than ${formatBytes(mostBytes)}, so it was ended`,
    undefined,
    `Check that ${program} on your PATH is the program that you expect.`,
  )

/** Signals a process and everything it started; on Windows, which has no groups, only the process. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch {
    // It has already ended.
  }
}
