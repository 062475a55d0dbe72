import type { Readable } from 'node:stream'

export interface ProcessResult {
  /** -1 when it was ended by a signal or a time-out. */
  code: number
  stdout: string
  stderr: string
  timedOut: boolean
}

export interface ProcessOptions {
  stdin?: string | Uint8Array | Readable
  cwd?: string
  env: NodeJS.ProcessEnv
  timeoutMs: number
  signal: AbortSignal
  onOutput?: ((chunk: string, from: 'stdout' | 'stderr') => void) | undefined
}

/** Time that a process gets between being asked to end and being ended. */
const graceMs = 5000

/**
 * Starts a real argument vector through zx, without a shell.
 * zx always hands its spawn a shell string; this spawn drops it and starts argv through cross-spawn, which knows the
 * quoting that Windows `.cmd` files (az.cmd, npm.cmd) need. zx keeps the streams and the outcome. Time-outs and aborts
 * end the whole process group here: zx looks the tree up with `ps`, through a shell, and that fails once aborted.
 * Throws ENOENT as Node does when the program is not installed.
 */
export async function startProcess(argv: readonly string[], options: ProcessOptions): Promise<ProcessResult> {
  const [{ $ }, { default: crossSpawn }] = await Promise.all([import('zx/core'), import('cross-spawn')])
  const [program = '', ...rest] = argv
  let child: ReturnType<typeof crossSpawn> | undefined
  let failure: Error | undefined
  const spawnArgv = (
    _shellLine: string,
    _shellArgs: unknown,
    spawnOptions: Parameters<typeof crossSpawn>[2],
  ) => {
    // Its own process group: Ctrl-C in the terminal reaches only this tool, which decides what a signal means.
    child = crossSpawn(program, rest, {
      ...spawnOptions,
      shell: false,
      detached: process.platform !== 'win32',
    })
    child.on('error', (error) => {
      failure = error
    })
    // A program that ends without reading all of its stdin is judged by its exit code, as in a shell's pipe.
    child.stdin?.on('error', () => {})
    return child
  }
  options.signal.throwIfAborted()
  const running = $({
    spawn: spawnArgv as never,
    shell: true,
    prefix: '',
    postfix: '',
    quote: String,
    nothrow: true,
    quiet: true,
    verbose: false,
    ...(options.cwd ? { cwd: options.cwd } : {}),
    env: options.env,
    input: (options.stdin ?? '') as never,
  })`${program}`
  if (options.onOutput) {
    const tell = options.onOutput
    running.stdout.on('data', (chunk: Buffer) => tell(chunk.toString(), 'stdout'))
    running.stderr.on('data', (chunk: Buffer) => tell(chunk.toString(), 'stderr'))
  }
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

/** Signals a process and all it started. On Windows there are no groups; the process alone is ended. */
function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, signal)
  } catch {
    // It has ended by itself.
  }
}
