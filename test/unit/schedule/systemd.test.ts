import { expect, test } from 'vitest'
import {
  disableCommands,
  enableCommands,
  getUnitFolder,
  getUnitName,
  quoteWord,
  renderUnits,
  toCalendar,
} from '../../../lib/schedule/systemd.ts'
import { display } from '../../../lib/shell/command.ts'
import { launcher, target, tasks } from '../../support/scheduleFixtures.ts'

test('a system service and its timer', () => {
  const [service, timer] = renderUnits(tasks()[2]!, target, 'system')
  const base = getUnitName({ id: 'backup-database' }, target)
  expect(base).toMatch(/^codex-dominion-staging-backup-database-[0-9a-f]{6}$/)
  expect(service).toEqual({
    name: `${base}.service`,
    text: `# codex-dominion-ops: staging in ${target.folder}
# Written by npx dominion schedule --install; npx dominion schedule --remove removes it.
[Unit]
Description=Codex Dominion: verified backup (staging)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User=anna
WorkingDirectory=/srv/O'Brien's 100%% $HOME & co
Environment="PATH=/opt/az 2/bin:/usr/bin:/bin"
ExecStart="/opt/node 26/bin/node" "/srv/O'Brien's 100%% $$HOME & co/bin/dominion.js" "backup-database" "--prove" "--quiet" "--env" "staging"
TimeoutStartSec=360min
`,
  })
  expect(timer!.text.split('\n').slice(3)).toEqual([
    ...['Description=Codex Dominion: verified backup (staging)', ''],
    ...['[Timer]', 'OnCalendar=*-*-* 03:15:00', 'Persistent=true', 'AccuracySec=5s', ''],
    ...['[Install]', 'WantedBy=timers.target', ''],
  ])
})

test('a user service names no user and waits for no network target, which user managers lack', () => {
  const [service] = renderUnits(tasks()[0]!, target, 'user')
  expect(service!.text).not.toMatch(/User=|network-online/)
})

test('times and arguments in systemd’s format', () => {
  expect([1, 5, 60].map((everyMinutes) => toCalendar({ everyMinutes }))).toEqual([
    '*-*-* *:0/1:00',
    '*-*-* *:0/5:00',
    '*-*-* *:00:00',
  ])
  expect(toCalendar({ everyMinutes: 10, fromMinute: 2 })).toBe('*-*-* *:2/10:00')
  expect(quoteWord('a "b" \\ 5%')).toBe('"a \\"b\\" \\\\ 5%%"')
})

test('what a unit file cannot contain is refused by name', () => {
  expect(() => renderUnits(tasks()[0]!, { ...target, folder: '/srv/a\nb' }, 'user')).toThrow(
    'contains a control character',
  )
  const [task] = tasks()
  const argv = ['/opt/$node', ...task!.argv.slice(1)]
  expect(() => renderUnits({ ...task!, argv }, target, 'user')).toThrow('/opt/$node')
  expect(launcher.node).not.toContain('$')
})

test('the commands that enable and remove them', () => {
  expect(enableCommands('system', ['a.timer', 'b.timer']).map(display)).toEqual([
    'systemctl daemon-reload',
    'systemctl enable a.timer b.timer',
    'systemctl restart a.timer b.timer',
  ])
  const { before, after } = disableCommands('user', ['a.timer'])
  expect([...before, ...after].map(display)).toEqual([
    'systemctl --user disable --now a.timer',
    'systemctl --user daemon-reload',
  ])
  expect(getUnitFolder('user', { XDG_CONFIG_HOME: '/c' }, '/home/anna')).toBe('/c/systemd/user')
  expect(getUnitFolder('user', {}, '/home/anna')).toBe('/home/anna/.config/systemd/user')
})
