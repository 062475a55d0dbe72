import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { expect, test } from 'vitest'
import { home } from '../support/helpers.ts'

test.each([
  [
    'sh',
    [...globSync('{lib,rehearsal}/**/*.sh', { cwd: home }), 'rehearsal/azure/builder/apt-get', 'bin/node'],
  ],
  ['bash', ['.ci/run']],
])('shellcheck reports nothing for files of %s', (shell, files) => {
  const argv = ['--shell', shell, '--severity', 'warning', ...files]
  const { status, stdout, stderr } = spawnSync('shellcheck', argv, { cwd: home, encoding: 'utf8' })
  expect(status, stdout + stderr).toBe(0)
})
