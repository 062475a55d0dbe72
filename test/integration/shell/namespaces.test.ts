import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../support/helpers.ts'
import { runInNamespaces } from '../../support/namespaces.ts'

test('a machine that refuses namespaces: names the missing right, no matter what the program wanted to read', async () => {
  const folder = temporaryFolder()
  const refuse = `#!/bin/sh\nexec <&-\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n`
  writeFileSync(path.join(folder, 'unshare'), refuse, { mode: 0o755 })
  const { PATH } = process.env
  process.env.PATH = `${folder}:${PATH}`
  try {
    await expect(
      runInNamespaces(['--mount', '--net'], ['cat'], { input: 'x'.repeat(1_000_000) }),
    ).rejects.toThrow(
      'This test needs the right to make namespaces (unshare --mount --net), and this machine refuses it: unshare: unshare failed: Operation not permitted. Run it as root',
    )
  } finally {
    process.env.PATH = PATH
  }
})
