import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { sourceTag } from '../../../lib/azure/image.ts'
import type { Config } from '../../../lib/config/config.ts'
import { getFailure, loadTestConfig, temporaryFolder } from '../../support/helpers.ts'

let folder: string
let config: Config

async function backend(files: Record<string, string>): Promise<void> {
  folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) put(name, content)
  config = await loadTestConfig(`BACKEND_DIR=${folder}`)
}
function put(name: string, content: string): void {
  const file = path.join(folder, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, content)
}
const files = { 'Dockerfile.azure': 'FROM x', 'app/a.py': '1', 'app/b.py': '2' }

test('equal sources have one tag, wherever they are stored', async () => {
  await backend(files)
  const tag = await sourceTag(config)
  expect(tag).toMatch(/^src-[0-9a-f]{12}$/)
  utimesSync(path.join(folder, 'app/a.py'), 0, 0)
  chmodSync(path.join(folder, 'app/a.py'), 0o600)
  expect(await sourceTag(config)).toBe(tag)
  const reversed = Object.fromEntries(Object.entries(files).reverse())
  await backend(reversed)
  expect(await sourceTag(config)).toBe(tag)
})

test('the hash covers the Dockerfile, then each packed path with its kind and content, in order', async () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const names = Array.from({ length: 30 }, (_, index) => `${sha256(String(index)).slice(0, 6)}.py`)
  await backend(
    Object.fromEntries([...names, 'Dockerfile.azure', 'z/run'].map((name) => [name, `of ${name}`])),
  )
  chmodSync(path.join(folder, 'z/run'), 0o755)
  symlinkSync('run', path.join(folder, 'z/walk'))
  const lines = [
    `Dockerfile.azure\0${sha256('of Dockerfile.azure')}\n`,
    ...[...names, 'Dockerfile.azure'].sort().map((name) => `${name}\0file\0plain ${sha256(`of ${name}`)}\n`),
    'z\0folder\0\n',
    `z/run\0file\0executable ${sha256('of z/run')}\n`,
    'z/walk\0link\0run\n',
  ]
  expect(await sourceTag(config)).toBe(`src-${sha256(lines.join('')).slice(0, 12)}`)
})

test('content and names count', async () => {
  await backend(files)
  const seen = [await sourceTag(config)]
  put('app/a.py', '1 ')
  seen.push(await sourceTag(config))
  put('app/a.py', '2')
  put('app/b.py', '1')
  seen.push(await sourceTag(config))
  renameSync(path.join(folder, 'app/b.py'), path.join(folder, 'app/c.py'))
  seen.push(await sourceTag(config))
  put('new', '')
  seen.push(await sourceTag(config))
  put('Dockerfile.azure', 'FROM y')
  seen.push(await sourceTag(config))
  mkdirSync(path.join(folder, 'empty'))
  seen.push(await sourceTag(config))
  chmodSync(path.join(folder, 'new'), 0o755)
  seen.push(await sourceTag(config))
  symlinkSync('new', path.join(folder, 'link'))
  seen.push(await sourceTag(config))
  rmSync(path.join(folder, 'link'))
  symlinkSync('app', path.join(folder, 'link'))
  seen.push(await sourceTag(config))
  put('Dockerfile.other', 'FROM y')
  seen.push(await sourceTag(config))
  config = await loadTestConfig(`BACKEND_DIR=${folder}`, 'BACKEND_DOCKERFILE=Dockerfile.other')
  seen.push(await sourceTag(config))
  expect(new Set(seen).size).toBe(seen.length)
})

test('ignored files do not count, nor do files that az never packs', async () => {
  await backend({ ...files, '.dockerignore': 'tests\n*.md\n!KEEP.md\n' })
  const tag = await sourceTag(config)
  put('tests/test_a.py', 'x')
  put('README.md', 'x')
  put('.git/HEAD', 'x')
  expect(await sourceTag(config)).toBe(tag)
  put('KEEP.md', 'x')
  const kept = await sourceTag(config)
  expect(kept).not.toBe(tag)
  // az packs it unless .dockerignore says otherwise, so it may change the image.
  put('app/__pycache__/a.pyc', 'x')
  expect(await sourceTag(config)).not.toBe(kept)
})

test('the Dockerfile counts even when it is ignored', async () => {
  await backend({ ...files, '.dockerignore': 'Dockerfile*\n' })
  const tag = await sourceTag(config)
  put('Dockerfile.azure', 'FROM y')
  expect(await sourceTag(config)).not.toBe(tag)
})

test('no folder, no Dockerfile: each is named, with its setting', async () => {
  await backend({ 'app/a.py': '' })
  expect(await getFailure(sourceTag(config))).toEqual({
    what: `Dockerfile.azure not found in ${folder}`,
    next: 'Set BACKEND_DOCKERFILE in .env.',
    exitCode: 2,
  })
  symlinkSync('app/a.py', path.join(folder, 'Dockerfile.azure'))
  expect((await getFailure(sourceTag(config))).what).toBe(`${folder}/Dockerfile.azure is a symbolic link`)
  rmSync(folder, { recursive: true })
  expect(await getFailure(sourceTag(config))).toMatchObject({ what: `No backend found in ${folder}` })
})

test('files that hold secrets by their names are refused at any depth, unless a rule names them', async () => {
  const secrets = [
    ...[
      '.env.production',
      'app/.ENV',
      'deep/er/.env',
      'deep/ca.pem',
      'deep/er/tls.Key',
      'id_rsa',
      'app/id_ed25519_old',
    ],
    ...['backup.dump', 'app/.pgpass', 'app/.npmrc'],
  ]
  await backend(files)
  for (const name of secrets) {
    put(name, '//registry.example/:_authToken=x')
    expect((await getFailure(sourceTag(config))).what, name).toBe(
      `The image would contain files that hold secrets by their names: ${name}`,
    )
    rmSync(path.join(folder, name))
  }
  put('app/keys/tls.key', '')
  for (const rules of [
    'app/keys/tls.key',
    '!app/keys/tls.key',
    '*\n!Dockerfile*\n!app/**\n!app/keys/*.key',
  ]) {
    put('.dockerignore', `${rules}\n`)
    expect(await sourceTag(config), rules).toMatch(/^src-/)
  }
  // A rule that includes a folder names no file in it.
  put('.dockerignore', '*\n!Dockerfile*\n!app/**\n')
  expect((await getFailure(sourceTag(config))).exitCode).toBe(2)
})

test('names that only resemble those of secrets are packed', async () => {
  const harmless = [
    '.env.example',
    'app/environment.py',
    'app/keys.py',
    'id_rsa.pub',
    'app/dump.sql',
    'my.key.md',
  ]
  await backend({
    ...files,
    ...Object.fromEntries(harmless.map((name) => [name, ''])),
    '.npmrc': 'save-exact=true',
  })
  mkdirSync(path.join(folder, 'app/.env'))
  symlinkSync('nowhere', path.join(folder, 'server.key'))
  expect(await sourceTag(config)).toMatch(/^src-/)
})
