import { spawn } from 'node:child_process'
import { globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Receipt } from '../../lib/deploy/receipts/receipts.ts'
import { quoteForBatch } from '../../lib/shell/batchFile.ts'
import { collect } from '../../rehearsal/processes.ts'
import { createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { ordinaryEnvironment, type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { createVisitor } from '../support/system/site.ts'
import { startWindows, toWindowsPath, type Windows } from '../support/system/windows.ts'

/*
 * The scripts on Windows: Node's own Windows build under wine gives the results of Linux. docs/windows.md has the outcome
 * as a table, and what wine cannot judge.
 */

const home = path.join(import.meta.dirname, '..', '..')
const support = path.join(home, 'test', 'support', 'system')
const launcher = path.join(home, 'bin', 'dominion.js')
const work = createWorkFolder('dominion-windows')
let windows: Windows
let clouds: Rehearsal
let environment: string

beforeAll(async () => {
  windows = await startWindows(work.folder)
  clouds = await startRehearsal('sys-windows', { latency: 'realistic', vpsFrom: 'bookworm' })
  // wine resolves names slowly: on a busy machine, that alone would exceed the usual limits.
  const slow = { HEALTH_STATIC_MS: '20000,25000', HEALTH_API_MS: '20000,25000' }
  environment = clouds.variant('small', { DASHBOARD_DIR: smallDashboard(work.folder), ...slow })
})
afterAll(async () => {
  await windows?.stop()
  await clouds?.down()
  work.remove()
})

test('with realistic latency, a deploy takes no longer than its longest chain, and much less than the sum', async () => {
  const done = await clouds.dominion(['deploy-complete', '--json'], { environment, timeoutMs: 15 * 60_000 })
  expect(done.code, done.stderr).toBe(0)
  const { receipt } = JSON.parse(done.stdout) as { receipt: Receipt }
  const { seconds, longestChain, changed } = receipt
  const oneAfterTheOther = changed.reduce((sum, step) => sum + step.seconds, 0)
  const steps = [...changed].sort((a, b) => b.seconds - a.seconds)
  console.log(
    [
      `deploy ${seconds} s, longest chain ${longestChain.seconds.toFixed(1)} s (${longestChain.ids.join(' → ')})`,
      `one after the other ${oneAfterTheOther.toFixed(1)} s: ${(oneAfterTheOther / seconds).toFixed(2)} × the deploy`,
      ...steps.slice(0, 8).map((step) => `  ${step.seconds.toFixed(1)} s  ${step.id}`),
    ].join('\n'),
  )
  expect(seconds).toBeLessThanOrEqual(longestChain.seconds * 1.1)
  // Azure's share is waiting time, which a busy machine does not stretch: it alone is 48 + 30 + 18 + 2 × 4.5 s in
  // sequence.
  expect(oneAfterTheOther / seconds).toBeGreaterThanOrEqual(1.7)
})

const onLinux = (argv: readonly string[], cwd = work.folder) =>
  collect(spawn(process.execPath, argv, { cwd, env: ordinaryEnvironment(), stdio: 'pipe' }))

test('this is Windows', async () => {
  const program = `require('fs').writeSync(1, [process.platform, process.version, process.cwd()].join())`
  const { code, stdout } = await windows.run(['-e', program], '/usr/lib')
  expect([code, stdout]).toEqual([0, `win32,v${windows.node},Z:\\usr\\lib`])
})

test('the list of scripts and the help of each are those of Linux', async () => {
  const list = await windows.run([launcher])
  expect([list.code, list.stderr]).toEqual([0, ''])
  expect(list.stdout).toBe((await onLinux([launcher])).stdout)

  const scripts = globSync(path.join(home, 'scripts', '**', '*.ts'))
  const argv = [path.join(support, 'printHelps.ts'), ...scripts]
  const helps = await windows.run(argv)
  expect([helps.code, helps.stderr]).toEqual([0, ''])
  expect(helps.stdout.match(/^Usage: dominion /gm)).toHaveLength(scripts.length)
  expect(helps.stdout).toBe((await onLinux(argv)).stdout)
})

/** What cmd.exe, batch files and command lines treat as special, alone and after a quote. */
const words = [
  ...['plain', '', 'two words', '\ttab', 'ü€😀', "it's", '"', 'a"b"c d', '""'],
  ...[
    'a&b',
    'a|b',
    'a<b>c',
    'a^b',
    '^',
    '!x!',
    '(p)',
    ')',
    'a,b;c=d',
    '*',
    '~',
    '@file',
    '#',
    '`x`',
    '$HOME',
  ],
  ...['C:\\dir\\', 'C:\\my dir\\', 'a\\"b', '\\\\', '{"a": "b&c"}', '[?name=="x"]'],
  ...['"&calc.exe', '"|more', '">pwned', '"^&', '")(', '" & exit 3 & "'],
]

test('every argument comes out of a batch file as it went in, and so does the input', async () => {
  windows.addCommand('words', [path.join(support, 'printWords.cjs')])
  const sent = { words, stdin: 'first\r\n"second" & ü€' }
  const file = path.join(work.folder, 'words.json')
  writeFileSync(file, JSON.stringify(sent))
  const { code, stdout, stderr } = await windows.run([path.join(support, 'startWords.ts'), file])
  expect([code, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout)).toEqual(sent)
  expect(readdirSync(work.folder).filter((name) => name.includes('pwned'))).toEqual([])
})

test('cmd.exe reads % on its command line as we mean it', async () => {
  // wine 8 also expands what a batch file inserts for %*, which cmd.exe does not: the words above have no %.
  const argv = ['/e:on', '/v:off', '/d', '/s', '/c', `"echo ${quoteForBatch('100% of %PATH%')}"`]
  const program = `const { spawnSync } = require('child_process')
const { stdout } = spawnSync('cmd.exe', ${JSON.stringify(argv)}, { windowsVerbatimArguments: true })
require('fs').writeSync(1, stdout)`
  const { stdout, stderr } = await windows.run(['-e', program])
  expect([stdout, stderr]).toEqual(['"100% of %PATH%"\r\n', ''])
})

describe('in a folder with a blank and an umlaut, with an .env of Notepad', () => {
  const folder = path.join(work.folder, 'Büro zwei')
  const server = createServer((_, outgoing) => outgoing.end('well'))
  const tasks = () => globSync(path.join(windows.drive, 'windows', 'system32', 'tasks', '**', 'default *'))
  const dominion = (...argv: string[]) => windows.run([launcher, ...argv], folder)

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    mkdirSync(folder)
    writeFileSync(path.join(folder, '.env'), '\uFEFF# Büro\r\nIONOS_HOST=127.0.0.1\r\n')
    writeFileSync(path.join(folder, 'targets'), `shop http://127.0.0.1:${port}/ 8000,9000\r\n`)
    return () => void server.close()
  })

  test('what the Task Scheduler starts writes nothing to stderr', async () => {
    for (const argv of [
      ['health', '--quick', '--quiet', '--targets', 'targets', '--only', 'shop'],
      ['slo'],
    ]) {
      const { code, stderr } = await dominion(...argv)
      expect([argv[0], code, stderr]).toEqual([argv[0], 0, ''])
    }
    expect(readdirSync(folder).sort()).toEqual(['.dominion', '.env', 'targets'])
  })

  test('az.cmd is found and its answer read', async () => {
    const argv = ['doctor', '--only', 'tools', '--json']
    const [seen, linux] = await Promise.all([dominion(...argv), onLinux([launcher, ...argv], folder)])
    const [az] = JSON.parse(linux.stdout).findings.filter(({ id }: { id: string }) => id === 'azure-cli')
    expect(az.verdict).toBe('OK')
    expect(JSON.parse(seen.stdout).findings, seen.stderr).toContainEqual(az)
  })

  test('schtasks takes the tasks and removes them', async () => {
    expect(await dominion('schedule', '--install')).toMatchObject({ code: 0, stderr: '' })
    expect(tasks()).toHaveLength(3)
    // As wine read it and wrote it again; it skips triggers and actions.
    const health = readFileSync(tasks().find((file) => file.includes('health'))!, 'utf8')
    expect(health).toContain(`in ${toWindowsPath(folder)};`)
    expect(health).toContain('<MultipleInstancesPolicy>IgnoreNew<')
    expect(health).toContain('<ExecutionTimeLimit>PT10M<')
    expect(await dominion('schedule', '--remove')).toMatchObject({ code: 0, stderr: '' })
    expect(tasks()).toEqual([])
  })
})

/** What the text means, without what differs between two runs or between two systems. */
const normalize = (text: string): unknown => {
  const same = (value: string) =>
    value
      .replaceAll(/Z:[^\s"']*/g, (file) => file.slice(2).replaceAll('\\', '/'))
      .replaceAll(/["']/g, '')
      .replaceAll(/\d+/g, '0')
  return JSON.parse(text, (_, value) => {
    if (typeof value === 'string') return same(value)
    return typeof value === 'number' ? 0 : value
  })
}

test.each([
  'doctor --only login,dns,ports,vps,certificate',
  'view-logs --lines 5 --only error',
  'cost',
  'history',
  'slo',
  'api-token',
  'unlock --dry-run',
  'deploy-complete --dry-run',
  'setup-server --dry-run',
  'configure-nginx --dry-run',
  'publish-frontend --dry-run',
  'point-dns --dry-run',
  'issue-certificate --dry-run',
  'rollback frontend --list',
  'scale worker --memory 3 --dry-run',
  'remove --dry-run',
  'status-page --dry-run',
  'update-frontend --dry-run',
])('%s: the outcome of Linux', async (line) => {
  const argv = [launcher, ...line.split(' '), '--json', '--env', environment]
  const [linux, seen] = await Promise.all([onLinux(argv, process.cwd()), windows.run(argv, process.cwd())])
  expect(seen.code, seen.stderr).toBe(linux.code)
  expect(normalize(seen.stdout)).toEqual(normalize(linux.stdout))
})

test.each([
  ['health', 'observations'],
  ['check-database', 'findings'],
])('%s: the verdicts of Linux', async (script, list) => {
  const argv = [launcher, script, '--json', '--env', environment]
  // One after the other: a second health check would find the first one running.
  const linux = await onLinux(argv, process.cwd())
  // Names are resolved slowly under wine, so a warning about the time taken counts as OK.
  const verdicts = (text: string): [string, string][] =>
    JSON.parse(text)[list].map(({ id, verdict }: { id: string; verdict: string }) => [
      id,
      verdict === 'WARNING' ? 'OK' : verdict,
    ])
  let seen = await windows.run(argv, process.cwd())
  // For the clocks alone it can take too long, on a loaded machine: their answer is waited for 5 s.
  if (verdicts(seen.stdout).some((each) => each.join() === 'clock,UNKNOWN'))
    seen = await windows.run(argv, process.cwd())
  expect(verdicts(seen.stdout), seen.stderr).toEqual(verdicts(linux.stdout))
})

test('maintenance mode is switched on and off from Windows', async () => {
  for (const [mode, status] of [
    ['on', 503],
    ['off', 200],
  ] as const) {
    const argv = [launcher, 'maintenance-mode', mode, '--env', environment]
    const { code, stderr } = await windows.run(argv, process.cwd())
    expect(code, stderr).toBe(0)
    expect((await createVisitor(clouds)('/')).status).toBe(status)
  }
})
