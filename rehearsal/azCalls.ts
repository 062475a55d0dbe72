import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Kills the calls of az that are logged in to this rehearsal. A run that was killed leaves its last ones behind, and az
 * asks a cloud that is gone again and again, for minutes. Gives how many there were.
 */
export function endAzCalls(folder: string): number {
  const login = `AZURE_CONFIG_DIR=${path.join(folder, 'az')}`
  const calls = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => isAz(read(pid, 'cmdline')) && read(pid, 'environ').includes(login))
  for (const pid of calls) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
  return calls.length
}

/** Debian runs `python3 /usr/bin/az …`, Microsoft's package `python3 -Im azure.cli …`. */
const isAz = ([program, first = '', second]: string[]): boolean =>
  program !== undefined && (path.basename(first) === 'az' || second === 'azure.cli')

function read(pid: string, file: 'cmdline' | 'environ'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8').split('\0')
  } catch {
    return [] // it has ended, or is another user's
  }
}
