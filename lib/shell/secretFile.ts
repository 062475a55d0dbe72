import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Command } from './command.ts'

/**
 * Process ids are unique within a PID namespace. Containers that share /tmp each have their own (Linux; elsewhere 0).
 */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'
  } catch {
    return '0'
  }
}

/** dominion-NAMESPACE-PID-…: names the process that created the folder. */
const prefix = `dominion-${pidNamespace()}-`
const named = new RegExp(`^${prefix}(\\d+)-[A-Za-z0-9]{6}$`)

/**
 * Writes the secret files of a command (0600, in a new 0700 folder) and returns the argument vector with their paths.
 * `cleanUp` and the end of this process remove them; `removeLeftovers` removes those of a killed process.
 */
export function writeSecretFiles(command: Command): { argv: string[]; cleanUp(): void } {
  if (command.argv.every((word) => typeof word === 'string')) return { argv: [...command.argv], cleanUp() {} }
  if (command.on !== 'here')
    throw new Error('secret files exist only for local commands; use stdin on the VPS')
  const folder = mkdtempSync(path.join(tmpdir(), `${prefix}${process.pid}-`))
  const cleanUp = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', cleanUp)
  const argv = command.argv.map((word) => {
    if (typeof word === 'string') return word
    const file = path.join(folder, word.name)
    writeFileSync(file, word.content, { mode: 0o600 })
    return `${word.prefix}${file}`
  })
  return {
    argv,
    cleanUp() {
      process.off('exit', cleanUp)
      cleanUp()
    },
  }
}

/** Removes the secret files of processes that were killed. */
export function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = named.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    try {
      rmSync(path.join(tmpdir(), name), { recursive: true, force: true })
    } catch {
      // It belongs to another user.
    }
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM'
  }
}
