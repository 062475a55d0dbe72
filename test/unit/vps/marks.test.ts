import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Command } from '../../../lib/shell/command.ts'
import { knowing, type VpsContext } from '../../../lib/tasks/task.ts'
import { getSourceHash } from '../../../lib/vps/frontend/sources.ts'
import { switchTask } from '../../../lib/vps/frontend/switch.ts'
import type { Uploaded } from '../../../lib/vps/frontend/upload.ts'
import { loadTestConfig, openRunner, temporaryFolder, toSite } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

const id = '20261122T100000Z-aaaaaaaa'

/** What the switch says of a release with these sources that is marked as bad. */
async function describeSwitch(wasThere: boolean): Promise<string> {
  const dashboardDir = temporaryFolder()
  mkdirSync(path.join(dashboardDir, 'app'))
  writeFileSync(path.join(dashboardDir, 'package.json'), '{"scripts":{"build":"next build"}}')
  writeFileSync(path.join(dashboardDir, 'app', 'page.tsx'), 'export default () => null')
  const runner = openRunner()
  let source = ''
  const run = async ({ argv }: Command) => {
    const mark = JSON.stringify({ at: '', why: 'all white' })
    const facts = JSON.stringify({ source, builtAt: '2026-11-22T10:00:00Z' })
    const stdout = argv.includes('server-state')
      ? `server-state\t1\nrelease\t${id}\t\t${facts}\nend\tserver-state`
      : `frontend\t${id}\t${mark}\nend\n`
    return { code: 0, stdout, stderr: '', timedOut: false }
  }
  const config = { ...(await loadTestConfig()), dashboardDir }
  const context: VpsContext = { ...toSite(config), runner: { ...runner, run: run as typeof runner.run } }
  source = await getSourceHash(context)
  const upload = createTask<Uploaded>('frontend-upload')
  const difference = await switchTask(context, upload).inspect(knowing(upload, { live: '', wasThere }))
  return 'what' in difference ? difference.what : difference.state
}

test('pages marked as bad return with a warning; new ones cannot be marked', async () => {
  expect(await describeSwitch(true)).toBe(
    `release ${id}; it is marked as bad (all white), but is published again`,
  )
  expect(await describeSwitch(false)).toBe(`release ${id}`)
})
