import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Command, local, secretFile } from '../../../lib/shell/command.ts'
import {
  getFailure,
  home,
  isRunning,
  onVps,
  openRunner,
  readTranscript,
  temporaryFolder,
} from '../../support/helpers.ts'

const content = '{"password":"hunter2 \\" ünï\\n"}'

/**
 * A child that reports how it sees itself: its arguments, as /proc shows them to everybody, and the file it received.
 */
const witness = `
const { readFileSync, statSync } = require('node:fs')
const path = require('node:path')
const file = process.argv[1]
console.log(JSON.stringify({
  word: process.argv[1],
  seenByAll: readFileSync('/proc/self/cmdline', 'utf8'),
  environment: readFileSync('/proc/self/environ', 'utf8'),
  content: readFileSync(file, 'utf8'),
  mode: (statSync(file).mode & 0o777).toString(8),
  folderMode: (statSync(path.dirname(file)).mode & 0o777).toString(8),
}))
process.exitCode = Number(process.argv[2])
`
const ask = (exit: number): Command =>
  local.change`${process.execPath} -e ${witness} -- ${secretFile('group.json', content)} ${exit}`

interface Seen {
  word: string
  seenByAll: string
  environment: string
  content: string
  mode: string
  folderMode: string
}

test('the program gets a file readable only by its owner; its arguments and environment contain no secret', async () => {
  const runner = openRunner()
  const { stdout } = await runner.runPrivately(ask(0))
  const seen = JSON.parse(stdout) as Seen
  expect(seen).toMatchObject({ content, mode: '600', folderMode: '700' })
  expect(path.basename(seen.word)).toBe('group.json')
  expect(seen.seenByAll).toContain(seen.word)
  expect(seen.seenByAll + seen.environment).not.toContain('hunter2')
  expect(existsSync(seen.word)).toBe(false)
  expect(existsSync(path.dirname(seen.word))).toBe(false)
  expect(readTranscript(runner)[0]?.line).toContain('<group.json>')
  expect(readFileSync(runner.transcript.file, 'utf8')).not.toContain('hunter2')
})

test('what az reads with @ comes through its standard input: a killed run leaves no file', async () => {
  const script = 'echo "$1"; cat'
  const command = local.change({
    timeoutMs: 30_000,
  })`sh -c ${script} sh ${secretFile('parameters.json', content, '@')}`
  const runner = openRunner()
  expect((await runner.runPrivately(command)).stdout).toBe(`@-\n${content}`)
  expect(readTranscript(runner)[0]?.line).toContain('@<parameters.json>')
})

test('the file is removed after a failure, too', async () => {
  const failure = await getFailure(openRunner().run(ask(1)))
  const { word } = JSON.parse(failure.said!) as Seen
  expect(existsSync(path.dirname(word))).toBe(false)
  expect(failure.next).toContain('<group.json>')
})

test('the file is removed after a time-out, and each attempt has its own', async () => {
  const log = path.join(temporaryFolder(), 'log')
  const command = local.change({
    timeoutMs: 300,
    retry: { times: 2, pauseMs: 1, when: /busy/ },
  })`sh -c ${'echo "$1" >> "$2"; echo busy; sleep 60'} sh ${secretFile('a', 'x')} ${log}`
  await getFailure(openRunner().run(command))
  const files = readFileSync(log, 'utf8').trimEnd().split('\n')
  expect(new Set(files).size).toBe(2)
  expect(files.filter((file) => existsSync(path.dirname(file)))).toEqual([])
})

/** A run of this tool whose command has started; it then exits or is killed. */
async function runToItsCommand(end: 'process.exit(9)' | 'process.kill(process.pid, "SIGKILL")') {
  const program = `
import { local, secretFile } from ${JSON.stringify(path.join(home, 'lib/shell/command.ts'))}
import { createRunner } from ${JSON.stringify(path.join(home, 'lib/shell/runner.ts'))}
import { createRedactor } from ${JSON.stringify(path.join(home, 'lib/shell/redactor.ts'))}
const runner = createRunner({ secrets: createRedactor(), transcript: { file: '', write() {} }, env: process.env,
  mayChange: true, signal: new AbortController().signal })
runner.run(local.change\`sh -c \${'echo $$ "$1"; exec sleep 5'} sh \${secretFile('a', 'x')}\`, (chunk) => {
  process.stdout.write(chunk, () => ${end})
})`
  const { stdout, code } = await openRunner().run(
    local.change({
      accept: [9, -1],
      cwd: temporaryFolder(),
    })`${process.execPath} --input-type=module-typescript -e ${program}`,
  )
  const [pid, file = ''] = stdout.trim().split(' ')
  onTestFinished(() => {
    if (isRunning(Number(pid))) process.kill(Number(pid))
  })
  expect(file).toMatch(/\/a$/)
  return { code, folder: path.dirname(file) }
}

test('the file is removed when this program ends midway', async () => {
  const { code, folder } = await runToItsCommand('process.exit(9)')
  expect(code).toBe(9)
  expect(existsSync(folder)).toBe(false)
})

test('the file of a run that was really killed stays for its owner alone, until the next run', async () => {
  // Other runs on this machine would remove it at any time.
  vi.stubEnv('TMPDIR', temporaryFolder())
  onTestFinished(() => void vi.unstubAllEnvs())
  const { code, folder } = await runToItsCommand('process.kill(process.pid, "SIGKILL")')
  expect(code).toBe(-1)
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  openRunner()
  expect(existsSync(folder)).toBe(false)
})

test('the next run removes what a killed one left, but not what another container sharing the folder uses', async () => {
  const { word } = JSON.parse((await openRunner().runPrivately(ask(0))).stdout) as Seen
  const mine = path.basename(path.dirname(word)).split('-')
  const getFolder = (namespace: string, pid: number) =>
    path.join(tmpdir(), ['dominion', namespace, pid, 'Ab12Cd'].join('-'))
  const gone = 2 ** 22 + 1
  const [left, used, foreign] = [
    getFolder(mine[1]!, gone),
    getFolder(mine[1]!, process.pid),
    getFolder('7', gone),
  ]
  onTestFinished(() => {
    for (const folder of [left, used, foreign]) rmSync(folder, { recursive: true, force: true })
  })
  for (const folder of [left, used, foreign]) mkdirSync(folder)
  openRunner()
  expect([left, used, foreign].filter((folder) => existsSync(folder))).toEqual([used, foreign])
})

test('what has such a name without being a folder of this user stays', async () => {
  const folder = temporaryFolder()
  vi.stubEnv('TMPDIR', folder)
  onTestFinished(() => void vi.unstubAllEnvs())
  const { word } = JSON.parse((await openRunner().runPrivately(ask(0))).stdout) as Seen
  const [, namespace] = path.basename(path.dirname(word)).split('-')
  const getPath = (end: string) => path.join(folder, `dominion-${namespace}-${2 ** 22 + 1}-${end}`)
  const [file, link, foreign, own] = ['aaaaaa', 'bbbbbb', 'cccccc', 'dddddd'].map(getPath) as [
    string,
    string,
    string,
    string,
  ]
  writeFileSync(file, 'x')
  symlinkSync(folder, link)
  for (const each of [foreign, own]) mkdirSync(each)
  if (process.getuid!() === 0) chownSync(foreign, 1, 1)
  else rmSync(foreign, { recursive: true })
  openRunner()
  expect([file, link, own].map((each) => existsSync(each))).toEqual([true, true, false])
  expect(existsSync(foreign)).toBe(process.getuid!() === 0)
})

test('the VPS gets no secret files', async () => {
  await expect(openRunner().run(onVps`cat ${secretFile('a', 'x')}`)).rejects.toThrow('use stdin on the VPS')
})
