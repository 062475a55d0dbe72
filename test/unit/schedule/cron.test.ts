import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import {
  formatCronFields,
  formatCronLine,
  getMarkers,
  insertBlock,
  removeBlock,
  renderBlock,
  writeCommand,
} from '../../../lib/schedule/cron.ts'
import {
  buildPath,
  formatInterval,
  listOpenFolders,
  listScheduledTasks,
  parseMinutes,
} from '../../../lib/schedule/tasks.ts'
import { temporaryFolder } from '../../support/helpers.ts'
import { launcher, target, tasks } from '../../support/scheduleFixtures.ts'

test('a line sets folder and PATH, and escapes what cron and the shell would interpret', () => {
  expect(formatCronLine(tasks()[0]!, target)).toBe(
    [
      "*/5 * * * * cd '/srv/O'\\''Brien'\\''s 100\\% $HOME & co' &&",
      "PATH='/opt/az 2/bin:/usr/bin:/bin' '/opt/node 26/bin/node'",
      "'/srv/O'\\''Brien'\\''s 100\\% $HOME & co/bin/dominion.js' health --quiet --env staging",
    ].join(' '),
  )
})

test.each([
  [1, '* * * * *', 'every minute'],
  [5, '*/5 * * * *', 'every 5 minutes'],
  [60, '0 * * * *', 'every hour'],
])('every %i minutes', (everyMinutes, times, words) => {
  expect([formatCronFields({ everyMinutes }), formatInterval({ everyMinutes })]).toEqual([times, words])
})

test('the tasks and their times', () => {
  const seen = listScheduledTasks('default', 5, launcher).map(({ argv, interval }) => [
    argv.slice(2).join(' '),
    formatCronFields(interval),
  ])
  expect(seen).toEqual([
    ['health --quiet', '*/5 * * * *'],
    ['status-page --quiet', '2-59/10 * * * *'],
    ['backup-database --prove --quiet', '15 3 * * *'],
  ])
})

test('the values of --every', () => {
  expect(['1m', '5m', '30m', '60m', '1h'].map(parseMinutes)).toEqual([1, 5, 30, 60, 60])
  for (const wrong of ['7m', '0m', '90m', '2h', '5', ''])
    expect(() => parseMinutes(wrong)).toThrow('does not divide an hour into equal parts')
})

const others = '# mine\nMAILTO=anna\n\n1 1 * * * echo 5\\%  \n\t# é\r\n'

test.each([
  ['none', ''],
  ['lines of others', others],
])('into a crontab with %s and out again: every other byte is unchanged', (_, before) => {
  const block = renderBlock(tasks(), target)
  const after = insertBlock(before, block, target)
  expect(after).toBe(before + block)
  expect(insertBlock(after, block, target)).toBe(after)
  const below = `${after}2 2 * * * true\n`
  const changed = insertBlock(below, renderBlock(tasks(1), target), target)
  expect(changed).toBe(`${before}${renderBlock(tasks(1), target)}2 2 * * * true\n`)
  expect(removeBlock(changed, target)).toBe(`${before}2 2 * * * true\n`)
  expect(removeBlock(after, target)).toBe(before)
})

test('a block of another environment or folder is not ours', () => {
  const foreign =
    renderBlock(tasks(), { ...target, environment: 'live' }) +
    renderBlock(tasks(), { ...target, folder: '/srv' })
  expect(removeBlock(foreign, target)).toBe(foreign)
})

test('half a block, or two, is refused', () => {
  const block = renderBlock(tasks(), target)
  const { begin, end } = getMarkers(target)
  for (const broken of [`${begin}\n${others}`, `${others}${end}\n`, block + block, `${end}\n${begin}\n`])
    expect(() => removeBlock(broken, target)).toThrow('contains our markers, but not as one block')
})

test('what a crontab cannot contain is refused by name', () => {
  const line = (folder: string) => () => formatCronLine(tasks()[0]!, { ...target, folder })
  expect(line('/srv/a\nb')).toThrow('"/srv/a\\nb" contains a control character')
  expect(line('/srv/a\\b')).toThrow('contains a backslash')
  expect(line(`/srv/${'x'.repeat(1000)}`)).toThrow('cron accepts 998')
})

test('the text is passed on stdin; an empty text removes the crontab', () => {
  expect(writeCommand('a\n')).toMatchObject({ argv: ['crontab', '-'], stdin: 'a\n', effect: 'change' })
  expect(writeCommand('')).toMatchObject({ argv: ['crontab', '-r'], effect: 'change' })
})

test('PATH contains the folders of the programs that tasks start, in order, and nothing else from the terminal', () => {
  const folder = temporaryFolder()
  for (const [name, program] of Object.entries({ one: 'ls', two: 'pg_dump', three: 'az' })) {
    mkdirSync(path.join(folder, name))
    writeFileSync(path.join(folder, name, program), '')
  }
  const [one, two, three] = ['one', 'two', 'three'].map((name) => path.join(folder, name))
  expect(buildPath(`${one}:${two}:./bin::${three}:/bin`, ['/usr/bin', '/bin'])).toMatch(
    new RegExp(`^${two}:${three}:(/bin:/usr/bin|/usr/bin:/bin)$`),
  )
})

test('PATH leaves out folders where others can put programs, and they are named', () => {
  const folder = temporaryFolder()
  for (const name of ['open', 'group', 'own']) {
    mkdirSync(path.join(folder, name))
    writeFileSync(path.join(folder, name, 'az'), '')
  }
  const [open = '', group = '', own = ''] = ['open', 'group', 'own'].map((name) => path.join(folder, name))
  chmodSync(open, 0o1777)
  chmodSync(group, 0o775)
  expect([buildPath(`${open}:${own}`, []), listOpenFolders(`${open}:${own}:/none:.`)]).toEqual([own, [open]])
  expect(buildPath(own, [open, '/bin'])).toBe(`${own}:/bin`)
  expect([buildPath(`${group}:${own}`, []), listOpenFolders(group)]).toEqual([group, []])
  expect(listOpenFolders(`${folder}:${folder}`), 'no program in it').toEqual([])
  // The folders are neither root's nor this user's.
  const uid = process.getuid!()
  vi.spyOn(process, 'getuid').mockReturnValue(uid + 1)
  expect(listOpenFolders(own)).toEqual(uid === 0 ? [] : [own])
  vi.restoreAllMocks()
})
