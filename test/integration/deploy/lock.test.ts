import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { holdArgv } from '../../../lib/deploy/lock.ts'
import { temporaryFolder } from '../../support/helpers.ts'

/** The process that holds the lock on the VPS, started here with this machine's shell and flock. */
async function hold(lock: string, silence: number, env: NodeJS.ProcessEnv = process.env) {
  const [program, ...rest] = holdArgv(lock, '{"by":"me"}', silence)
  const child = spawn(program!, rest, { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit').then(() => Date.now())
  const [said] = await once(child.stdout, 'data')
  return { child, ended, said: String(said).trim() }
}

test('the lock is held as long as bytes arrive and released after a silence', async () => {
  const lock = path.join(temporaryFolder(), 'deploy.lock')
  const holder = await hold(lock, 4)
  expect(holder.said).toBe('held')
  let heard = 0
  for (let beats = 0; beats < 10; beats++) {
    await pause(500)
    heard = Date.now()
    holder.child.stdin.write('\n')
  }
  expect((await hold(lock, 4)).said).toBe('refused')
  expect((await holder.ended) - heard).toBeGreaterThan(3500)
  const next = await hold(lock, 4)
  expect(next.said).toBe('held')
  next.child.stdin.end()
  await next.ended
})

test('reading the holder does not prevent anyone from taking the lock', async () => {
  const lock = path.join(temporaryFolder(), 'deploy.lock')
  const looking = spawn('flock', [lock, 'sleep', '0.15'], { stdio: 'ignore' })
  await once(looking, 'spawn')
  await pause(50)
  const holder = await hold(lock, 60)
  expect(holder.said).toBe('held')
  holder.child.stdin.end()
  await holder.ended
})

test('a failing flock is not mistaken for a held lock', async () => {
  const folder = temporaryFolder()
  writeFileSync(
    path.join(folder, 'flock'),
    '#!/bin/sh\necho "flock: invalid timeout value: 0.2" >&2; exit 64\n',
    {
      mode: 0o755,
    },
  )
  const env = { PATH: `${folder}:${process.env.PATH}` }
  const holder = await hold(path.join(folder, 'deploy.lock'), 60, env)
  expect(holder.said).toBe('flock: invalid timeout value: 0.2')
  await holder.ended
  expect(holder.child.exitCode).toBe(3)
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
