import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { getRevision } from '../../../lib/shell/git.ts'
import { openRunner, temporaryFolder } from '../../support/helpers.ts'

test('the git revision, and whether files differ from it', async () => {
  const [runner, folder] = [openRunner(), temporaryFolder()]
  writeFileSync(path.join(folder, 'page'), 'one')
  expect(await getRevision(runner, folder)).toBe('')
  const git = (...argv: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t', ...argv], {
      cwd: folder,
      stdio: 'pipe',
    })
      .toString()
      .trim()
  git('init', '-q')
  expect(await getRevision(runner, folder), 'a checkout without a commit').toBe('')
  git('add', 'page')
  git('commit', '-q', '-m', 'one')
  git('tag', 'v1')
  const revision = git('rev-parse', '--short=12', 'HEAD')
  expect(await getRevision(runner, folder)).toBe(revision)
  writeFileSync(path.join(folder, 'page'), 'two')
  expect(await getRevision(runner, folder)).toBe(`${revision}+`)
  const bare = openRunner({ env: { PATH: temporaryFolder() } })
  expect(await getRevision(bare, folder), 'no git on this machine').toBe('')
})
