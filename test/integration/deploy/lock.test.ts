import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { holdArgv, holderArgv } from '../../../lib/deploy/lock.ts'
import { temporaryFolder } from '../../support/helpers.ts'

/** The process that holds the lock on the VPS, started here with this machine's shell and flock. */
async function hold(
  lock: string,
  silence: number,
  env: NodeJS.ProcessEnv = process.env,
  oldLock = `${lock}.old`,
) {
  const [program, ...rest] = holdArgv(lock, '{"by":"me"}', silence, oldLock)
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

test('the folder of the lock is closed to other users', async () => {
  const folder = path.join(temporaryFolder(), 'run')
  mkdirSync(folder, { mode: 0o777 })
  chmodSync(folder, 0o777)
  const holder = await hold(path.join(folder, 'deploy.lock'), 60)
  expect(holder.said).toBe('held')
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  holder.child.stdin.end()
  await holder.ended
})

const isRoot = process.getuid?.() === 0

/** What the process of a release before 2026-11-26 does at the old place, started as another user if wanted. */
async function holdOldPlace(lock: string, uid?: number) {
  const script =
    '[ -e "$1" ] || : > "$1"; exec 9< "$1"; flock 9; printf {} > "$1.holder"; [ "$2" ] || set "$1" $$; echo "$2" > "$1.pid"; echo held; read end'
  const forged = uid === undefined ? [] : [String(process.pid)]
  const as = uid === undefined ? {} : { uid, gid: uid }
  const child = spawn('sh', ['-c', script, 'old', lock, ...forged], {
    ...as,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  expect(String((await once(child.stdout, 'data'))[0]).trim()).toBe('held')
  return {
    pid: child.pid,
    async release() {
      child.stdin.end()
      await ended
    },
  }
}

const readLock = (lock: string, oldLock: string) => {
  const [program, ...rest] = holderArgv(lock, oldLock)
  return execFileSync(program!, rest, { encoding: 'utf8' })
}

test('a deploy of an older release, which holds the lock at the old place, is respected', async () => {
  const folder = temporaryFolder()
  const lock = path.join(folder, 'run/deploy.lock')
  const oldLock = path.join(folder, 'old.lock')
  const old = await holdOldPlace(oldLock)
  expect(readLock(lock, oldLock)).toBe(`{}\n${old.pid}\n${oldLock}\n`)
  expect((await hold(lock, 60, process.env, oldLock)).said).toBe('refused')
  await old.release()
  expect(readLock(lock, oldLock)).toBe('')
  const holder = await hold(lock, 60, process.env, oldLock)
  expect(holder.said).toBe('held')
  expect(readLock(lock, oldLock)).toBe(`{"by":"me"}\n${holder.child.pid}\n${lock}\n`)
  holder.child.stdin.end()
  await holder.ended
})

test.runIf(isRoot)('another user neither blocks a deploy nor chooses what unlock ends', async () => {
  const folder = temporaryFolder()
  chmodSync(folder, 0o1777)
  const lock = path.join(folder, 'run/deploy.lock')
  const nobody = 65534
  for (const already of ['nothing', 'a file of root'] as const) {
    const oldLock = path.join(folder, already)
    // A release before 2026-11-26 left its file readable by everyone: enough to lock it.
    if (already !== 'nothing') writeFileSync(oldLock, '', { mode: 0o644 })
    const attacker = await holdOldPlace(oldLock, nobody)
    expect(readLock(lock, oldLock), already).toBe('')
    const holder = await hold(lock, 60, process.env, oldLock)
    expect(holder.said, already).toBe('held')
    holder.child.stdin.end()
    await holder.ended
    await attacker.release()
  }
})
