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
  onOutput?: ((chunk: string) => void) | undefined
}

/**
 * Starts a real argument vector through zx, without a shell.
 * zx always hands its spawn a shell string; this spawn drops it and starts argv through cross-spawn, which knows the
 * quoting that Windows `.cmd` files (az.cmd, npm.cmd) need. zx keeps time-outs, kill and streams.
 * Throws ENOENT as Node does when the program is not installed.
 */
export async function startProcess(argv: readonly string[], options: ProcessOptions): Promise<ProcessResult> {
  const [{ $ }, { default: crossSpawn }] = await Promise.all([import('zx/core'), import('cross-spawn')])
  const [program = '', ...rest] = argv
  let failure: Error | undefined
  const spawnArgv = (
    _shellLine: string,
    _shellArgs: unknown,
    spawnOptions: Parameters<typeof crossSpawn>[2],
  ) => {
    // Its own process group: Ctrl-C in the terminal reaches only this tool, which decides what a signal means.
    const child = crossSpawn(program, rest, {
      ...spawnOptions,
      shell: false,
      detached: process.platform !== 'win32',
    })
    child.on('error', (error) => {
      failure = error
    })
    return child
  }
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
    timeout: `${options.timeoutMs}ms` as const,
    timeoutSignal: 'SIGTERM',
    ac: linkedController(options.signal),
    input: options.stdin as never,
  })`${program}`
  if (options.onOutput) {
    const tell = options.onOutput
    running.stdout.on('data', (chunk: Buffer) => tell(chunk.toString()))
    running.stderr.on('data', (chunk: Buffer) => tell(chunk.toString()))
  }
  const startedAt = Date.now()
  const output = await running
  if (failure) throw failure
  return {
    code: output.exitCode ?? -1,
    stdout: output.stdout,
    stderr: output.stderr,
    timedOut: output.exitCode === null && Date.now() - startedAt >= options.timeoutMs,
  }
}

function linkedController(signal: AbortSignal): AbortController {
  const controller = new AbortController()
  if (signal.aborted) controller.abort(signal.reason)
  signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true })
  return controller
}
