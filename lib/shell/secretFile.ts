import { lstatSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
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
 * Creates a folder (0700) for what a command must not show to others. `remove` and the end of this process remove it;
 * `removeLeftovers` removes those of a killed process.
 */
export function createPrivateFolder(): { folder: string; remove(): void } {
  const folder = mkdtempSync(path.join(tmpdir(), `${prefix}${process.pid}-`))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', removeFolder)
  return {
    folder,
    remove() {
      process.off('exit', removeFolder)
      removeFolder()
    },
  }
}

/**
 * Prepares the secret files of a command and returns the argument vector with their paths. az reads `@-` from its
 * standard input, which leaves nothing behind when this program is killed; any other file is written (0600, in a
 * private folder).
 */
export function writeSecretFiles(command: Command): { argv: string[]; stdin?: string; cleanUp(): void } {
  const files = command.argv.filter((word) => typeof word !== 'string')
  if (files.length === 0) return { argv: command.argv.map(String), cleanUp() {} }
  if (command.on !== 'here')
    throw new Error('secret files exist only for local commands; use stdin on the VPS')
  const [only] = files
  if (files.length === 1 && only?.prefix === '@' && command.stdin === undefined) {
    const argv = command.argv.map((word) => (typeof word === 'string' ? word : '@-'))
    return { argv, stdin: only.content, cleanUp() {} }
  }
  const { folder, remove } = createPrivateFolder()
  const argv = command.argv.map((word) => {
    if (typeof word === 'string') return word
    const file = path.join(folder, word.name)
    writeFileSync(file, word.content, { mode: 0o600 })
    return `${word.prefix}${file}`
  })
  return { argv, cleanUp: remove }
}

/** Removes the secret files of processes that were killed: only folders of this user, because anybody can write there. */
export function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = named.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    const folder = path.join(tmpdir(), name)
    try {
      const found = lstatSync(folder)
      if (!found.isDirectory() || found.uid !== (process.getuid?.() ?? found.uid)) continue
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // Another run has removed it.
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
