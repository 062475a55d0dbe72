import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { type DebianRoot, prepareRoot } from '../../rehearsal/debianRoot.ts'
import { startMachine } from '../../rehearsal/machine.ts'
import { startNetwork } from '../../rehearsal/network.ts'
import { imageRoot } from '../../rehearsal/roots.ts'

const home = path.join(import.meta.dirname, '..', '..')
const NAME = 'backend-tests'

/** The packages of an image, and what the backend's tests start in addition. */
const ROOT: DebianRoot = {
  ...imageRoot,
  purpose: 'the tests of the backend',
  packages: [...imageRoot.packages, 'openssl', 'postgresql', 'redis-server'],
}

/**
 * Runs the tests of the example backend where its image runs: in a machine with the Python and packages of Debian 12,
 * whatever this host has.
 */
async function runBackendTests(root: string): Promise<{ code: number; output: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), `dominion-${NAME}-`))
  const network = await startNetwork({ name: NAME })
  try {
    const machine = await startMachine({ name: NAME, folder, network, resolver: network.host, root })
    try {
      // The tests find the migrations by a path relative to the repository.
      for (const each of ['infra/migrations', 'examples/codex-dominion/backend'])
        cpSync(path.join(home, each), path.join(machine.root, 'srv', each), { recursive: true })
      const argv = ['python3', '-m', 'unittest', 'discover', '-t', '.', '-s', 'tests']
      const child = machine.spawn(argv, {
        cwd: '/srv/examples/codex-dominion/backend',
        env: { LANG: 'C.UTF-8', HOME: '/root' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr])
        stream?.on('data', (chunk: Buffer) => {
          output += chunk
        })
      const code = await new Promise<number>((resolve, reject) =>
        child.once('error', reject).once('close', (ended) => resolve(ended ?? -1)),
      )
      return { code, output }
    } finally {
      await machine.stop()
    }
  } finally {
    await network.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

test('the tests of the example backend', async () => {
  const { code, output } = await runBackendTests(await prepareRoot(ROOT, () => {}))
  expect(code, output).toBe(0)
  // A skipped test is as bad as a failed one: unittest then prints more than OK.
  expect(output).toMatch(/^Ran [1-9]\d* tests? in .*\n\nOK$/m)
})
