import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { display, local } from '../../../lib/shell/command.ts'
import { quoteLine, quotePosix } from '../../../lib/shell/quote.ts'
import { startProcess } from '../../../lib/shell/spawn.ts'
import { temporaryFolder } from '../../support/helpers.ts'

const hostile = [
  '',
  ' ',
  '  two  spaces ',
  '\ttab\t',
  'line\nbreak\n',
  '\r\n',
  "it's",
  "'",
  "''",
  "'; touch pwned; '",
  '"double"',
  '$(touch pwned)',
  '`touch pwned`',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell expands it
  '${HOME}$HOME$$',
  'a;touch pwned',
  'a&&touch pwned',
  'a|touch pwned',
  'a>pwned',
  '<pwned',
  '*',
  '?.[a-z]',
  '~',
  '~root',
  '{a,b}',
  '!history!!',
  '#comment',
  '-rf',
  '--',
  '=',
  'A=b',
  '\\',
  '\\\\n',
  'end\\',
  "$'\\x41'",
  '%s%n',
  'ünï-日本-🏛',
  '\u0001\u001b[31m\u007f',
  String.fromCharCode(...Array.from({ length: 255 }, (_, index) => index + 1)),
  'x'.repeat(100_000),
]

/** Prints each argument that the shell made of the line, terminated by NUL. */
const print = ['printf', '%s\\0']

test.each(['sh', 'dash', 'bash'])('%s returns every hostile argument byte for byte', (shell) => {
  const cwd = temporaryFolder()
  const output = execFileSync(shell, ['-c', quoteLine([...print, ...hostile])], { cwd })
  expect(output.toString().split('\0').slice(0, -1)).toEqual(hostile)
  expect(existsSync(path.join(cwd, 'pwned'))).toBe(false)
})

test('a line within a line, as sh -c on the VPS gets it', () => {
  const inner = quoteLine([...print, ...hostile])
  const output = execFileSync('dash', ['-c', quoteLine(['sh', '-c', inner])], { cwd: temporaryFolder() })
  expect(output.toString().split('\0').slice(0, -1)).toEqual(hostile)
})

const noLimits = { env: process.env, timeoutMs: 10_000, signal: new AbortController().signal }

test('a process on this machine gets every hostile argument byte for byte', async () => {
  const cwd = temporaryFolder()
  const { stdout } = await startProcess([...print, ...hostile], { ...noLimits, cwd })
  expect(stdout.split('\0').slice(0, -1)).toEqual(hostile)
  expect(existsSync(path.join(cwd, 'pwned'))).toBe(false)
})

test('text that needs no quotes gets none, so that a plan stays readable', () => {
  expect(quoteLine(['az', '--name', 'a_b.c-d@e%f+g=h:i,j/k'])).toBe('az --name a_b.c-d@e%f+g=h:i,j/k')
  expect(quotePosix('')).toBe("''")
})

test('NUL is refused, because no argument can contain it', async () => {
  expect(() => quotePosix('a\0b')).toThrow('NUL')
  await expect(startProcess(['echo', 'a\0 b'], noLimits)).rejects.toThrow('NUL')
})

test('the shown line means the same when it is pasted, even for words that look like a secret file', () => {
  const words = ['<in.txt>', '@<in.txt>', '$(id)', 'a b']
  const line = display(local`printf ${'%s\\n'} ${words}`)
  expect(execFileSync('sh', ['-c', line]).toString().trimEnd().split('\n')).toEqual(words)
})
