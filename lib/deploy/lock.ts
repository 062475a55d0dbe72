import { formatScriptLine, type Server } from '../config/config.ts'
import type { Command } from '../shell/command.ts'
import { type Difference, ok, type Task, unknown, type VpsContext } from '../tasks/task.ts'
import { exitCode, OpsError, unknownError } from '../util/errors.ts'
import { formatDuration } from '../util/format.ts'
import { vps } from '../vps/remote/vps.ts'
import { whoami } from './context.ts'

/** Who holds the lock. */
interface Holder {
  by: string
  since: string
  what: string
  id: string
  /** Process id of the holder on the VPS. */
  pid: number
}

/**
 * On a tmpfs, so that no lock survives a restart of the VPS, and in a folder of root: in /run/lock, which everyone may
 * write to, any user could hold the lock and choose the process that `unlock` ends.
 */
const file = '/run/codex-dominion/deploy.lock'

/** Where the lock was until 2026-11-26. Somebody may still deploy with such a release of this toolbox. */
const oldFile = '/run/lock/codex-dominion.lock'

/**
 * Takes the deploy lock on the VPS: an flock held by a process at the other end of this run's ssh connection. A killed
 * deploy loses the connection and thus the lock; a machine that falls silent loses it after 90 s.
 * Throws (exit 5) naming the holder, the time, and the command that unlocks.
 */
async function takeLock(context: VpsContext, id: string, what: string) {
  const { runner, server } = context
  const holder = JSON.stringify({
    by: whoami(),
    since: new Date().toISOString(),
    what: runner.secrets.clean(what),
    id,
  })
  const held = await runner.hold(vps(server).sudo.record`${holdArgv(file, holder, silenceSeconds)}`, beatMs)
  if (held.firstLine === 'held') {
    const line = `${server.name}: lock ${file}`
    runner.transcript.write({ kind: 'command', effect: 'record', line, code: 0 })
    return held
  }
  await held.close()
  if (held.firstLine !== 'refused') {
    await runner.run(vps(server).sudo`true`) // Throws the cause if it is sudo.
    throw unknownError(`The lock ${file} on ${server.label} cannot be acquired`, held.firstLine)
  }
  throw lockedBy((await readLockOn(context))?.holder)
}

/**
 * Takes the locks of all servers, or of none. Every run takes them in the same order, so that two runs never wait for each
 * other: the second one is refused at the first server that the first one has.
 */
async function takeLocks(context: VpsContext, id: string, what: string) {
  const held: Awaited<ReturnType<typeof takeLock>>[] = []
  try {
    for (const server of context.config.servers) held.push(await takeLock({ ...context, server }, id, what))
    return held
  } catch (thrown) {
    await Promise.all(held.map((lock) => lock.close()))
    throw thrown
  }
}

const lockedBy = (holder: Holder | undefined): OpsError =>
  new OpsError({
    what: holder
      ? `Locked: ${holder.by} has been running "${holder.what}" since ${holder.since} (${formatDuration(Date.now() - Date.parse(holder.since))} ago)`
      : 'Locked: another deploy holds the lock',
    next: `Wait for it to end. If it is certainly dead, run: ${formatScriptLine('unlock')}`,
    exitCode: exitCode.locked,
  })

/**
 * Throws (exit 5) when somebody is deploying, before the operator is prompted. A VPS that does not answer is
 * left to the run itself.
 */
export async function assertUnlocked(context: VpsContext): Promise<void> {
  const holder = await readHolder(context).catch(() => undefined)
  if (holder) throw lockedBy(holder)
}

const beatMs = 20_000
/** After this silence (in seconds), the machine counts as asleep or cut off, and somebody else may deploy. */
const silenceSeconds = 90

/**
 * The process that holds the lock. It reads one byte at a time and ends with the connection or after a
 * silence. It closes the descriptors 9 and 2 for its children, so that the flock and the channel end with it.
 * It waits a moment for the lock, because a dry run takes it briefly to test whether it is free.
 */
export const holdArgv = (lock: string, holder: string, silence: number, oldLock = oldFile): string[] => [
  ...['sh', '-c', holdScript, 'lock'],
  ...[lock, holder, String(silence), oldLock],
]

/** flock's exit code for a lock that is held; its own failures are 1 and 64 to 71 (flock(1), sysexits(3)). */
const conflict = 75

/** Whether root holds the lock at the old place: files and processes of other users count for nothing there. */
const defineOldHolder = `holds_old() {
  for each in "$1" "$1.holder" "$1.pid"; do [ -f "$each" ] && [ ! -L "$each" ] && [ -O "$each" ] || return 1; done
  process=/proc/$(cat "$1.pid"); [ -O "$process" ] && [ "$process/fd/9" -ef "$1" ]
}`

const holdScript = `${defineOldHolder}
if holds_old "$4"; then echo refused; exit 5; fi
words=$(install -d -m 700 "\${1%/*}" 2>&1) || { echo "$words"; exit 3; }
exec 9>>"$1" || exit 3
words=$(flock -E ${conflict} -w 0.2 9 2>&1) || { [ $? -eq ${conflict} ] && echo refused && exit 5; echo "$words"; exit 3; }
printf '%s' "$2" > "$1.holder"; echo $$ > "$1.pid"; echo held
while [ "$(exec 9>&- 2> /dev/null; timeout "$3" head -c 1 | wc -c)" -eq 1 ]; do :; done`

export type LockTask = ReturnType<typeof lockTask>

/** The lock as a task; a plan only reports who holds it. Unless `needed`, the run continues when the VPS is silent. */
export function lockTask(
  context: VpsContext,
  run: { id: string; line: string; take: boolean; needed: boolean; warn(line: string): void },
) {
  let locks: Awaited<ReturnType<typeof takeLocks>> = []
  const lost = new AbortController()
  async function inspect(): Promise<Difference> {
    if (!run.take) {
      const holder = await readHolder(context)
      return holder ? unknown(`held by ${holder.by} since ${holder.since} ("${holder.what}")`) : ok('free')
    }
    try {
      locks = await takeLocks(context, run.id, run.line)
      for (const lock of locks) void lock.lost.then((how) => lost.abort(how))
      return ok('held by this run')
    } catch (thrown) {
      const silent = thrown instanceof OpsError && thrown.exitCode !== exitCode.locked
      if (run.needed || !silent) throw thrown
      run.warn(`No deploy lock: ${thrown.message}. Make sure that nobody else is deploying.`)
      return ok(`none: the VPS that stores it cannot be reached (${thrown.message})`)
    }
  }
  const task: Task = { id: 'lock', title: 'Deploy lock', part: 'prepare', inspect }
  return {
    task,
    held: () => locks.length > 0,
    /** Aborted when the lock is lost before its release; the reason is a `Loss`. */
    lost: lost.signal,
    release: async () => void (await Promise.all(locks.map((lock) => lock.close()))),
  }
}

// A dry run uses it, so it must not create a file.
const holderScript = `${defineOldHolder}
show() { cat "$1.holder" && echo && cat "$1.pid" && echo "$1"; }
if holds_old "$2"; then show "$2"; exit; fi
[ -e "$1" ] || exit 0
flock -n -E ${conflict} "$1" true && exit 0
code=$?
[ "$code" -eq ${conflict} ] || exit "$code"
show "$1"`

export const holderArgv = (lock: string, oldLock: string): string[] => [
  ...['sh', '-c', holderScript, 'holder'],
  ...[lock, oldLock],
]

interface HeldLock {
  server: Server
  holder: Holder
  /** The new place or the old one. */
  file: string
}

/** The locks that somebody holds. A run takes those of all servers, but a cut connection frees only its own at once. */
export async function readHolders(context: VpsContext): Promise<HeldLock[]> {
  const all = context.config.servers.map(async (server) => {
    const held = await readLockOn({ ...context, server })
    return held ? [held] : []
  })
  return (await Promise.all(all)).flat()
}

/** Who is deploying; undefined when nobody is. */
export const readHolder = async (context: VpsContext): Promise<Holder | undefined> =>
  (await readHolders(context))[0]?.holder

async function readLockOn({ runner, server }: VpsContext): Promise<HeldLock | undefined> {
  const { stdout } = await runner.run(vps(server).sudo`${holderArgv(file, oldFile)}`)
  const [text, pid, place = file] = stdout.trim().split('\n')
  if (!text) return undefined
  const holder = { ...(JSON.parse(text) as Omit<Holder, 'pid'>), pid: Number(pid) }
  return { server, holder, file: place }
}

/**
 * Ends the processes that hold the locks of one run, that of the first lock, unless others hold them by now. A run that
 * is still alive frees its other locks when it loses the first one, so those may be free already.
 */
export const breakLocks = (held: readonly HeldLock[]): Command[] =>
  held
    .filter(({ holder }) => holder.id === held[0]?.holder.id)
    .map(({ server, holder, file: lock }, index) => {
      const record = vps(server).sudo.record({ accept: index === 0 ? [0] : [0, 1] })
      return record`sh -c ${`[ "$(cat "$1.pid")" = "$2" ] && kill "$2"`} unlock ${lock} ${holder.pid}`
    })
