import { expect, test } from 'vitest'
import { quoteForBatch, runBatchFile } from '../../../lib/shell/batchFile.ts'

const env = { path: 'C:\\bin;"D:\\Azure CLI\\wbin"', PATHEXT: '.EXE;.CMD', comspec: 'C:\\cmd.exe' }

const runWith = (argv: string[], ...files: string[]) =>
  runBatchFile(argv, env, (file) => files.includes(file))

test('a batch file is run by cmd.exe, by its full path', () => {
  expect(runWith(['az', 'group', 'a b'], 'D:\\Azure CLI\\wbin\\az.CMD')).toEqual({
    program: 'C:\\cmd.exe',
    argv: ['/e:on', '/v:off', '/d', '/s', '/c', '""D:\\Azure CLI\\wbin\\az.CMD" "group" "a b""'],
  })
  expect(runWith(['C:\\x\\npm.cmd'], 'C:\\x\\npm.cmd')?.argv.at(-1)).toBe('""C:\\x\\npm.cmd""')
})

test('every other program is started directly', () => {
  expect(runWith(['git', 'status'], 'C:\\bin\\git.EXE', 'D:\\Azure CLI\\wbin\\git.CMD')).toBeUndefined()
  // npm has a script for POSIX shells beside npm.cmd.
  expect(runWith(['npm'], 'C:\\bin\\npm', 'C:\\bin\\npm.CMD')).toBeDefined()
  expect(runWith(['absent'])).toBeUndefined()
})

test.each([
  ['plain', '"plain"'],
  ['', '""'],
  ['"&calc.exe', '"""&calc.exe"'],
  ['a\\"b', '"a\\\\""b"'],
  ['C:\\dir\\', '"C:\\dir\\\\"'],
  ['100%', '"100%%cd:~,%"'],
  ['%PATH%', '"%%cd:~,%PATH%%cd:~,%"'],
])('the argument %j', (word, quoted) => {
  expect(quoteForBatch(word)).toBe(quoted)
})

test('an argument with a line break is refused: cmd.exe would run the rest as a second command', () => {
  expect(() => quoteForBatch('a\nb')).toThrow('cannot contain a line break')
})
