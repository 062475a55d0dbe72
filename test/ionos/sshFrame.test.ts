import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { quoteLine } from '../../lib/command/quote.ts'
import { createFrame } from '../../lib/ionos/sshFrame.ts'
import { temporaryFolder } from '../command/rig.ts'

/** What zsh, fish and csh read as their own, beside what sh does. */
const words = [
  ...["it's", "\\'", '\\\\', 'a\\', '!history !!', '$HOME $(id) `id`', '*', '%~?[]{}<>|&;#', '"', ''],
  ...['two\nlines', 'tab\there', 'ü – 日本', '\\0101', '%s %d', '\u0001', '-n'],
]
const line = `${quoteLine(['printf', '%s\\0', ...words])}; printf '%s' "$LC_ALL" >&2; exit 7`

const installed = (shell: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${shell}`], { stdio: 'ignore' }).status === 0

/** Runs a line as sshd does, and gives what the reader leaves of it. */
function run(
  shell: string,
  asked: string,
  frame = createFrame(),
  options: { HOME?: string; input?: string } = {},
) {
  const { input, ...more } = options
  const env = { PATH: process.env.PATH, LC_ALL: 'de_DE.UTF-8', HOME: temporaryFolder(), ...more }
  const done = spawnSync(shell, ['-c', asked], { env, ...(input === undefined ? {} : { input }) })
  const [stdout, stderr] = [frame.reader(), frame.reader()]
  return {
    code: done.status,
    stdout: stdout.take(done.stdout).toString(),
    stderr: stderr.take(done.stderr).toString(),
    before: [stdout.before, stderr.before],
  }
}

for (const shell of ['sh', 'bash', 'dash', 'zsh', 'fish', 'tcsh', 'csh', 'ksh']) {
  test.skipIf(!installed(shell))(`${shell} as the login shell runs a line as it is written`, () => {
    const frame = createFrame()
    const done = run(shell, frame.direct(line), frame)
    expect(done.stdout.split('\0')).toEqual([...words, ''])
    expect([done.code, done.stderr, done.before[0]]).toEqual([7, 'C', ''])
    const whole = 'printf "%s|" "$LC_ALL"; cat'
    const waited = run(shell, frame.waiting, frame, { input: `${whole.length}\n${whole}in\nput` })
    expect(waited.stdout).toBe('C|in\nput')
  })
}

test('what a start file prints is cut off, with or without a line break at its end, and even with set -x', () => {
  for (const noise of ['echo hello', 'printf hello', 'echo hello; echo "stty: not a tty" >&2; set -xv']) {
    const file = path.join(temporaryFolder(), 'profile')
    writeFileSync(file, noise)
    const frame = createFrame()
    const done = run('bash', `. ${file}\n${frame.direct('echo out; echo err >&2')}`, frame)
    expect([done.stdout, done.stderr], noise).toEqual(['out\n', 'err\n'])
    expect(done.before[0]?.trim(), noise).toBe('hello')
  }
})

test('a marker that comes in pieces, bytes that are no text, and a greeting without end', () => {
  const marker = 'feedfacecafebeefdeadbeef'
  const reader = createFrame(marker).reader()
  const bytes = Buffer.from([0xff, 0xfe, 0, 0x80])
  const whole = Buffer.concat([Buffer.from('greeting feedface '), Buffer.from(marker), bytes])
  const taken = [...whole].map((byte) => reader.take(Buffer.from([byte])))
  expect(Buffer.concat(taken)).toEqual(bytes)
  expect([reader.before, reader.started]).toEqual(['greeting feedface ', true])
  const endless = createFrame(marker).reader()
  for (let count = 0; count < 100; count++) endless.take(Buffer.alloc(10_000, 'y'))
  expect([endless.before.length, endless.started]).toEqual([64 * 1024, false])
  expect(endless.take(Buffer.from(`${marker}out`)).toString()).toBe('out')
})
