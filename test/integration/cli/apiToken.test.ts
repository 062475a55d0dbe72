import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { deriveApiToken } from '../../../lib/config/secret.ts'
import { home, temporaryFolder } from '../../support/helpers.ts'
import { start } from '../../support/runScript.ts'

const launcher = path.join(home, 'bin', 'dominion.js')
const secretKey = 'a-key-of-16-or-more'
const token = deriveApiToken(secretKey)

function folderWith(line: string): string {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, '.env'), `${line}\n`, { mode: 0o600 })
  return folder
}

test('api-token prints the token to stdout, and to nothing else', async () => {
  const cwd = folderWith(`APP_SECRET_KEY=${secretKey}`)
  const [text, json] = [
    await start([launcher, 'api-token', '--verbose'], { cwd }).ended,
    await start([launcher, 'api-token', '--json'], { cwd }).ended,
  ]
  expect(text).toEqual({ code: 0, stdout: `${token}\n`, stderr: '' })
  expect([json.code, JSON.parse(json.stdout), json.stderr]).toEqual([0, { ok: true, token }, ''])
  const written = readdirSync(cwd, { recursive: true, encoding: 'utf8' })
    .map((file) => path.join(cwd, file))
    .filter((file) => statSync(file).isFile())
  expect(written.length, 'a transcript').toBeGreaterThan(1)
  for (const file of written) expect(readFileSync(file, 'utf8'), file).not.toContain(token)
})

test('api-token resolves a reference and names a missing key', async () => {
  const cwd = folderWith('APP_SECRET_KEY=env:KEY_OF_THE_APPLICATION')
  const { stdout } = await start([launcher, 'api-token'], { cwd, env: { KEY_OF_THE_APPLICATION: secretKey } })
    .ended
  expect(stdout).toBe(`${token}\n`)
  const none = await start([launcher, 'api-token'], { cwd: folderWith('DOMAIN=a.app') }).ended
  expect([none.code, none.stdout]).toEqual([2, ''])
  expect(none.stderr).toContain('APP_SECRET_KEY is not set')
})

test('a file with secrets that every user can read: one warning on stderr, none with --quiet', async () => {
  const cwd = folderWith(`APP_SECRET_KEY=${secretKey}`)
  chmodSync(cwd, 0o755)
  chmodSync(path.join(cwd, '.env'), 0o644)
  const warned = await start([launcher, 'api-token'], { cwd }).ended
  expect(warned).toEqual({
    ...{ code: 0, stdout: `${token}\n` },
    stderr: '! .env can be read by every user of this machine, and contains secrets: chmod 600 .env\n',
  })
  expect((await start([launcher, 'api-token', '--quiet'], { cwd }).ended).stderr).toBe('')
})
