import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { OpsError, usageError } from '../lib/util/errors.ts'
import { poll } from '../lib/util/poll.ts'
import { endAzCalls } from './azCalls.ts'
import { claimRehearsal, type Owner, readOwner } from './claim.ts'
import type { Release } from './debianRoot.ts'
import { assertReplaceable, discardEnvironment, isForeign } from './environmentMark.ts'
import { removeLeftovers } from './network.ts'
import { argv, getStartTime } from './processes.ts'

export interface RehearsalOptions {
  /** The name of the environment (`.env.NAME`), which separates two rehearsals. */
  name: string
  latency: 'none' | 'realistic'
  keep: boolean
  /** The Debian release of the VPS; default: bookworm. */
  vpsFrom?: Release
  /** nginx and certbot are already installed on the VPS. */
  vpsInstalled?: boolean
}

/** What a running rehearsal records about itself. */
export interface State {
  /** The id of this run. */
  id: string
  pid: number
  controlUrl: string
  vps: string
  vpsIpv6: string
  vpsPid: number
  servicePrincipal: {
    subscription: { id: string; tenant: string }
    servicePrincipal: { id: string; secret: string }
  }
  ionosDnsKey: string
}

export const getFolder = (name: string): string => path.join(tmpdir(), `codex-dominion-${name}`)
export const getEnvironmentFile = (name: string): string => path.join(process.cwd(), `.env.${name}`)

export function readState(name: string): State | undefined {
  const file = path.join(getFolder(name), 'state.json')
  if (!existsSync(file)) return undefined
  const state = JSON.parse(readFileSync(file, 'utf8')) as State
  return getStartTime(state.pid) === undefined ? undefined : state
}

/** Who is running, or was running, the rehearsal in this folder. */
export const ownerFile = (folder: string): string => path.join(folder, 'owner.json')

/** The exit code with which clouds.ts ends at once when another process has the name. */
export const exitClaimed = 75

/**
 * Throws (exit 2) when a rehearsal of this name is running on this machine, no matter who started it and from
 * where, or when `.env.NAME` was not written by a rehearsal. Nothing has been touched in that case.
 */
export async function assertStartable(name: string): Promise<void> {
  const owner = await readOwner(name)
  if (owner) throw alreadyRunning(name, owner)
  assertReplaceable(getEnvironmentFile(name))
}

function alreadyRunning(name: string, owner: Partial<Owner> | undefined): OpsError {
  const { pid, from, since, doing = 'running', keep } = owner ?? {}
  const who = [
    ...(from ? [`from ${from}`] : []),
    ...(since ? [`since ${since}`] : []),
    ...(pid ? [`process ${pid}`] : []),
    ...(keep ? ['kept with --keep'] : []),
  ]
  return usageError(
    `A rehearsal "${name}" is ${doing}${who.length > 0 ? `: ${who.join(', ')}` : ''}`,
    `npm run rehearse -- --down --name ${name}   takes it down. To start another one in parallel: npm run rehearse -- --name ANOTHER`,
  )
}

/**
 * Starts both clouds in a separate process and resolves when they are up. Throws (exit 2) when a rehearsal of
 * this name is already running.
 */
export async function startClouds({
  name,
  latency,
  keep,
  vpsFrom = 'bookworm',
  vpsInstalled = false,
}: RehearsalOptions): Promise<State> {
  await assertStartable(name)
  const id = randomUUID()
  const logFile = `${getFolder(name)}.log`
  const log = openSync(logFile, 'a', 0o600)
  const child = spawn(
    process.execPath,
    argv`
      ${path.join(import.meta.dirname, 'clouds.ts')} --name ${name} --id ${id} --folder ${getFolder(name)}
        --latency ${latency} --environment ${getEnvironmentFile(name)} --vps-from ${vpsFrom}
        ${vpsInstalled && '--vps-installed'} ${keep && '--keep'}`,
    // Its own group: Ctrl-C in the terminal is for the rehearsal, which takes the clouds down in order. Its standard
    // input stays open as long as this process lives: without --keep the clouds end when it closes.
    { stdio: ['pipe', 'pipe', log], detached: true },
  )
  closeSync(log)
  const ended = await new Promise<{ code: number | null } | undefined>((resolve) => {
    createInterface({ input: child.stdout! }).once('line', () => resolve(undefined))
    child.once('exit', (code) => resolve({ code }))
  })
  if (ended?.code === exitClaimed) throw alreadyRunning(name, await readOwner(name).catch(() => undefined))
  if (ended) {
    const said = existsSync(logFile) ? readFileSync(logFile, 'utf8').trim() : ''
    await takeDown(name, id)
    throw new OpsError({ what: `The clouds of the rehearsal did not start (exit ${ended.code})`, said })
  }
  child.stdout!.destroy()
  child.unref()
  ;(child.stdin as Socket).unref()
  return readState(name)!
}

/**
 * Takes a rehearsal down and removes whatever a killed one left behind. Returns one line for each.
 * @param only this run: another one of the same name belongs to somebody else
 */
export async function takeDown(name: string, only?: string): Promise<string[]> {
  const folder = getFolder(name)
  const owner = await readOwner(name)
  if (only !== undefined && owner && owner.id !== only) return []
  const lines = owner ? await endRehearsal(name, owner) : []
  const release = await claimRehearsal(name, {
    ...{
      id: randomUUID(),
      pid: process.pid,
      startedBy: process.ppid,
      doing: 'being taken down',
      keep: false,
    },
    ...{ from: process.cwd(), since: new Date().toISOString(), environment: getEnvironmentFile(name) },
  })
  if (!release) {
    if (only !== undefined) return lines
    throw alreadyRunning(name, await readOwner(name))
  }
  try {
    const killed = readRecord(folder)
    if (only !== undefined && killed && killed.id !== only) return lines
    endAzCalls(folder)
    const left = await removeLeftovers(name, folder)
    if (!owner && existsSync(folder)) left.push(`folder ${folder} of a rehearsal that was killed`)
    const environment = killed?.environment ?? getEnvironmentFile(name)
    const written = existsSync(environment)
    if (killed) left.push(...discardEnvironment(killed.environment, killed.id))
    // Left by a rehearsal that was killed and whose folder no longer exists, for example after a restart of the
    // machine.
    else if (!owner && only === undefined) left.push(...discardEnvironment(getEnvironmentFile(name)))
    if (!owner && written && !existsSync(environment)) left.push(`file ${environment} that it wrote`)
    rmSync(folder, { recursive: true, force: true })
    rmSync(`${folder}.log`, { force: true })
    return [...lines, ...left]
  } finally {
    release()
  }
}

/**
 * One line about an `.env.NAME` in this folder that does not belong to the rehearsal, for whoever takes that name down.
 */
export const findForeignEnvironment = (name: string): string[] =>
  isForeign(getEnvironmentFile(name))
    ? [`${getEnvironmentFile(name)} was not written by a rehearsal of that name, so it is kept`]
    : []

/** Ends the process that emulates the clouds, which cleans up after itself. */
async function endRehearsal(name: string, owner: Owner): Promise<string[]> {
  const started = getStartTime(owner.pid)
  // Anybody on this machine can claim a name, so only our own process is sent a signal.
  const ours = isClouds(owner.pid, name)
  if (owner.doing === 'running' && !ours)
    throw new OpsError({
      what: `Process ${owner.pid} has claimed the rehearsal "${name}" but is not a rehearsal`,
      next: `To find out what it is: ps -fp ${owner.pid}`,
    })
  const lines = discardEnvironment(owner.environment, owner.id)
  if (ours) process.kill(owner.pid, 'SIGTERM')
  const running = () => started !== undefined && getStartTime(owner.pid) === started
  const claimed = () =>
    readOwner(name).then(
      (now) => now?.id === owner.id,
      () => true,
    )
  const hasEnded = async () => !(running() && (await claimed())) || undefined
  await poll(hasEnded, { intervalMs: 100, attempts: 300 })
  if (ours && running()) process.kill(owner.pid, 'SIGKILL')
  return [`rehearsal "${name}" is down`, ...lines]
}

function isClouds(pid: number, name: string): boolean {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return (
      argv.some((word) => path.basename(word) === 'clouds.ts') && argv[argv.indexOf('--name') + 1] === name
    )
  } catch {
    return false // it has ended
  }
}

/** What a killed rehearsal recorded about itself. */
function readRecord(folder: string): Owner | undefined {
  const file = ownerFile(folder)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Owner) : undefined
}
