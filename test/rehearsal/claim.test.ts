import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { expect, test } from 'vitest'
import { claimRehearsal, type Owner, readOwner } from '../../rehearsal/claim.ts'
import { home, temporaryFolder } from '../command/rig.ts'

/* Abstract sockets are Linux's own, as the rehearsal is. */
const owner = (id: string): Owner => ({
  ...{ id, pid: process.pid, startedBy: process.ppid, doing: 'running', keep: false },
  ...{ from: home, since: '2026-11-25T12:00:00Z', environment: '/x/.env.x' },
})

test.skipIf(process.platform !== 'linux')(
  'of many who claim at the same moment one gets it; the others see who',
  async () => {
    const folder = temporaryFolder()
    const claims = await Promise.all(['a', 'b', 'c', 'd'].map((id) => claimRehearsal(folder, owner(id))))
    expect(claims.filter(Boolean)).toHaveLength(1)
    const winner = 'abcd'[claims.findIndex(Boolean)]!
    expect(await readOwner(folder)).toEqual(owner(winner))
    claims.find(Boolean)!()
    expect(await readOwner(folder)).toBeUndefined()
  },
)

test.skipIf(process.platform !== 'linux')('a claim ends with its process, however that ends', async () => {
  const folder = temporaryFolder()
  const text = `import { claimRehearsal } from ${JSON.stringify(path.join(home, 'rehearsal', 'claim.ts'))}
    await claimRehearsal(${JSON.stringify(folder)}, ${JSON.stringify(owner('child'))})
    process.stdout.write('claimed')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', text])
  await once(child.stdout, 'data')
  expect(await readOwner(folder)).toEqual(owner('child'))
  expect(await claimRehearsal(folder, owner('me'))).toBeUndefined()
  child.kill('SIGKILL')
  await once(child, 'exit')
  const release = await claimRehearsal(folder, owner('me'))
  expect(release).toBeDefined()
  release!()
})
