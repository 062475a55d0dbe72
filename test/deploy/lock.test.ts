import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { holdArgv } from '../../lib/deploy/lock.ts'
import { temporaryFolder } from '../command/rig.ts'

/** What holds the lock on the VPS, started here with the shell and flock of this machine. */
async function hold(lock: string, silence: number) {
  const [program, ...rest] = holdArgv(lock, '{"by":"me"}', silence)
  const child = spawn(program!, rest, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit').then(() => Date.now())
  const [said] = await once(child.stdout, 'data')
  return { child, ended, said: String(said).trim() }
}

test('the lock is kept as long as a byte comes, and let go after a silence', async () => {
  const lock = path.join(temporaryFolder(), 'deploy.lock')
  const holder = await hold(lock, 1)
  expect(holder.said).toBe('held')
  for (let beats = 0; beats < 5; beats++) {
    await pause(400)
    holder.child.stdin.write('\n')
  }
  expect((await hold(lock, 1)).said).toBe('refused')
  const silentSince = Date.now()
  expect((await holder.ended) - silentSince).toBeGreaterThan(800)
  const next = await hold(lock, 1)
  expect(next.said).toBe('held')
  next.child.stdin.end()
  await next.ended
})

test('the lock ends with the connection, and at once with the process that unlock ends', async () => {
  const lock = path.join(temporaryFolder(), 'deploy.lock')
  const first = await hold(lock, 60)
  first.child.stdin.end()
  await first.ended
  const second = await hold(lock, 60)
  expect(second.said).toBe('held')
  second.child.kill('SIGTERM')
  await second.ended
  const third = await hold(lock, 60)
  expect(third.said).toBe('held')
  third.child.stdin.end()
  await third.ended
})
