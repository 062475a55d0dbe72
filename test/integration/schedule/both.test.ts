import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import type { Run } from '../../../lib/cli/defineScript.ts'
import { type ScheduleFlags, schedule } from '../../../lib/schedule/schedule.ts'
import { renderUnits, systemdTasks } from '../../../lib/schedule/systemd.ts'
import { executeTasks } from '../../../lib/tasks/engine.ts'
import { loadTestConfig, openRunner, temporaryFolder } from '../../support/helpers.ts'
import { target, tasks } from '../../support/scheduleFixtures.ts'

const none = new AbortController().signal

/*
 * A test that reaches its time limit is not stopped: it continues after its folder is removed. What it does then must find
 * neither this machine's crontab nor root's units, so nothing below is undone, and PATH has no other folder.
 */
vi.spyOn(process, 'getuid').mockReturnValue(1000)

/** A crontab that is a file, and a systemd that accepts everything: the only programs that the runner finds. */
function programs(folder: string) {
  const spool = path.join(folder, 'spool')
  const log = path.join(folder, 'asked')
  const write = (name: string, ...lines: string[]) =>
    writeFileSync(path.join(folder, name), ['#!/bin/sh', 'PATH=/usr/bin:/bin', ...lines, ''].join('\n'), {
      mode: 0o755,
    })
  write(
    'crontab',
    `case "$1" in`,
    `-l) cat '${spool}' 2>/dev/null || { echo 'no crontab for you' >&2; exit 1; } ;;`,
    `-r) rm '${spool}' ;;`,
    `-) cat > '${spool}' ;;`,
    'esac',
  )
  write('systemctl', `echo "$*" >> '${log}'`, 'case "$*" in *is-system-running) echo running ;; esac')
  return {
    runner: openRunner({ env: { ...process.env, PATH: folder } }),
    crontab: () => (existsSync(spool) ? readFileSync(spool, 'utf8') : ''),
    asked: () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []),
  }
}

test('--remove removes our entries from both schedulers, and --install warns that the other one has them, too', async () => {
  const folder = temporaryFolder()
  vi.stubEnv('XDG_CONFIG_HOME', folder)
  const { runner, crontab } = programs(folder)
  const units = () => {
    const there = path.join(folder, 'systemd', 'user')
    return existsSync(there) ? readdirSync(there).length : 0
  }
  const context = { config: await loadTestConfig(), runner }
  const run = async (flags: Partial<ScheduleFlags>) => {
    const [said, results]: [string[], object[]] = [[], []]
    await schedule(
      {
        ...{ flags: { every: '5m', ...flags } as ScheduleFlags, stopping: none, signal: none },
        log: (line: string) => said.push(line),
        result: (_: string, data: object) => results.push(data),
      } as unknown as Run<ScheduleFlags>,
      context,
    )
    return { said: said.join('\n'), result: results[0] }
  }
  const first = await run({ install: true, as: 'cron' })
  expect(first.said).not.toContain('also has')
  const second = await run({ install: true, as: 'systemd' })
  expect(second.said).toContain(
    '! cron also has entries of this tool, so each task runs twice. Remove them with: ',
  )
  expect(second.said).toContain('npx dominion schedule --remove --as cron')
  expect([crontab().includes('health --quiet'), units()]).toEqual([true, 6])
  // A scheduler that is named is the only one used.
  await run({ remove: true, as: 'cron' })
  expect([crontab(), units()]).toEqual(['', 6])
  await run({ install: true, as: 'cron' })
  const { result } = await run({ remove: true })
  expect(result).toMatchObject({ ok: true, changed: true })
  expect([crontab(), units()]).toEqual(['', 0])
  expect((await run({ remove: true })).result).toMatchObject({ changed: false })
})

test('a killed install is removed even if there is no timer to disable', async () => {
  const folder = temporaryFolder()
  const { runner, asked } = programs(folder)
  const units = path.join(folder, 'units')
  mkdirSync(units)
  const [service] = renderUnits(tasks()[0]!, target, 'user')
  writeFileSync(path.join(units, service!.name), service!.text)
  const steps = systemdTasks({ runner } as never, target, tasks(), false, 'user', units)
  const [outcome] = await executeTasks(steps, { mode: 'apply', runner, stopping: none, signal: none })
  expect([outcome!.state, readdirSync(units)]).toEqual(['change', []])
  expect(asked()).toEqual(['--user is-system-running', '--user daemon-reload'])
})
