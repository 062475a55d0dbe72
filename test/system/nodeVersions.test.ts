import { spawn } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { collect } from '../../rehearsal/processes.ts'
import { createWorkFolder } from '../support/system/applications.ts'
import { getLowestReleases, getNewestRelease, installNode } from '../support/system/nodeReleases.ts'
import { ordinaryEnvironment } from '../support/system/rehearsal.ts'

/*
 * What `engines` in package.json promises, on the lowest and the newest release of each line: every module loads, every
 * script prints its help, and scripts run by cron write nothing to stderr; on the lowest of all, the unit tests pass.
 */

const home = path.join(import.meta.dirname, '..', '..')
const launcher = path.join(home, 'bin', 'dominion.js')
const lowest = getLowestReleases()
const lines = lowest.map((release) => release.split('.')[0]!)
const work = createWorkFolder('dominion-nodes')
const folder = work.folder
const server = createServer((_, outgoing) => outgoing.end('well'))
const nodes = new Map<string, string>()

beforeAll(async () => {
  for (const release of [...lowest, ...(await Promise.all(lines.map((line) => getNewestRelease(line))))])
    nodes.set(release, await installNode(release))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  writeFileSync(path.join(folder, '.env'), 'IONOS_HOST=127.0.0.1\n', { mode: 0o600 })
  writeFileSync(path.join(folder, 'targets'), `shop http://127.0.0.1:${port}/ 8000,9000\n`)
  return () => {
    server.close()
    work.remove()
  }
})

const run = (release: string, argv: string[], cwd = folder) =>
  collect(
    spawn(nodes.get(release) ?? release, argv, {
      cwd,
      env: ordinaryEnvironment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    }),
  )

const scripts = readdirSync(path.join(home, 'scripts'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => path.basename(file).replace(/(\.mjs)?\.ts$/, ''))

describe.each([['lowest'], ['newest']])('the %s release of each line', (which) => {
  const chosen = () =>
    [...nodes.keys()].filter((release) => lowest.includes(release) === (which === 'lowest'))

  test('there is one for each', async () => {
    const found = chosen().map((release) => release.split('.')[0])
    expect(found).toEqual(lines)
    for (const release of chosen()) expect((await run(release, ['--version'])).stdout).toBe(`v${release}\n`)
  })

  test('loads every module', async () => {
    const program = `import { globSync } from 'node:fs'
for (const file of globSync('{lib,rehearsal}/**/*.ts')) if (file !== 'rehearsal/clouds.ts') await import('./' + file)`
    for (const release of chosen()) {
      const { code, stderr } = await run(release, ['--input-type=module', '-e', program], home)
      expect([release, code, stderr]).toEqual([release, 0, ''])
    }
  })

  test('every script prints its help, and nothing else', async () => {
    const printHelp = async (release: string) => {
      expect(await run(release, [launcher])).toMatchObject({ code: 0, stderr: '' })
      for (const name of scripts) {
        const { code, stdout, stderr } = await run(release, [launcher, name, '--help'])
        expect([release, name, code, stderr]).toEqual([release, name, 0, ''])
        expect(stdout).toContain(`Usage: dominion ${name}`)
      }
    }
    await Promise.all(chosen().map(printHelp))
  })

  test('scripts run by cron write nothing to stderr', async () => {
    for (const release of chosen()) {
      for (const line of [
        ['health', '--quick', '--quiet', '--targets', 'targets', '--only', 'shop'],
        ['slo'],
        ['status-page', '--quiet', '--out', 'page'],
        ['schedule'],
      ]) {
        const { code, stderr } = await run(release, [launcher, ...line])
        expect([release, line[0], code, stderr]).toEqual([release, line[0], 0, ''])
      }
    }
  })
})

test('unit tests pass on the lowest release', async () => {
  const vitest = path.join(home, 'node_modules', 'vitest', 'vitest.mjs')
  const { code, stdout, stderr } = await run(lowest[0]!, [vitest, 'run', '--project=unit'], home)
  expect(code, `${stdout.slice(-20_000)}\n${stderr.slice(-5000)}`).toBe(0)
})
