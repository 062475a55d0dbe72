import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { claimRehearsal, type Owner, readOwner } from '../../../rehearsal/claim.ts'
import { assertStartable } from '../../../rehearsal/rehearsal.ts'
import { getFailure, home, temporaryFolder } from '../../support/helpers.ts'

afterEach(() => vi.unstubAllEnvs())

/* Abstract sockets exist only on Linux, as does the rehearsal: vitest.config.ts excludes this file elsewhere. */
const owner = (id: string): Owner => ({
  ...{ id, pid: process.pid, startedBy: process.ppid, doing: 'running', keep: false },
  ...{ from: home, since: '2026-11-25T12:00:00Z', environment: '/x/.env.x' },
})

test('of many simultaneous claims one succeeds; the others see its owner', async () => {
  const name = path.basename(temporaryFolder())
  const claims = await Promise.all(['a', 'b', 'c', 'd'].map((id) => claimRehearsal(name, owner(id))))
  expect(claims.filter(Boolean)).toHaveLength(1)
  const winner = 'abcd'[claims.findIndex(Boolean)]!
  expect(await readOwner(name)).toEqual(owner(winner))
  claims.find(Boolean)!()
  expect(await readOwner(name)).toBeUndefined()
})

/** Claims the name from another process, once that has done it. */
async function claimElsewhere(name: string) {
  const text = `import { claimRehearsal } from ${JSON.stringify(path.join(home, 'rehearsal', 'claim.ts'))}
    await claimRehearsal(${JSON.stringify(name)}, ${JSON.stringify(owner('child'))})
    process.stdout.write('claimed')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', text])
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

test('a claim ends with its process, however that ends', async () => {
  const name = path.basename(temporaryFolder())
  const child = await claimElsewhere(name)
  expect(await readOwner(name)).toEqual(owner('child'))
  expect(await claimRehearsal(name, owner('me'))).toBeUndefined()
  child.kill('SIGKILL')
  await once(child, 'exit')
  const release = await claimRehearsal(name, owner('me'))
  expect(release).toBeDefined()
  release!()
})

test('an owner that never answers is named, with the line that finds it', async () => {
  const name = path.basename(temporaryFolder())
  const child = await claimElsewhere(name)
  child.kill('SIGSTOP')
  const { exitCode, what, next = '' } = await getFailure(assertStartable(name))
  expect([exitCode, what]).toEqual([2, expect.stringContaining(`the rehearsal "${name}" does not answer`)])
  expect(next).toContain('--name ANOTHER')
  const socket = /grep (codex-dominion-[0-9a-f]{32})/.exec(next)![1]!
  expect(execFileSync('ss', ['-xl'], { encoding: 'utf8' })).toContain(`@${socket}`)
})

test('a claim holds whatever TMPDIR is, as the network does', async () => {
  const name = path.basename(temporaryFolder())
  const release = await claimRehearsal(name, owner('kept'))
  vi.stubEnv('TMPDIR', temporaryFolder())
  expect(await getFailure(assertStartable(name))).toMatchObject({
    exitCode: 2,
    what: expect.stringContaining(`A rehearsal "${name}" is running`),
  })
  release!()
  await expect(assertStartable(name)).resolves.toBeUndefined()
})
