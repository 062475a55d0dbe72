import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from '../../../lib/util/files.ts'
import { home, temporaryFolder } from '../../support/helpers.ts'
import { start } from '../../support/runScript.ts'

/* A state folder that the system lets nobody create is refused at once, not retried forever. */

const linux = process.platform === 'linux'

/** Runs a script with this STATE_DIR; one that hangs is killed and has no exit code. */
async function withStateDir(stateDir: string, ...argv: string[]) {
  const cwd = temporaryFolder()
  writeFileSync(path.join(cwd, '.env'), 'DOMAIN=a.app\n')
  writeFileSync(path.join(cwd, '.env.eu'), `STATE_DIR=${stateDir}\n`)
  const { child, ended } = start([path.join(home, 'bin', 'dominion.js'), ...argv, '--env', 'eu'], { cwd })
  const timer = setTimeout(() => child.kill('SIGKILL'), 8000)
  const result = await ended
  clearTimeout(timer)
  return result
}

test.runIf(linux).each([
  ['/proc/x', 'ENOENT'],
  ['/proc', 'ENOENT'],
  ['/dev/null/x', "EEXIST: file already exists, mkdir '/dev/null'"],
])('STATE_DIR=%s: exit 2 with the key, the file and the reason', async (folder, reason) => {
  const { code, stderr } = await withStateDir(folder, 'cost')
  expect(stderr).toContain(`✖ .env.eu: STATE_DIR=${folder} is not a writable folder: ${reason}`)
  expect(stderr).toContain('Set STATE_DIR in .env.eu')
  expect(code).toBe(2)
})

test.runIf(linux)('health reports it on its line as UNKNOWN', async () => {
  const { code, stdout } = await withStateDir('/proc/x', 'health', '--quick', '--format', 'plugin')
  expect(stdout).toMatch(/^UNKNOWN - \.env\.eu: STATE_DIR=\/proc\/x is not a writable folder: ENOENT/)
  expect(code).toBe(3)
})

test.runIf(linux)('a folder that cannot be created is tried once', () => {
  const program = `import { makeFolder } from ${JSON.stringify(path.join(home, 'lib/util/files.ts'))}
for (const folder of process.argv.slice(1)) try { makeFolder(folder) } catch (error) { console.log(error.code) }`
  const dangling = path.join(temporaryFolder(), 'link')
  symlinkSync('/nowhere/at/all', dangling)
  const argv = ['--input-type=module', '--eval', program, '/proc/x/y/z', path.join(dangling, 'x')]
  const said = execFileSync(process.execPath, argv, { timeout: 8000, encoding: 'utf8' })
  expect(said.trim().split('\n')).toEqual(['ENOENT', 'EEXIST'])
})

test('a folder is created with its parents and its mode; an existing one is kept', () => {
  const top = temporaryFolder()
  const folder = path.join(top, 'a', 'b', 'c')
  makeFolder(folder, 0o700)
  makeFolder(folder, 0o755)
  expect(statSync(path.join(top, 'a')).mode & 0o777).toBe(process.platform === 'win32' ? 0o666 : 0o700)
  expect(statSync(folder).isDirectory()).toBe(true)
  mkdirSync(path.join(top, 'real'))
  symlinkSync(path.join(top, 'real'), path.join(top, 'link'))
  makeFolder(path.join(top, 'link', 'in'))
  expect(existsSync(path.join(top, 'real', 'in'))).toBe(true)
  writeFileSync(path.join(top, 'file'), '')
  expect(() => makeFolder(path.join(top, 'file'))).toThrow(/EEXIST/)
  expect(() => makeFolder(path.join(top, 'file', 'in'))).toThrow(/EEXIST|ENOTDIR/)
})
