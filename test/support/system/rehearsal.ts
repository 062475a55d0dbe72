import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'vitest'
import type { Config } from '../../../lib/config/config.ts'
import { loadConfig } from '../../../lib/config/load.ts'
import { shareKinds } from '../../../lib/config/schema.ts'
import { type ProcessResult, startProcess } from '../../../lib/shell/spawn.ts'
import { writeAtomically } from '../../../lib/util/files.ts'
import { prepareAz } from '../../../rehearsal/az.ts'
import { readOwner } from '../../../rehearsal/claim.ts'
import { getCacheFolder, type Release } from '../../../rehearsal/debianRoot.ts'
import type { Verdict } from '../../../rehearsal/judge/judge.ts'
import { login } from '../../../rehearsal/login.ts'
import {
  getEnvironmentFile,
  getFolder,
  readState,
  type State,
  startClouds,
  takeDown,
} from '../../../rehearsal/rehearsal.ts'
import { waitForDying } from './waitForDying.ts'

const home = path.join(import.meta.dirname, '..', '..', '..')

/** Two clouds for one test file, and the ordinary scripts run against them as an operator runs them. */
export interface Rehearsal {
  name: string
  folder: string
  state: State
  config: Config
  /** Runs `npx dominion …args --env NAME`, or another environment. Never rejects because of an exit code. */
  dominion(args: string[], options?: RunOptions): Promise<ProcessResult>
  /** Writes `.env.NAME-SUFFIX`: this environment with other values. Returns its name; `down` removes it. */
  variant(suffix: string, values: Readonly<Record<string, string>>): string
  /** Removes these variants, or all of them, so that the other environments stand alone. */
  withdraw(...variants: string[]): void
  /** POST to the emulator's control API; see rehearsal/azure/controlServer.ts. */
  control(path: string, body?: object): Promise<Response>
  down(): Promise<void>
}

export interface StartOptions {
  latency?: 'none' | 'realistic'
  /** The Debian release whose az the rest of the test file uses; without it, this machine's. */
  azFrom?: Release
  /** The Debian release of a bare VPS; without it, nginx and certbot are installed on the VPS (Debian 12). */
  vpsFrom?: Release
}

export interface RunOptions {
  env?: Record<string, string>
  /** A name that `variant` returned. */
  environment?: string
  timeoutMs?: number
  /** Aborting it ends the process. */
  signal?: AbortSignal
  onOutput?: (chunk: string, from: 'stdout' | 'stderr') => void
}

export const dominionArgv = (args: string[]): string[] => [
  process.execPath,
  path.join(home, 'bin', 'dominion.js'),
  ...args,
]

/** An operator's environment: without the variables of the test runner, which Next.js and others would heed. */
export function ordinaryEnvironment(): NodeJS.ProcessEnv {
  const { NODE_ENV, TEST, VITEST, NODE_OPTIONS, ...rest } = process.env
  return Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith('VITEST_')))
}

/**
 * Starts both clouds, after removing whatever a killed run of the same name left. Throws when that name is in use, for
 * example by the tests of another clone.
 * @param name unique for the test file, so that files never collide
 */
export async function startRehearsal(
  name: string,
  { latency = 'none', azFrom, vpsFrom }: StartOptions = {},
): Promise<Rehearsal> {
  await waitForDying(name)
  if (azFrom) process.env.PATH = `${await prepareAz(azFrom, console.error)}:${process.env.PATH}`
  const vps = vpsFrom ? { vpsFrom } : { vpsInstalled: true }
  const state = await startClouds({ name, latency, keep: false, ...vps })
  const saveIndex = useCommandIndex(path.join(getFolder(name), 'az'), azFrom ?? 'host')
  await login(name, state, new AbortController().signal)
  saveIndex()
  return openRehearsal(name, state)
}

/**
 * Gives az the list of its commands that it made in another folder: in a new one, its first start takes two seconds more of
 * processor time. It makes the list again when that is of another version. @returns saves the list for the next folder
 */
function useCommandIndex(folder: string, key: string): () => void {
  const [own, kept] = [path.join(folder, 'commandIndex.json'), path.join(getCacheFolder(), `az-${key}.json`)]
  if (existsSync(kept)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    copyFileSync(kept, own)
  }
  return () => writeAtomically(kept, readFileSync(own, 'utf8'))
}

/**
 * Runs `npx dominion rehearse`, keeps both clouds and returns them. Rejects unless every check passes; throws as
 * `startRehearsal` does.
 */
export async function rehearseAndKeep(name: string): Promise<Rehearsal> {
  // Left by a killed run of these tests.
  await discardKept(name)
  try {
    await rehearseWhole(name, '--keep')
  } catch (failure) {
    await discardKept(name)
    throw failure
  }
  return openRehearsal(name, readState(name)!)
}

/** Takes down a rehearsal that was kept, unless it was started from another folder. */
async function discardKept(name: string): Promise<void> {
  const owner = await readOwner(name)
  if (owner?.keep && owner.from === process.cwd()) await takeDown(name, owner.id)
}

/** Runs `npx dominion rehearse`, which takes both clouds down without --keep. Rejects unless every check passes. */
export async function rehearseWhole(name: string, ...flags: string[]): Promise<void> {
  await waitForDying(name)
  const { code, stdout, stderr } = await startProcess(
    dominionArgv(['rehearse', '--name', name, '--json', ...flags]),
    { env: ordinaryEnvironment(), timeoutMs: 15 * 60_000, signal: new AbortController().signal },
  )
  const { checks } = JSON.parse(stdout) as { checks?: { id: string; ok: boolean; detail: string }[] }
  expect(
    checks?.filter(({ ok }) => !ok),
    stderr,
  ).toEqual([])
  expect(checks?.map(({ id }) => id)).toEqual(expect.arrayContaining(['rerun-unchanged', 'secrets-unseen']))
  expect(code, stderr).toBe(0)
}

async function openRehearsal(name: string, state: State): Promise<Rehearsal> {
  const variants = new Set<string>()
  return {
    name,
    folder: getFolder(name),
    state,
    config: await loadConfig(process.cwd(), name),
    dominion: (args, options = {}) =>
      startProcess(
        [
          process.execPath,
          path.join(home, 'bin', 'dominion.js'),
          ...args,
          '--env',
          options.environment ?? name,
        ],
        {
          env: { ...process.env, ...options.env },
          timeoutMs: options.timeoutMs ?? 300_000,
          signal: options.signal ?? new AbortController().signal,
          onOutput: options.onOutput,
        },
      ),
    variant(suffix, values) {
      // A variant names the same resources on purpose.
      const all: Readonly<Record<string, string>> = { SHARES: shareKinds.join(), ...values }
      const variant = `${name}-${suffix}`
      const lines = readFileSync(getEnvironmentFile(name), 'utf8').split('\n')
      const key = (line: string) => line.slice(0, Math.max(0, line.indexOf('=')))
      const changed = lines.map((line) => (key(line) in all ? `${key(line)}=${all[key(line)]}` : line))
      // At once: commands of other test files read every environment of this folder.
      writeAtomically(path.resolve(getEnvironmentFile(variant)), changed.join('\n'), { mode: 0o600 })
      variants.add(variant)
      return variant
    },
    control: (route, body) =>
      fetch(`${state.controlUrl}${route}`, {
        method: 'POST',
        ...(body ? { body: JSON.stringify(body) } : {}),
      }),
    withdraw(...some) {
      for (const variant of some.length > 0 ? some : variants)
        rmSync(getEnvironmentFile(variant), { force: true })
    },
    async down() {
      for (const variant of variants) rmSync(getEnvironmentFile(variant), { force: true })
      // A test may have ended the clouds itself.
      const verdict = await fetch(`${state.controlUrl}/verdict`)
        .then((answer) => answer.json() as Promise<Verdict>)
        .catch(() => undefined)
      await takeDown(name, state.id)
      expect(verdict?.findings ?? [], 'differences from Microsoft’s models').toEqual([])
    },
  }
}
