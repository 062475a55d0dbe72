import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { acquireRunLock } from '../../../lib/monitoring/singleInstance.ts'
import { getFailure, home, temporaryFolder } from '../../support/helpers.ts'

/** Another process that holds the guard until it is killed. */
async function getHolder(stateDir: string) {
  const module = JSON.stringify(path.join(home, 'lib', 'monitoring', 'singleInstance.ts'))
  const code = `import { acquireRunLock } from ${module}
    await acquireRunLock({ stateDir: ${JSON.stringify(stateDir)} }, 'quick')
    console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return {
    pid: child.pid,
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

test('a second run of a kind fails naming the first one and its start; a killed run holds no lock', async () => {
  const stateDir = path.join(temporaryFolder(), 'state')
  const holder = await getHolder(stateDir)
  const failure = await getFailure(acquireRunLock({ stateDir }, 'quick', 300))
  expect(failure).toMatchObject({ exitCode: 3 })
  expect(failure.what).toMatch(
    new RegExp(
      `^Another quick health check is already running \\(process ${holder.pid}, since 20\\d\\d-.*Z\\)$`,
    ),
  )
  // One of the other kind does not conflict with it.
  const full = await acquireRunLock({ stateDir }, 'full', 0)
  full.release()
  await holder.kill()
  const quick = await acquireRunLock({ stateDir }, 'quick', 0)
  expect(quick.trouble).toBeUndefined()
  quick.release()
  expect(readdirSync(stateDir).sort()).toEqual(['health-full.lock', 'health-quick.lock'])
})

test('a run waits for another one that is about to end', async () => {
  const stateDir = temporaryFolder()
  const first = await acquireRunLock({ stateDir }, 'quick')
  const second = acquireRunLock({ stateDir }, 'quick')
  setTimeout(first.release, 150)
  await expect(second).resolves.toBeDefined()
  ;(await second).release()
})

test('without a lock the check runs and reports why', async () => {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, 'state'), 'a file in the place of the folder')
  const { trouble } = await acquireRunLock({ stateDir: path.join(folder, 'state') }, 'quick', 0)
  expect(trouble).toMatch(/^a second run cannot be prevented: .*state/)
  mkdirSync(path.join(folder, 'other'))
  writeFileSync(path.join(folder, 'other', 'health-quick.lock'), 'not an SQLite file, but a rather long text')
  chmodSync(path.join(folder, 'other', 'health-quick.lock'), 0o600)
  expect((await acquireRunLock({ stateDir: path.join(folder, 'other') }, 'quick', 0)).trouble).toMatch(
    /not a database/,
  )
})
