import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { constants } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { toArgv, type Word } from '../lib/shell/command.ts'
import { poll } from '../lib/util/poll.ts'

/** The result of a finished process: its exit code (128 + signal if killed by one) and all of its output. */
export interface Finished {
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  env?: Record<string, string>
  cwd?: string
  input?: string | Buffer
}

/**
 * A long-running process of the rehearsal on this host. It ends with this process, even if that is killed
 * with SIGKILL.
 */
export interface Daemon {
  pid: number
  child: ChildProcess
  /** Resolves with the exit code when the process has ended. */
  ended: Promise<number>
  /** Sends SIGTERM, then SIGKILL after three seconds. */
  stop(): Promise<void>
}

export interface DaemonOptions {
  argv: string[]
  env?: Record<string, string>
  cwd?: string
  /** The file for its output; default: the output is discarded. */
  log?: string
  /**
   * The rehearsal's folder: running processes are recorded below `<folder>/processes`, for `removeLeftovers`.
   */
  folder: string
}

/** Debian keeps `ip`, `sshd` and others in sbin, which is not on every operator's PATH. */
export const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The words of a command; an interpolation is one word, or several if it is a list (lib/shell/command.ts, toArgv). */
export const argv = (text: TemplateStringsArray, ...words: Word[]): string[] =>
  toArgv(text, words).map(String)

/** Runs a program on this host to its end. Never throws because of its exit code. */
export async function run(argv: string[], options: RunOptions = {}): Promise<Finished> {
  const child = spawn(argv[0]!, argv.slice(1), {
    env: { PATH, LC_ALL: 'C', ...options.env },
    cwd: options.cwd ?? '/',
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  return collect(child, options.input)
}

/** Writes `input`, collects the output and waits for the end of a process with three pipes. */
export async function collect(child: ChildProcess, input?: string | Buffer): Promise<Finished> {
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin?.on('error', () => {}) // EPIPE: it did not read all of its input. Its exit code says why.
  child.stdin?.end(input)
  const code = await exitCode(child)
  return { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      const program = child.spawnargs[0]
      reject(error.code === 'ENOENT' ? new Error(`The program ${program} is not installed here.`) : error)
    })
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}

/** Runs a program on this host. An exit code other than 0 throws an error with the program's own output. */
export async function runOrThrow(argv: string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options)
  if (code !== 0) throw new Error(`\`${argv.join(' ')}\` ended with ${code}: ${(stderr || stdout).trim()}`)
  return stdout
}

/**
 * A prefix that ties a process to this one: the kernel kills it when the thread that started it ends. See
 * prctl(2), PR_SET_PDEATHSIG; it survives execve of ordinary programs.
 */
export const TIED = ['setpriv', '--pdeathsig', 'KILL', '--']

export function startDaemon(options: DaemonOptions): Daemon {
  const log = options.log ? openSync(options.log, 'a', 0o600) : 'ignore'
  const child = spawn(TIED[0]!, [...TIED.slice(1), ...options.argv], {
    env: { PATH, LC_ALL: 'C', ...options.env },
    cwd: options.cwd ?? '/',
    stdio: ['ignore', log, log],
    detached: true, // Ctrl-C in the terminal is for the rehearsal itself, which then stops its parts in order.
  })
  if (typeof log === 'number') closeSync(log)
  const ended = exitCode(child)
  ended.catch(() => {})
  if (child.pid === undefined)
    throw new Error(`The program ${TIED[0]} (Debian package util-linux) is missing.`)
  const forget = note(options.folder, child.pid, options.argv)
  void ended.finally(forget).catch(() => {})
  return { pid: child.pid, child, ended, stop: () => stopProcess(child, ended) }
}

async function stopProcess(child: ChildProcess, ended: Promise<number>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  await ended.catch(() => {})
  clearTimeout(timer)
}

/**
 * Field 22 of /proc/PID/stat: the start time in clock ticks. Together with the pid it identifies a process
 * uniquely.
 */
export function getStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** Records a process of the rehearsal in its folder; the returned function removes the record. */
export function note(folder: string, pid: number, argv: string[]): () => void {
  const notes = join(folder, 'processes')
  mkdirSync(notes, { recursive: true })
  const file = join(notes, String(pid))
  writeFileSync(file, JSON.stringify({ startTime: getStartTime(pid), program: argv[0] }), { mode: 0o600 })
  return () => rmSync(file, { force: true })
}

/** Kills every process that a run recorded in `folder` and that is still running. Returns how many. */
export async function killRecorded(folder: string): Promise<number> {
  const notes = join(folder, 'processes')
  let names: string[]
  try {
    names = readdirSync(notes)
  } catch {
    return 0
  }
  let killed = 0
  for (const name of names) {
    const pid = Number(name)
    const noted = JSON.parse(readFileSync(join(notes, name), 'utf8') || '{}') as { startTime?: string }
    if (noted.startTime !== undefined && getStartTime(pid) === noted.startTime) {
      process.kill(pid, 'SIGKILL')
      killed++
      for (let tries = 0; tries < 100 && getStartTime(pid) === noted.startTime; tries++) await sleep(10)
    }
    rmSync(join(notes, name), { force: true })
  }
  return killed
}

/** A TCP port of 127.0.0.1 on which nobody is listening at this moment. */
export function getFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** Waits until something accepts connections there: at most 15 s, and only while `daemon` runs. */
export async function waitForPort(
  host: string,
  port: number,
  { what, daemon, log }: { what: string; daemon?: Daemon; log?: string },
): Promise<void> {
  const attempt = async () => {
    if (await accepts(host, port)) return 'open'
    return daemon && getStartTime(daemon.pid) === undefined ? 'ended' : undefined
  }
  const seen = await poll(attempt, { intervalMs: 10, timeoutMs: 15_000 })
  if (seen === 'open') return
  throw new Error(`${what} ${seen ?? `does not answer on ${host}:${port}`}${log ? `: ${tail(log)}` : ''}`)
}

/** Whether something accepts TCP connections there. */
export function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 })
    const done = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
    socket.once('timeout', () => done(false))
  })
}

/** The last 2000 characters of a log file, '' when there is none. */
function tail(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(-2000).trim()
  } catch {
    return ''
  }
}
