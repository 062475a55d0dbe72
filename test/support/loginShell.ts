import { spawnSync } from 'node:child_process'
import { createFrame } from '../../lib/vps/ssh/frame.ts'
import { temporaryFolder } from './helpers.ts'

/** Runs a line with a login shell, as sshd does, and returns what the reader keeps of its output. */
export function runAsLoginShell(
  shell: string,
  asked: string,
  frame = createFrame(),
  options: { HOME?: string; input?: string } = {},
) {
  const { input, ...more } = options
  const env = { PATH: process.env.PATH, LC_ALL: 'de_DE.UTF-8', HOME: temporaryFolder(), ...more }
  const done = spawnSync(shell, ['-c', asked], { env, ...(input === undefined ? {} : { input }) })
  const [stdout, stderr] = [frame.reader(), frame.reader('stderr')]
  return {
    code: done.status,
    stdout: stdout.take(done.stdout).toString(),
    stderr: stderr.take(done.stderr).toString(),
    before: [stdout.before, stderr.before],
  }
}
