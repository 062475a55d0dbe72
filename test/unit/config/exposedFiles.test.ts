import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { CheckContext } from '../../../lib/checks/check.ts'
import { environmentFiles } from '../../../lib/checks/environmentFiles.ts'
import { findExposedFiles } from '../../../lib/config/exposedFiles.ts'
import { temporaryFolder } from '../../support/helpers.ts'

const secret = 'APP_SECRET_KEY=a-key-of-16-or-more'

/** A folder that every user may enter, with an `.env` of this mode. */
function folderWith(text: string, mode: number, file = '.env'): string {
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  write(folder, text, mode, file)
  return folder
}
function write(folder: string, text: string, mode: number, file: string): void {
  writeFileSync(path.join(folder, file), `${text}\n`)
  chmodSync(path.join(folder, file), mode)
}

test.each([
  ['everybody can read it', secret, 0o644, ['.env']],
  ['everybody can change it', secret, 0o602, ['.env']],
  ['a group of operators can', secret, 0o660, []],
  ['only its owner can', secret, 0o600, []],
  ['no secret is set', 'DOMAIN=a.app\nAPP_SECRET_KEY=', 0o644, []],
  ['its secrets are stored elsewhere', 'POSTGRES_PASSWORD=env:DB\nAPP_SECRET_KEY=op://a/b/c', 0o644, []],
])('a file with secrets that every user can read is found: %s', async (_, text, mode, found) => {
  expect(await findExposedFiles(folderWith(text, mode), 'default')).toEqual(found)
})

test('the file of the environment and the common one are both looked at, and no other', async () => {
  const folder = folderWith(secret, 0o644)
  write(folder, secret, 0o644, '.env.eu')
  write(folder, secret, 0o644, '.env.us')
  expect(await findExposedFiles(folder, 'eu')).toEqual(['.env', '.env.eu'])
  expect(await findExposedFiles(folder, 'missing')).toEqual(['.env'])
  expect(await findExposedFiles(folder, 'eu', 'win32')).toEqual([])
})

test('a folder that others cannot enter protects the file, also behind a link', async () => {
  const outer = temporaryFolder()
  const inner = path.join(outer, 'project')
  mkdirSync(inner)
  write(inner, secret, 0o644, '.env')
  chmodSync(outer, 0o750)
  expect(await findExposedFiles(inner, 'default')).toEqual([])
  const open = temporaryFolder()
  chmodSync(open, 0o755)
  symlinkSync(path.join(inner, '.env'), path.join(open, '.env'))
  expect(await findExposedFiles(open, 'default')).toEqual([])
  chmodSync(outer, 0o751)
  expect(await findExposedFiles(open, 'default')).toEqual(['.env'])
})

test('doctor warns and gives the command', async () => {
  const judge = (mode: number) => {
    const config = { folder: folderWith(secret, mode), environment: 'default' }
    return environmentFiles.run({ context: { config } } as unknown as CheckContext)
  }
  expect(await judge(0o600)).toMatchObject({ verdict: 'OK' })
  expect(await judge(0o644)).toEqual({
    verdict: 'WARNING',
    detail: '.env can be read by every user of this machine, and contains secrets',
    next: 'chmod 600 .env',
  })
})
