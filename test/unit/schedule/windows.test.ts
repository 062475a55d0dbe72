import { DOMParser } from 'linkedom'
import { expect, test } from 'vitest'
import {
  createCommand,
  deleteCommand,
  isSameTask,
  quoteArgument,
  renderTaskXml,
} from '../../../lib/schedule/windows.ts'
import { findSecretFile } from '../../support/helpers.ts'
import { target, tasks } from '../../support/scheduleFixtures.ts'

const windows = { ...target, folder: 'C:\\Ops & “co”\\100% é', user: 'DESK\\anna' }

const getText = (xml: string, name: string): string | undefined =>
  new DOMParser().parseFromString(xml, 'text/xml').querySelector(name)?.textContent ?? undefined

test('a task in plain ASCII, with unchanged arguments and folder', () => {
  const [health, , backup] = tasks()
  const argv = [
    'C:\\Program Files\\node.exe',
    `${windows.folder}\\bin\\dominion.js`,
    ...health!.argv.slice(2),
  ]
  const xml = renderTaskXml({ ...health!, argv }, windows)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test requires ASCII
  expect(xml).toMatch(/^[\x00-\x7f]*$/)
  expect(getText(xml, 'Command')).toBe('C:\\Program Files\\node.exe')
  expect(getText(xml, 'Arguments')).toBe(`"${windows.folder}\\bin\\dominion.js" health --quiet --env staging`)
  expect(getText(xml, 'WorkingDirectory')).toBe(windows.folder)
  expect(getText(xml, 'UserId')).toBe('DESK\\anna')
  expect(getText(xml, 'Interval')).toBe('PT5M')
  const night = renderTaskXml(backup!, windows)
  expect(getText(night, 'StartBoundary')).toBe('2026-01-01T03:15:00')
  expect(getText(night, 'Interval')).toBeUndefined()
  expect(getText(night, 'StartWhenAvailable')).toBe('true')
  // The schema is a sequence: a different order is rejected.
  const order = ['RegistrationInfo', 'Triggers', 'Principals', 'Settings', 'Actions'].map((name) =>
    xml.indexOf(`<${name}`),
  )
  expect(order).toEqual([...order].sort((a, b) => a - b))
})

test('an installed task is recognised by its mark, a changed one is not', () => {
  const held = (every: number) =>
    renderTaskXml(tasks(every)[0]!, windows).replace('<Triggers>', '<Added/>\r\n<Triggers>')
  expect(isSameTask(held(5), renderTaskXml(tasks(5)[0]!, windows))).toBe(true)
  expect(isSameTask(held(1), renderTaskXml(tasks(5)[0]!, windows))).toBe(false)
})

test.each([
  ['plain', 'plain'],
  ['', '""'],
  ['two words', '"two words"'],
  ['a "b" c', '"a \\"b\\" c"'],
  ['C:\\two words\\', '"C:\\two words\\\\"'],
  ['C:\\one\\', 'C:\\one\\'],
])('an argument: %s', (text, quoted) => {
  expect(quoteArgument(text)).toBe(quoted)
})

test('the arguments of schtasks', () => {
  const [health] = tasks()
  const create = createCommand(health!, windows)
  expect(create.argv.filter((word) => typeof word === 'string')).toEqual([
    ...[
      'schtasks',
      '/Create',
      '/F',
      '/TN',
      expect.stringMatching(/^\\Codex Dominion\\staging health [0-9a-f]{6}$/),
    ],
    '/XML',
  ])
  expect(findSecretFile(create.argv).content).toBe(renderTaskXml(health!, windows))
  expect(deleteCommand(health!, windows).argv.slice(0, 4)).toEqual(['schtasks', '/Delete', '/F', '/TN'])
})
