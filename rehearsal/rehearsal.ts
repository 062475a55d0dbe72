import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { OpsError, usageError } from '../lib/command/errors.ts'
import { endAzCalls } from './azCalls.ts'
import { removeLeftovers } from './network.ts'
import { startTime } from './processes.ts'

const home = path.join(import.meta.dirname, '..')

export interface RehearsalOptions {
  /** Names the environment, `.env.NAME`, and keeps two rehearsals apart. */
  name: string
  latency: 'none' | 'realistic'
  keep: boolean
}

/** What a running rehearsal tells of itself. */
export interface State {
  pid: number
  controlUrl: string
  vps: string
  vpsPid: number
  servicePrincipal: {
    subscription: { id: string; tenant: string }
    servicePrincipal: { id: string; secret: string }
  }
  ionosDnsKey: string
}

export const folderOf = (name: string): string => path.join(tmpdir(), `codex-dominion-${name}`)
export const environmentOf = (name: string): string => path.join(process.cwd(), `.env.${name}`)

export function readState(name: string): State | undefined {
  const file = path.join(folderOf(name), 'state.json')
  if (!existsSync(file)) return undefined
  const state = JSON.parse(readFileSync(file, 'utf8')) as State
  return startTime(state.pid) === undefined ? undefined : state
}

/**
 * Starts both clouds in a process of their own and resolves when they are up.
 * Throws (exit 2) when a rehearsal of this name is running already.
 */
export async function startClouds({ name, latency, keep }: RehearsalOptions): Promise<State> {
  if (readState(name))
    throw usageError(
      `A rehearsal "${name}" is running`,
      `npm run rehearse -- --down --name ${name}   takes it down.`,
    )
  await removeLeftovers(name, folderOf(name))
  rmSync(folderOf(name), { recursive: true, force: true })
  mkdirSync(folderOf(name), { recursive: true, mode: 0o700 })
  const logFile = `${folderOf(name)}.log`
  const log = openSync(logFile, 'a', 0o600)
  const child = spawn(
    process.execPath,
    [
      path.join(import.meta.dirname, 'clouds.ts'),
      ...[
        '--name',
        name,
        '--folder',
        folderOf(name),
        '--latency',
        latency,
        '--environment',
        environmentOf(name),
      ],
      ...['--packages', path.join(home, 'node_modules', '.cache', 'rehearsal-packages')],
      ...(keep ? ['--keep'] : []),
    ],
    // Its own group: Ctrl-C in the terminal is for the rehearsal, which takes the clouds down in order. Its standard
    // input stays open as long as this process lives: without --keep the clouds end when it closes.
    { stdio: ['pipe', 'pipe', log], detached: true },
  )
  closeSync(log)
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', () => resolve())
    child.once('exit', (code) => {
      const said = existsSync(logFile) ? readFileSync(logFile, 'utf8').trim() : ''
      reject(new OpsError({ what: `The clouds of the rehearsal did not start (exit ${code})`, said }))
    })
  })
  child.stdout!.destroy()
  child.unref()
  ;(child.stdin as Socket).unref()
  return readState(name)!
}

/** Takes a rehearsal down and removes whatever a killed one left. Gives one line each. */
export async function takeDown(name: string): Promise<string[]> {
  const state = readState(name)
  if (state) {
    process.kill(state.pid, 'SIGTERM')
    for (let tries = 0; tries < 300 && startTime(state.pid) !== undefined; tries++) await pause(100)
  }
  endAzCalls(folderOf(name))
  const left = await removeLeftovers(name, folderOf(name))
  rmSync(folderOf(name), { recursive: true, force: true })
  rmSync(`${folderOf(name)}.log`, { force: true })
  rmSync(environmentOf(name), { force: true })
  return [...(state ? [`rehearsal "${name}" is down`] : []), ...left]
}
