import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import ignore from 'ignore'
import { expect, test } from 'vitest'
import { home } from '../support/helpers.ts'
import { scanSecrets } from '../support/scanSecrets.ts'

interface Allowed {
  file: string
  /** What the texts begin with, so that this list does not repeat them. */
  starts: string[]
  reason: string
}
const allowed = JSON.parse(readFileSync(path.join(home, 'test', 'secrets-allowed.json'), 'utf8')) as Allowed[]

const ignored = ignore().add(readFileSync(path.join(home, '.gitignore'), 'utf8'))

/** The files of the repository: everything that .gitignore does not exclude. */
function listFiles(folder = ''): string[] {
  return readdirSync(path.join(home, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.posix.join(folder, entry.name)
    if (name === '.git' || ignored.ignores(entry.isDirectory() ? `${name}/` : name)) return []
    if (entry.isDirectory()) return listFiles(name)
    return entry.isFile() ? [name] : []
  })
}

test('the scan finds secrets of every form that this project uses', async () => {
  // The same in each run, and not in this file.
  const getBytes = (length: number) => createHash('sha512').update('no secret').digest().subarray(0, length)
  const random = (length: number) => getBytes(length).toString('base64')
  const hex = (length: number) => getBytes(length).toString('hex')
  const key = (edge: string) => `-----${edge} OPENSSH PRIVATE KEY-----`
  const planted = {
    'private key': [key('BEGIN'), random(48), random(48), key('END')].join('\n'),
    'connection string': `postgresql://codex:${hex(12)}@db.example.net:5432/codex`,
    'address with a password': `https://anna:${hex(12)}@hooks.example.net/x`,
    'token of GitHub': `ghp_${hex(18)}`,
    'token of npm': `npm_${hex(18)}`,
    'key of Redis or a registry': `key: ${random(33)}`,
    'password in .env': `POSTGRES_PASSWORD=${random(30)}`,
    'key in .env': `APP_SECRET_KEY=${hex(32)}`,
    'client secret': `AZURE_CLIENT_SECRET=abc8Q~${hex(17)}`,
    'random text in JSON': JSON.stringify({ value: random(48) }),
  }
  const missed = []
  for (const [kind, text] of Object.entries(planted)) {
    const found = await scanSecrets('planted.txt', `first line\n${text}\n`)
    if (found.length === 0 || found.some(({ line }) => line === 1)) missed.push(kind)
  }
  expect(missed).toEqual([])
})

test('no file of the repository contains a secret', async () => {
  const files = listFiles()
  expect(files).toContain('.env.example')
  expect(files.length).toBeGreaterThan(500)
  const used = new Set<string>()
  const secrets: string[] = []
  for (const file of files) {
    const content = readFileSync(path.join(home, file), 'utf8')
    if (content.includes('\0')) continue
    // secretlint obeys comments that switch its rules off; here, only the list may.
    if (content.includes(['secretlint', 'disable'].join('-')))
      secrets.push(`${file}: a comment for secretlint`)
    for (const { line, rule, text } of await scanSecrets(file, content)) {
      const start = allowed
        .filter((each) => each.file === file)
        .flatMap(({ starts }) => starts)
        .find((each) => text.startsWith(each))
      if (start) used.add(`${file}: ${start}`)
      // Not the text itself: the output of a test is often public.
      else secrets.push(`${file}:${line}: ${rule} (${text.length} characters)`)
    }
  }
  expect(secrets).toEqual([])
  const listed = allowed.flatMap(({ file, starts }) => starts.map((start) => `${file}: ${start}`))
  expect(listed.filter((each) => !used.has(each))).toEqual([])
  expect(allowed.filter(({ reason }) => reason.length < 20)).toEqual([])
})
