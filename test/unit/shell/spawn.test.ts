import { spawn } from 'node:child_process'
import { expect, test } from 'vitest'
import { startProcess } from '../../../lib/shell/spawn.ts'
import { collect } from '../../../rehearsal/processes.ts'
import { getFailure } from '../../support/helpers.ts'

const run = (script: string, stdin = '') =>
  startProcess([process.execPath, '-e', script], {
    stdin,
    env: process.env,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
  })

test.each(['stdout', 'stderr'])(
  'a program that prints to %s without end is ended, not cut short',
  async (to) => {
    const endless = `const more = () => process.${to}.write('x'.repeat(1e6), more); process.on('SIGTERM', () => {}); more()`
    expect(await getFailure(run(endless))).toMatchObject({
      what: `${process.execPath} printed more than 64 MB, so it was ended`,
      exitCode: 3,
    })
  },
)

// Without a listener, EPIPE on the stdin would be an uncaught exception and end this process.
test('a program that ends without reading its stdin is judged by its exit code', async () => {
  expect((await run('process.exit(3)', 'x'.repeat(20e6))).code).toBe(3)
  const { code } = await collect(spawn(process.execPath, ['-e', 'process.exit(3)']), Buffer.alloc(20e6))
  expect(code).toBe(3)
})

test('a long output below the limit arrives whole', async () => {
  const { code, stdout } = await run("process.stdout.write('x'.repeat(20e6))")
  expect([code, stdout.length]).toEqual([0, 20e6])
})
