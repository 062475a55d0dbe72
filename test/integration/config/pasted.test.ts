import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'dotenv'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../lib/config/load.ts'
import { keys } from '../../../lib/config/schema.ts'
import type { Key } from '../../../lib/config/setting.ts'
import { getFailure, home, loadTestConfig, temporaryFolder } from '../../support/helpers.ts'
import { start } from '../../support/runScript.ts'

/* Pasted values in .env that are read as something else: values that end at a #, keys in place of their paths. */

const failing = (text: string) => {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, '.env'), text)
  return getFailure(loadConfig(folder))
}

test.each([
  ['POSTGRES_PASSWORD=Good-Horse-9#battery', 1],
  ['POSTGRES_PASSWORD=Good-Horse-9 # battery', 1],
  ['POSTGRES_PASSWORD=#battery', 1],
  ['POSTGRES_PASSWORD= # battery', 1],
  ['# a comment\n\nDOMAIN=a.app # the apex\nexport POSTGRES_PASSWORD = Good-Horse-9#battery', 4],
  ['APP_SECRET_KEY="one\ntwo"\r\nPOSTGRES_PASSWORD: Good-Horse-9#battery\r\nDOMAIN=a.app', 3],
  [`POSTGRES_PASSWORD='it's#battery'`, 1],
  ['POSTGRES_PASSWORD="Good-Horse-9#battery', 1],
  ['PURGE_URL=https://cdn.test/purge#battery', 1],
  ['DASHBOARD_DIR="my # battery', 1],
])('%j: a value that a # would cut short is refused with its line', async (text, line) => {
  const { what, next, exitCode } = await failing(text)
  const key = /(\w+) ?[=:] ?[^=\n]*battery/.exec(text)![1]
  expect(what).toMatch(new RegExp(`\\.env line ${line}: ${key} has a # `))
  expect(exitCode).toBe(2)
  // Neither the part that would remain nor the rest.
  expect(`${what}${next}`).not.toMatch(/battery|Horse/)
})

test.each([
  ['"Good-Horse-9#battery"', 'Good-Horse-9#battery'],
  ["'Good-Horse-9 # battery'", 'Good-Horse-9 # battery'],
  ['`it\'s a "#"`', 'it\'s a "#"'],
  ["'Good-Horse-9#battery' # a comment", 'Good-Horse-9#battery'],
  ['"Good\\"Horse#battery"', 'Good\\"Horse#battery'],
  ['"two\\nlines#battery"', 'two\nlines#battery'],
  ['Good-Horse-9', 'Good-Horse-9'],
])('POSTGRES_PASSWORD=%s is read completely', async (written, meant) => {
  expect((await loadTestConfig(`POSTGRES_PASSWORD=${written}`)).postgres.password.text()).toBe(meant)
})

test('a comment after a value that is not a secret remains one, as dotenv documents', async () => {
  const config = await loadTestConfig(
    'DOMAIN=a.app # the apex',
    'PURGE_URL= # none',
    'IONOS_PORT=22\t#',
    'ACME_EMAIL=',
  )
  expect([config.domain, config.ionos.purgeUrl, config.servers[0].port]).toEqual(['a.app', '', 22])
})

const folder = () => {
  const at = temporaryFolder()
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path.join(at, 'key')])
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path.join(at, 'pem')], {
    stdio: 'ignore',
  })
  return {
    openssh: readFileSync(path.join(at, 'key'), 'utf8').trim(),
    publicHalf: readFileSync(path.join(at, 'key.pub'), 'utf8').trim(),
    pem: readFileSync(path.join(at, 'pem'), 'utf8').trim(),
  }
}

test('a key in place of a path is refused by name, however it was pasted, and is not shown', async () => {
  const { openssh, publicHalf, pem } = folder()
  const body = openssh.split('\n').slice(1, -1)
  const forms = [
    `"${openssh}"`,
    openssh,
    `"${openssh.replaceAll('\n', '\\n')}"`,
    `'${pem}'`,
    pem,
    body.join(''),
    body[0]!,
    body[1]!.replace(/^[/~.]/, 'a'),
    Buffer.from(openssh).toString('base64'),
    publicHalf,
    '"PuTTY-User-Key-File-3: ssh-ed25519"',
  ]
  for (const form of forms)
    for (const key of ['IONOS_SSH_KEY', 'STATE_DIR']) {
      const { what, next, exitCode } = await failing(`DOMAIN=a.app\n${key}=${form}\nACME_EMAIL=\n`)
      expect([what, exitCode], form).toEqual([
        `.env: ${key} must be the path of a key file, but looks like the key itself (value not shown)`,
        2,
      ])
      for (const part of [...body, ...pem.split('\n').slice(1, -1)])
        expect(`${what}${next}`).not.toContain(part)
    }
})

test('paths are not keys: long paths, hashes, spaces, other systems', async () => {
  const paths = [
    '~/.ssh/id_ed25519',
    '/var/lib/docker/overlay2/4f5ae1c9b8d7Ae6f5ae1c9b8d7e6f5ae1c9b8d7e6f5ae1c9b8d7e6f5ae1c9b8d/diff/key',
    'Projects/CodexDominion/Secrets/Production2026/Keys/Operators/AnnaOfTheDeskByTheWindow/id',
    '"C:\\Users\\Anna Lind\\.ssh\\id_ed25519"',
    '"/home/anna/a private key"',
  ]
  for (const each of paths)
    expect((await loadTestConfig(`IONOS_SSH_KEY=${each}`)).servers[0].key).not.toBe('')
})

test('every setting that is resolved as a path is protected', () => {
  const guarded = Object.entries(keys).flatMap(([name, about]) => ((about as Key).path ? [name] : []))
  const named = Object.keys(keys).filter((name) => /_(DIR|FILE|KEY|HOSTS|BUNDLE|ROOT|DOCKERFILE)$/.test(name))
  const secrets = ['APP_SECRET_KEY', 'IONOS_DNS_KEY']
  expect(guarded.sort()).toEqual(named.filter((name) => !secrets.includes(name)).sort())
})

test('a key pasted where no path belongs is not shown either, nor is what follows it', async () => {
  const { openssh } = folder()
  const lines = openssh.split('\n').slice(1, -1)
  const secretLines = [...lines, 'QyNTUxOQAAACBshort=']
  const text = `IONOS_HOST="${openssh}"\nREDIS_SKU="${openssh}"\nQyNTUxOQAAACBshort=\n`
  const { what } = await failing(text)
  expect(Object.keys(parse(text))).toContain('QyNTUxOQAAACBshort')
  for (const line of secretLines) expect(what).not.toContain(line.replace(/=+$/, ''))
  expect(what).toContain('.env: IONOS_HOST must be an address or a host name; it is ***')
})

test('end to end: neither screen nor transcript nor receipt contains a byte of it', async () => {
  const { openssh } = folder()
  const cwd = temporaryFolder()
  writeFileSync(path.join(cwd, '.env'), `IONOS_SSH_KEY="${openssh}"\n`)
  const line = [path.join(home, 'bin', 'dominion.js'), 'point-dns', '--json']
  const { code, stdout, stderr } = await start(line, { cwd }).ended
  expect(code).toBe(2)
  expect(stderr).toContain('IONOS_SSH_KEY must be the path of a key file')
  for (const part of openssh.split('\n').slice(1, -1)) expect(stdout + stderr).not.toContain(part)
  expect(existsSync(path.join(cwd, '.dominion'))).toBe(false)
})
