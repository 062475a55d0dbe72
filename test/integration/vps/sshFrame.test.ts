import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createFrame } from '../../../lib/vps/ssh/frame.ts'
import { temporaryFolder } from '../../support/helpers.ts'
import { runAsLoginShell } from '../../support/loginShell.ts'

test('what a start file prints is cut off, with or without a line break at its end, and even with set -x', () => {
  for (const noise of ['echo hello', 'printf hello', 'echo hello; echo "stty: not a tty" >&2; set -xv']) {
    const file = path.join(temporaryFolder(), 'profile')
    writeFileSync(file, noise)
    const frame = createFrame()
    const done = runAsLoginShell('bash', `. ${file}\n${frame.wrap('echo out; echo err >&2')}`, frame)
    expect([done.stdout, done.stderr], noise).toEqual(['out\n', 'err\n'])
    expect(done.before[0]?.trim(), noise).toBe('hello')
  }
})

test('a start file that joins both outputs adds nothing to the result', () => {
  const file = path.join(temporaryFolder(), 'profile')
  writeFileSync(file, 'exec 2>&1')
  const frame = createFrame()
  const done = runAsLoginShell('bash', `. ${file}\n${frame.wrap('echo out')}`, frame)
  expect([done.stdout, done.stderr]).toEqual(['out\n', ''])
})

test('a marker in several chunks, bytes that are not text, and an endless greeting', () => {
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
