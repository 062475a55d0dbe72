import { existsSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { home } from '../../support/helpers.ts'
import { start } from '../../support/runScript.ts'

const isRoot = process.getuid?.() === 0
const asRoot = '✖ This benchmark needs root\n→ sudo '

/** Runs `assertMachine` in a separate process, because it may end it, then prints `ready`. */
const need = (argument: string) => {
  const module = pathToFileURL(path.join(home, 'bench', 'needs.ts')).href
  const program = `const { assertMachine } = await import(${JSON.stringify(module)}); await assertMachine(${argument}); console.log('ready')`
  return start(['--input-type=module', '-e', program]).ended
}

test('without a running rehearsal, prints the command that starts it and no stack trace', async () => {
  const { code, stdout, stderr } = await start([path.join(home, 'bench', 'health.ts'), 'nobody']).ended
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toBe(
    isRoot
      ? '✖ This benchmark needs a rehearsal "nobody" that was kept\n→ npm run rehearse -- --name nobody --keep\n'
      : expect.stringContaining(asRoot),
  )
})

test('for a missing Debian package, prints its name and the command that installs it', async () => {
  const { code, stdout, stderr } = await need("{ packages: ['no-such-package-a', 'no-such-package-b'] }")
  expect([code, stdout]).toEqual([2, ''])
  if (!isRoot) expect(stderr).toContain(asRoot)
  else if (!existsSync('/usr/bin/dpkg-query')) expect(stderr).toContain('needs Debian or Ubuntu')
  else
    expect(stderr).toBe(
      '✖ This benchmark needs Debian packages that are missing: no-such-package-a, no-such-package-b\n→ apt-get install --no-install-recommends no-such-package-a no-such-package-b\n',
    )
})

test('accepts a machine that has everything', async () => {
  const { code, stdout, stderr } = await need('{}')
  expect([code, stdout]).toEqual(isRoot ? [0, 'ready\n'] : [2, ''])
  expect(stderr).toBe(isRoot ? '' : expect.stringContaining(asRoot))
})
