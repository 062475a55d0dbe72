import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { getUnitName } from '../../lib/schedule/systemd.ts'
import type { Finished } from '../../rehearsal/processes.ts'
import { runInNamespaces } from '../support/namespaces.ts'
import { target as anywhere } from '../support/scheduleFixtures.ts'
import { createWorkFolder } from '../support/system/applications.ts'

/*
 * What `schedule` writes, accepted by the real crontab and by a real systemd: in separate namespaces, so that neither
 * this machine's crontab nor its systemd nor any network is touched.
 */

const home = path.join(import.meta.dirname, '..', '..')
const work = createWorkFolder('dominion-schedule')
/** A name with every character that is special to cron, a shell or systemd. */
const folder = path.join(work.folder, "O'Brien's 100% $HOME é")
const spool = path.join(work.folder, 'spool')
const others = '# mine\nMAILTO=anna\n\n1 1 * * * echo 5\\%  \n'

beforeAll(async () => {
  mkdirSync(folder)
  writeFileSync(
    path.join(folder, '.env'),
    [
      ...['IONOS_HOST=127.0.0.1', 'IONOS_PORT=9', 'DNS_SERVER=127.0.0.1', 'AZURE_CONFIG_DIR=azure'],
      'HEALTH_NEUTRAL_TARGETS=127.0.0.1:9,127.0.0.1:10',
    ].join('\n'),
  )
  return () => work.remove()
})

/** Runs a program with the crontabs in a folder of this test and no network but loopback. */
function inside(
  argv: readonly string[],
  { input = '', PATH = process.env.PATH ?? '' } = {},
): Promise<Finished> {
  mkdirSync(spool, { recursive: true })
  const prepare = 'mount --bind "$1" /var/spool/cron/crontabs && ip link set lo up && shift && exec "$@"'
  const line = ['sh', '-c', prepare, 'sh', spool, 'env', `PATH=${PATH}`, ...argv]
  return runInNamespaces(['--mount', '--net'], line, { cwd: folder, input })
}

const schedule = (flags: readonly string[], options: { PATH?: string } = {}) =>
  inside(
    [process.execPath, path.join(home, 'bin', 'dominion.js'), 'schedule', '--as', 'cron', ...flags],
    options,
  )
const crontab = async () => (await inside(['crontab', '-l'])).stdout
const kept = () => readdirSync(path.join(folder, '.dominion', 'default', 'crontabs')).sort()

test('installed into the real crontab, changed and removed: every other byte stays the same', async () => {
  await inside(['crontab', '-'], { input: others })
  expect(JSON.parse((await schedule(['--json'])).stdout)).toMatchObject({ ok: true, installed: 'no' })
  const plan = await schedule(['--install', '--dry-run', '--detailed-exitcode'])
  expect([plan.code, plan.stdout]).toEqual([2, expect.stringContaining('1 to create')])
  expect(await crontab()).toBe(others)

  const installed = await schedule(['--install', '--json'])
  expect(JSON.parse(installed.stdout), installed.stderr).toMatchObject({ ok: true, changed: true })
  const first = await crontab()
  expect(first.startsWith(`${others}# BEGIN codex-dominion-ops: default in ${folder}\n`)).toBe(true)
  expect(first.split('\n').filter((line) => line.includes(' --quiet'))).toHaveLength(3)
  expect(
    kept().map((name) => readFileSync(path.join(folder, '.dominion/default/crontabs', name), 'utf8')),
  ).toEqual([others])

  expect(JSON.parse((await schedule(['--install', '--json'])).stdout)).toMatchObject({ changed: false })
  expect(JSON.parse((await schedule(['--json'])).stdout)).toMatchObject({ installed: 'yes' })
  expect([await crontab(), kept().length]).toEqual([first, 1])

  await schedule(['--install', '--every', '1m'])
  expect(await crontab()).toBe(first.replace('\n*/5 * * * * ', '\n* * * * * '))
  expect(JSON.parse((await schedule(['--json'])).stdout)).toMatchObject({ installed: 'otherwise' })

  const removed = await schedule(['--remove'])
  expect([removed.code, await crontab()], removed.stderr).toEqual([0, others])
  expect(JSON.parse((await schedule(['--remove', '--json'])).stdout)).toMatchObject({ changed: false })
})

test('if there was no crontab before, there is none afterwards', async () => {
  await inside(['crontab', '-r'])
  expect((await schedule(['--install'])).code).toBe(0)
  expect((await schedule(['--remove'])).code).toBe(0)
  const asked = await inside(['crontab', '-l'])
  expect([asked.code, asked.stderr]).toEqual([1, expect.stringContaining('no crontab for root')])
})

test('no crontab program, or half a block: what is wrong, what to do, and nothing touched', async () => {
  const none = await schedule(['--install'], { PATH: work.folder })
  expect([none.code, none.stderr]).toEqual([
    1,
    expect.stringContaining('This machine has no crontab program'),
  ])
  expect(none.stderr).toContain('apt-get install cron')
  const broken = `${others}# BEGIN codex-dominion-ops: default in ${folder}\n`
  await inside(['crontab', '-'], { input: broken })
  const half = await schedule(['--install'])
  expect([half.code, half.stderr]).toEqual([1, expect.stringContaining('not as one block (lines 5)')])
  expect(await crontab()).toBe(broken)
})

test('the printed line runs in the empty environment of cron, and schedule reports it', async () => {
  const { text, lastRuns } = JSON.parse((await schedule(['--json'])).stdout.trim() || '{}')
  expect(lastRuns[0]).toMatchObject({ task: 'health', at: null, words: 'never' })
  const line = (text as string).split('\n').find((each) => each.includes(' health '))!
  const command = line.replace(/^(\S+ ){5}/, '').replaceAll('\\%', '%')
  const { code, stderr } = await inside(['env', '-i', '/bin/sh', '-c', command])
  // No network at all: UNKNOWN, reported by the health check itself.
  expect(code, stderr).toBe(3)
  const after = JSON.parse((await schedule(['--json'])).stdout)
  expect(after.lastRuns[0]).toMatchObject({ task: 'health', exitCode: 3 })
  expect(after.lastRuns[0].words).toContain('network is down')
})

/** The systemd part against a user manager that runs as root: the scope is passed explicitly, not guessed. */
const driver = `
import { createRedactor } from ${JSON.stringify(path.join(home, 'lib/shell/redactor.ts'))}
import { createRunner } from ${JSON.stringify(path.join(home, 'lib/shell/runner.ts'))}
import { systemdTasks } from ${JSON.stringify(path.join(home, 'lib/schedule/systemd.ts'))}
import { listScheduledTasks } from ${JSON.stringify(path.join(home, 'lib/schedule/tasks.ts'))}
import { executeTasks } from ${JSON.stringify(path.join(home, 'lib/tasks/engine.ts'))}
const [wanted, every, folder, units] = process.argv.slice(2)
const secrets = createRedactor()
const none = new AbortController().signal
const runner = createRunner({
  secrets, transcript: { file: '', write() {} }, reach: { resolve: async () => [], authorities: [] }, env: process.env,
  mayChange: true, signal: none, openHost: async () => { throw new Error() }, openDatabase: async () => { throw new Error() },
})
const place = { folder, environment: 'staging', path: '/opt/az 2/bin:/usr/bin:/bin', user: 'root' }
const tasks = listScheduledTasks('staging', Number(every), { node: folder.replaceAll("'", '').replace('$HOME', 'x') + '/node', bin: folder + '/dominion.js' })
const steps = systemdTasks({ runner }, place, tasks, wanted === 'in', 'user', units)
const [outcome] = await executeTasks(steps, { mode: 'apply', runner, stopping: none })
console.log(outcome.state + (outcome.error ? ' ' + outcome.error.message : ''))
`

/**
 * Runs $SCRIPT in namespaces and in a temporary control group, which is the root there and removed afterwards: what
 * systemd changes in control groups is invisible outside.
 */
const withOwnCgroup = `
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  cgroups='-t cgroup2 cgroup2'; mine=$(sed -n 's/^0:://p' /proc/self/cgroup)
  own="mount $cgroups /sys/fs/cgroup"
else
  cgroups='-t cgroup -o none,name=systemd cgroup'; mine=$(sed -n 's/^.*:name=systemd://p' /proc/self/cgroup)
  own="mount -t tmpfs tmpfs /sys/fs/cgroup && mkdir /sys/fs/cgroup/systemd && mount $cgroups /sys/fs/cgroup/systemd"
fi
all="$WORK/cgroups"
mkdir "$all" && mount $cgroups "$all" && mkdir "$all/$NAME" && echo $$ > "$all/$NAME/cgroup.procs" || exit 1
export OWN_CGROUPS="$own"
unshare --cgroup --mount --net --pid --fork --mount-proc --kill-child -- sh -c "$SCRIPT"
echo $$ > "$all$mine/cgroup.procs"
find "$all/$NAME" -depth -type d -exec rmdir {} +
umount "$all"
`

test('a real systemd accepts the timers, runs a service with its folder, PATH and arguments, and removes them', async () => {
  const plain = folder.replaceAll("'", '').replace('$HOME', 'x')
  mkdirSync(plain)
  const seen = path.join(work.folder, 'seen')
  const program = `#!/bin/sh\n{ pwd; echo "$PATH"; for word in "$@"; do echo "$word"; done; } > '${seen}'\n`
  writeFileSync(path.join(plain, 'node'), program, { mode: 0o755 })
  writeFileSync(path.join(work.folder, 'driver.ts'), driver)
  const [health, backup] = (['health', 'backup-database'] as const).map((id) =>
    getUnitName({ id }, { ...anywhere, folder, environment: 'staging' }),
  )
  const steps = (wanted: string, every: number) =>
    `"$NODE" "$WORK/driver.ts" ${wanted} ${every} "$FOLDER" "$WORK/config/systemd/user"`
  const script = `
mount -t tmpfs tmpfs /run
eval "$OWN_CGROUPS"
mkdir -p /run/user/0 /run/systemd/system
export XDG_RUNTIME_DIR=/run/user/0 XDG_CONFIG_HOME="$WORK/config"
/lib/systemd/systemd --user > "$WORK/systemd.log" 2>&1 &
until systemctl --user is-system-running > /dev/null 2>&1 || [ "$((tries += 1))" -gt 100 ]; do sleep 0.1; done
say() { echo "== $1"; }
say first; ${steps('in', 5)}
say second; ${steps('in', 5)}
say changed; ${steps('in', 1)}
say timers; systemctl --user is-active ${health}.timer ${backup}.timer
say times; systemctl --user show -P TimersCalendar ${health}.timer
say verified; systemd-analyze --user verify "$XDG_CONFIG_HOME"/systemd/user/*.service "$XDG_CONFIG_HOME"/systemd/user/*.timer 2>&1
say ran; systemctl --user start ${health}.service; echo $?
say removed; ${steps('out', 5)}
say left; ls "$XDG_CONFIG_HOME/systemd/user"; systemctl --user is-active ${health}.timer
say again; ${steps('out', 5)}
`
  const { stdout, stderr } = await runInNamespaces(['--mount'], ['sh', '-c', withOwnCgroup], {
    env: {
      ...{ PATH: process.env.PATH, HOME: work.folder, NODE: process.execPath },
      ...{ WORK: work.folder, FOLDER: folder, SCRIPT: script, NAME: path.basename(work.folder) },
    },
  })
  const parts = Object.fromEntries(
    stdout
      .split(/^== /m)
      .slice(1)
      .map((part) => [part.split('\n')[0], part.split('\n').slice(1).join('\n').trim()]),
  )
  expect(parts, stdout + stderr).toMatchObject({
    first: 'create',
    second: 'ok',
    changed: 'change',
    timers: 'active\nactive',
    times: expect.stringContaining('OnCalendar=*-*-* *:00/1:00'),
    verified: '',
    ran: '0',
    removed: 'change',
    left: 'inactive',
    again: 'ok',
  })
  expect(readFileSync(seen, 'utf8').trimEnd().split('\n')).toEqual([
    ...[folder, '/opt/az 2/bin:/usr/bin:/bin', `${folder}/dominion.js`],
    ...['health', '--quiet', '--env', 'staging'],
  ])
})
