import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
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

test('a claim ends with its process, however that ends', async () => {
  const name = path.basename(temporaryFolder())
  const text = `import { claimRehearsal } from ${JSON.stringify(path.join(home, 'rehearsal', 'claim.ts'))}
    await claimRehearsal(${JSON.stringify(name)}, ${JSON.stringify(owner('child'))})
    process.stdout.write('claimed')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', text])
  await once(child.stdout, 'data')
  expect(await readOwner(name)).toEqual(owner('child'))
  expect(await claimRehearsal(name, owner('me'))).toBeUndefined()
  child.kill('SIGKILL')
  await once(child, 'exit')
  const release = await claimRehearsal(name, owner('me'))
  expect(release).toBeDefined()
  release!()
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
