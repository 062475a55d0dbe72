import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The middle value; for an even number of values, the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** The date and machine of a measurement: `2026-11-22, 2 cores, Debian GNU/Linux 12 (bookworm)`. */
export function describeMachine(): string {
  const name = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux'
  return `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores, ${name}`
}

/**
 * Gives this process and its descendants priority over everything else on the machine while `work` runs (sched(7),
 * SCHED_RR), because figures from a busy machine are of little use. Needs root.
 */
export async function undisturbed<Result>(work: () => Promise<Result>): Promise<Result> {
  const schedule = (policy: string, priority: string) => {
    for (const pid of descendants(process.pid)) {
      spawnSync('chrt', ['--all-tasks', policy, '--pid', priority, pid])
    }
  }
  schedule('--rr', '1')
  try {
    return await work()
  } finally {
    schedule('--other', '0')
  }
}

function descendants(root: number): string[] {
  const children = new Map<string, string[]>()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]!
      children.set(parent, [...(children.get(parent) ?? []), pid])
    } catch {
      // It has ended meanwhile.
    }
  }
  const below = (pid: string): string[] => [pid, ...(children.get(pid) ?? []).flatMap(below)]
  return below(String(root))
}
