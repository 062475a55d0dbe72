import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { home, temporaryFolder } from '../../support/helpers.ts'
import { start } from '../../support/runScript.ts'

const launcher = path.join(home, 'bin', 'dominion.js')
const dominion = (...argv: string[]) => start([launcher, ...argv]).ended

/** Every script: name → file. */
const scripts = new Map(
  readdirSync(path.join(home, 'scripts'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [path.basename(file).replace(/(\.mjs)?\.ts$/, ''), path.join(home, 'scripts', file)]),
)

test.each([[[]], [['--help']], [['-h']]])(
  'dominion %j lists every script with its summary',
  async (argv: string[]) => {
    const { code, stdout, stderr } = await dominion(...argv)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^Usage: npx dominion SCRIPT/)
    for (const name of scripts.keys()) {
      const line = stdout.split('\n').find((each) => each.trim().split(/\s+/)[0] === name)
      expect(line, `${name} has a line of its own`).toMatch(/^ {2}\S+ +\S.{10,}/)
    }
  },
)

test('an unknown script name suggests the nearest one', async () => {
  const { code, stdout, stderr } = await dominion('deploy-complet', '--dry-run')
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toBe(
    '✖ There is no script deploy-complet; did you mean deploy-complete?\n→ npx dominion lists them.\n',
  )
  expect((await dominion('nothing-like-it')).stderr).toContain('✖ There is no script nothing-like-it\n')
})

test.each(['constructor', '__proto__', '../bin/dominion', '/etc/passwd', ''])(
  '%j is not a script',
  async (name) => {
    const { code, stderr } = await dominion(name)
    expect(code).toBe(2)
    expect(stderr).toContain('✖ There is no script')
  },
)

test.each([...scripts])('%s --help, through the launcher and by its own path', async (name, file) => {
  const [launched, direct] = await Promise.all([
    dominion(name, '--help'),
    start([file, '--help'], { cwd: temporaryFolder() }).ended,
  ])
  expect([launched.code, launched.stderr]).toEqual([0, ''])
  expect(launched.stdout).toMatch(new RegExp(`^Usage: dominion ${name} \\[options\\]`))
  expect(direct).toEqual(launched)
})

test('a script has the name of its file', () => {
  for (const [name, file] of scripts) {
    expect(/name:\s*'([^']*)'/.exec(readFileSync(file, 'utf8'))?.[1], file).toBe(name)
  }
})

test('no two scripts share a name, and none is long', () => {
  const files = readdirSync(path.join(home, 'scripts'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts'),
  )
  expect(scripts.size).toBe(files.length)
  for (const file of scripts.values()) {
    expect(readFileSync(file, 'utf8').split('\n').length, file).toBeLessThanOrEqual(110)
  }
})

test('flags and exit codes pass through', async () => {
  const { code, stderr } = await dominion('deploy-complete', '-SkipAzure', '-SKIPIONOS', '--quick')
  expect([code, stderr.split('\n')[0]]).toEqual([
    2,
    '✖ --skip-azure and --skip-ionos together leave nothing to do',
  ])
  const unknown = await dominion('deploy-complete', '--skip-azur')
  expect([unknown.code, unknown.stderr.split('\n')[0]]).toEqual([
    2,
    "✖ unknown option '--skip-azur' (Did you mean --skip-azure?)",
  ])
})

test('without .env a script says so, with --json as one document', async () => {
  const { code, stdout } = await start([launcher, 'provision', '--dry-run', '--json'], {
    cwd: temporaryFolder(),
  }).ended
  expect(code).toBe(2)
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    exitCode: 2,
    error: {
      what: expect.stringContaining('.env not found in'),
      next: expect.stringContaining('.env.example'),
    },
  })
})
