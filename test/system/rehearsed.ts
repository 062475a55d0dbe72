import path from 'node:path'
import { type ProcessResult, startProcess } from '../../lib/command/process.ts'
import type { Config } from '../../lib/config/config.ts'
import { loadConfig } from '../../lib/config/load.ts'
import { login } from '../../rehearsal/login.ts'
import { folderOf, type State, startClouds, takeDown } from '../../rehearsal/rehearsal.ts'

const home = path.join(import.meta.dirname, '..', '..')

/** Two clouds of a test file's own, and the ordinary scripts run against them as an operator runs them. */
export interface Rehearsed {
  name: string
  folder: string
  state: State
  config: Config
  /** `npx dominion …args --env NAME`. Never rejects for an exit code. */
  dominion(args: string[], options?: RunOptions): Promise<ProcessResult>
  /** POST to the emulator's control API; see rehearsal/azure/control.ts. */
  control(path: string, body?: object): Promise<Response>
  down(): Promise<void>
}

export interface RunOptions {
  env?: Record<string, string>
  timeoutMs?: number
  /** Aborting it ends the process. */
  signal?: AbortSignal
  onOutput?: (chunk: string, from: 'stdout' | 'stderr') => void
}

/** @param name unique for the test file, so that files never meet */
export async function startRehearsal(
  name: string,
  latency: 'none' | 'realistic' = 'none',
): Promise<Rehearsed> {
  await takeDown(name)
  const state = await startClouds({ name, latency, keep: false })
  await login(name, state, new AbortController().signal)
  return {
    name,
    folder: folderOf(name),
    state,
    config: await loadConfig(process.cwd(), name),
    dominion: (args, options = {}) =>
      startProcess([process.execPath, path.join(home, 'bin', 'dominion.js'), ...args, '--env', name], {
        env: { ...process.env, ...options.env },
        timeoutMs: options.timeoutMs ?? 300_000,
        signal: options.signal ?? new AbortController().signal,
        onOutput: options.onOutput,
      }),
    control: (route, body) =>
      fetch(`${state.controlUrl}${route}`, {
        method: 'POST',
        ...(body ? { body: JSON.stringify(body) } : {}),
      }),
    down: async () => void (await takeDown(name)),
  }
}
