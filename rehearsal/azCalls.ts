import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/**
 * Kills the az processes that are logged in to this rehearsal. A killed run leaves its last ones behind, and
 * az keeps calling a cloud that is gone for minutes. Returns how many there were.
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
    return [] // It has ended or belongs to another user.
  }
}
