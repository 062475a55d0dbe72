import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { formatCronLine } from '../../../lib/schedule/cron.ts'
import { listScheduledTasks } from '../../../lib/schedule/tasks.ts'
import { temporaryFolder } from '../../support/helpers.ts'
import { target } from '../../support/scheduleFixtures.ts'

// What cron does to a line: an escaped % becomes %, an unescaped one would end it; then /bin/sh gets it with an empty
// environment.
test('a line runs as cron’s /bin/sh runs it: in its folder, with its PATH and its arguments', () => {
  const folder = path.join(temporaryFolder(), "O'Brien's 100% $HOME & co")
  mkdirSync(folder)
  const program = path.join(folder, 'node 26')
  writeFileSync(program, '#!/bin/sh\npwd\necho "$PATH"\nfor word in "$@"; do echo "$word"; done\n')
  chmodSync(program, 0o755)
  const [health] = listScheduledTasks('staging', 5, { node: program, bin: `${folder}/dominion.js` })
  const line = formatCronLine(health!, { ...target, folder }).replace(/^(\S+ ){5}/, '')
  expect(line).not.toMatch(/[^\\]%/)
  const said = execFileSync('env', ['-i', '/bin/sh', '-c', line.replaceAll('\\%', '%')], { encoding: 'utf8' })
  const words = [`${folder}/dominion.js`, 'health', '--quiet', '--env', 'staging']
  expect(said.trimEnd().split('\n')).toEqual([folder, target.path, ...words])
})
