import { spawn } from 'node:child_process'
import { collect, type Finished } from '../../rehearsal/processes.ts'

/**
 * Runs a program in Linux namespaces that end with it.
 * @param flags which namespaces, named as in unshare(1)
 * Throws when this machine does not allow it; the error says what is missing and how to get it.
 */
export async function runInNamespaces(
  flags: readonly string[],
  argv: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<Finished> {
  const { input, ...place } = options
  const child = spawn('unshare', [...flags, '--', ...argv], { ...place, stdio: 'pipe' })
  const finished = await collect(child, input)
  const refused = /^unshare: .*$/m.exec(finished.stderr)?.[0]
  if (finished.code === 0 || !refused) return finished
  throw new Error(
    `This test needs the right to make namespaces (unshare ${flags.join(' ')}), and this machine refuses it: ${refused}. Run it as root on a machine or in a container with --privileged, not inside a chroot.`,
  )
}
