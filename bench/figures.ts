import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(half)]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** What a figure was measured on, and when: `2026-11-22, 2 cores, Debian GNU/Linux 12 (bookworm)`. */
export function machine(): string {
  const name = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'Linux'
  return `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores, ${name}`
}
