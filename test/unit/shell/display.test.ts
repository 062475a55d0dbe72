import { expect, test } from 'vitest'
import { display, local, secretFile } from '../../../lib/shell/command.ts'
import { findSecretFile, onVps } from '../../support/helpers.ts'

test('a command is displayed as the line to paste, with only the names of secret files', () => {
  const command = local.change`az x --file ${secretFile('group.json', 'hunter2')} --name ${"it's here"}`
  expect(display(command)).toBe("az x --file <group.json> --name 'it'\\''s here'")
  expect(display(local.change`az --parameters ${secretFile('p.json', 'hunter2', '@')}`)).toBe(
    'az --parameters @<p.json>',
  )
  expect(findSecretFile(command.argv).content).toBe('hunter2')
})

test('the place where it runs is shown', () => {
  expect(display(onVps`ls -l`)).toBe('vps: ls -l')
  expect(display(local({ cwd: '/some where' })`npm ci`)).toBe('(in /some where) npm ci')
})

test('requests, queries and TCP exchanges', () => {
  expect(
    display({ method: 'PATCH', url: 'https://a/b', body: '{"x":1}', effect: 'change', timeoutMs: 1 }),
  ).toBe('PATCH https://a/b {"x":1}')
  expect(display({ text: 'SELECT\n  1', effect: 'read' })).toBe('sql: SELECT 1')
  expect(display({ text: 'BEGIN; …', title: '0001_a.sql', effect: 'change' })).toBe('sql: 0001_a.sql')
  expect(display({ host: 'r.example', port: 10000, tls: true, timeoutMs: 1, effect: 'read' })).toBe(
    'tls://r.example:10000',
  )
})

test('reads and changes are distinguished', () => {
  expect([local`a`, local.change`a`].map(({ effect }) => effect)).toEqual(['read', 'change'])
})
