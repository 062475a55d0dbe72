import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import {
  evaluateHostKey,
  findHostKey,
  formatFingerprint,
  formatHostName,
  getHostKeyAlgorithms,
  getKeyType,
  parseKnownHosts,
  readRevokedKeys,
} from '../../../lib/vps/ssh/knownHosts.ts'
import { readKeyFiles, readSshSettings } from '../../../lib/vps/ssh/settings.ts'
import { temporaryFolder, testHost } from '../../support/helpers.ts'

/** A public key blob of a type: its name as a length-prefixed field, then some bytes. */
function blob(type: string, content: string): string {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(type.length)
  return Buffer.concat([length, Buffer.from(type), Buffer.from(content)]).toString('base64')
}
const ed = blob('ssh-ed25519', 'ours')
const other = blob('ssh-ed25519', 'theirs')
const rsa = blob('ssh-rsa', 'ours')
const hashed = (name: string) => {
  const salt = Buffer.from('0123456789abcdefghij')
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}
const verdict = (text: string, name: string, key: string) => evaluateHostKey(parseKnownHosts(text), name, key)

test('a plain line applies only to its host', () => {
  const text = `# comment\n\nvps.example,10.0.0.1 ssh-ed25519 ${ed} a comment\r\n`
  expect(verdict(text, 'vps.example', ed)).toEqual({ is: 'known', line: 3 })
  expect(verdict(text, 'VPS.example', ed)).toEqual({ is: 'known', line: 3 })
  expect(verdict(text, '10.0.0.1', ed)).toEqual({ is: 'known', line: 3 })
  expect(verdict(text, 'vps.example.org', ed)).toEqual({ is: 'unknown' })
  expect(verdict('', 'vps.example', ed)).toEqual({ is: 'unknown' })
})

test('a port other than 22 is part of the name', () => {
  expect(formatHostName('Vps', 22)).toBe('vps')
  expect(formatHostName('Vps', 2222)).toBe('[vps]:2222')
  expect(verdict(`[vps]:2222 ssh-ed25519 ${ed}`, formatHostName('vps', 2222), ed)).toEqual({
    is: 'known',
    line: 1,
  })
  expect(verdict(`vps ssh-ed25519 ${ed}`, formatHostName('vps', 2222), ed)).toEqual({ is: 'unknown' })
})

test('hashed names, as Debian writes them', () => {
  const text = `${hashed('[vps]:2222')} ssh-ed25519 ${ed}\n${hashed('vps')} ssh-ed25519 ${other}`
  expect(verdict(text, '[vps]:2222', ed)).toEqual({ is: 'known', line: 1 })
  expect(verdict(text, 'vps', ed)).toEqual({ is: 'changed', lines: [2], sameType: true })
  expect(verdict(text, 'elsewhere', ed)).toEqual({ is: 'unknown' })
})

test('wildcards, and patterns that exclude a line', () => {
  const text = `*.example,!bad.example,10.0.0.? ssh-ed25519 ${ed}`
  expect(verdict(text, 'www.example', ed).is).toBe('known')
  expect(verdict(text, '10.0.0.7', ed).is).toBe('known')
  expect(verdict(text, '10.0.0.77', ed).is).toBe('unknown')
  expect(verdict(text, 'bad.example', ed).is).toBe('unknown')
  expect(verdict(`!vps ssh-ed25519 ${ed}`, 'other', ed).is).toBe('unknown')
})

test('a changed key names its lines, those of the same type first', () => {
  const text = `vps ssh-rsa ${rsa}\nvps ssh-ed25519 ${ed}`
  expect(verdict(text, 'vps', other)).toEqual({ is: 'changed', lines: [2], sameType: true })
  expect(verdict(`vps ssh-rsa ${rsa}`, 'vps', other)).toEqual({ is: 'changed', lines: [1], sameType: false })
})

test('a revoked key is refused, even if another line lists it', () => {
  const text = `vps ssh-ed25519 ${ed}\n@revoked * ssh-ed25519 ${ed}`
  expect(verdict(text, 'vps', ed)).toEqual({ is: 'revoked', line: 2 })
  expect(verdict(`@revoked vps ssh-ed25519 ${ed}`, 'vps', other)).toEqual({ is: 'unknown' })
})

const find = (texts: Record<string, string>, names: string[], key: string, revoked: string[] = []) => {
  const files = Object.entries(texts).map(([file, text]) => ({ file, entries: parseKnownHosts(text) }))
  const { file, verdict } = findHostKey(files, names, key, readRevokedKeys(revoked))
  return { file, ...verdict }
}
const names = ['vps', 'real.example']

test('a key that is right for one name and replaced under another is refused', () => {
  const text = `vps ssh-ed25519 ${ed}\nreal.example ssh-ed25519 ${other}`
  const replaced = { file: 'user', is: 'changed', sameType: true }
  expect(find({ user: text }, names, ed)).toEqual({ ...replaced, lines: [2] })
  expect(find({ user: text }, names, other)).toEqual({ ...replaced, lines: [1] })
  const elsewhere = { user: `vps ssh-ed25519 ${ed}`, global: `real.example ssh-ed25519 ${other}` }
  expect(find(elsewhere, names, ed)).toEqual({ ...replaced, file: 'global', lines: [1] })
  expect(find({ user: `@revoked real.example ssh-ed25519 ${ed}\nvps ssh-ed25519 ${ed}` }, names, ed).is).toBe(
    'revoked',
  )
})

test('a key that one name lists is known, if the other lists it, too, another type, or nothing', () => {
  expect(find({ user: `vps ssh-ed25519 ${ed}` }, names, ed)).toEqual({ file: 'user', is: 'known', line: 1 })
  for (const more of [
    `real.example ssh-ed25519 ${ed}`,
    `real.example ssh-rsa ${rsa}`,
    `vps ssh-ed25519 ${other}`,
  ])
    expect(find({ user: `vps ssh-ed25519 ${ed}\n${more}` }, names, ed).is, more).toBe('known')
  const two = { user: `vps ssh-ed25519 ${other}`, global: `vps ssh-ed25519 ${ed}` }
  expect(find(two, ['vps'], ed)).toEqual({ file: 'global', is: 'known', line: 1 })
})

test('RevokedHostKeys is honoured, and no key is accepted when it cannot be read', () => {
  const revoked = path.join(temporaryFolder(), 'revoked')
  writeFileSync(revoked, `# lost\nssh-ed25519 ${other} of another\r\n  ssh-ed25519 ${ed}\n`)
  const text = { user: `vps ssh-ed25519 ${ed}\nvps ssh-rsa ${rsa}` }
  expect(find(text, ['vps'], ed, [revoked])).toEqual({ file: revoked, is: 'revoked', line: 3 })
  expect(find(text, ['vps'], rsa, [revoked])).toMatchObject({ is: 'known' })
  expect(find(text, ['vps'], rsa, ['/nowhere'])).toMatchObject({ is: 'unreadable', reason: 'ENOENT' })
  writeFileSync(revoked, Buffer.from('SSHKRL\n\0\0\0\0\x01', 'latin1'))
  expect(find(text, ['vps'], rsa, [revoked])).toMatchObject({
    is: 'unreadable',
    reason: 'a binary list (KRL)',
  })
})

test('inconsistent lines are ignored', () => {
  for (const line of [
    `vps ssh-rsa ${ed}`,
    `vps ssh-ed25519`,
    `vps ssh-ed25519 !!!`,
    `@cert-authority vps ssh-ed25519 ${ed}`,
    `@unheard-of vps ssh-ed25519 ${ed}`,
    `|2|c2FsdA==|aGFzaA== ssh-ed25519 ${ed}`,
    `|1||  ssh-ed25519 ${ed}`,
    `|1|c2FsdA==|aGFzaA==|more ssh-ed25519 ${ed}`,
    `,, ssh-ed25519 ${ed}`,
    `! ssh-ed25519 ${ed}`,
  ]) {
    expect(verdict(line, 'vps', ed), line).toEqual({ is: 'unknown' })
  }
})

test('regular expression characters in a pattern are literal', () => {
  expect(verdict(`.* ssh-ed25519 ${ed}`, 'vps', ed).is).toBe('unknown')
  expect(verdict(`[a-z]+ ssh-ed25519 ${ed}`, 'vps', ed).is).toBe('unknown')
})

test('a hostile pattern does not stall', () => {
  const started = performance.now()
  expect(verdict(`${'*a'.repeat(2000)}b ssh-ed25519 ${ed}`, 'a'.repeat(2000), ed).is).toBe('unknown')
  expect(performance.now() - started).toBeLessThan(1000)
})

test('algorithms of known keys are offered first, SHA-1 never', () => {
  const known = parseKnownHosts(`vps ssh-rsa ${rsa}`)
  expect(getHostKeyAlgorithms(known, ['vps']).slice(0, 3)).toEqual([
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ssh-ed25519',
  ])
  expect(getHostKeyAlgorithms(known, ['other'])[0]).toBe('ssh-ed25519')
  expect(getHostKeyAlgorithms(known, ['vps'])).not.toContain('ssh-rsa')
})

test('types and fingerprints of keys', () => {
  expect(getKeyType(ed)).toBe('ssh-ed25519')
  expect(getKeyType('')).toBe('')
  expect(getKeyType('/////w==')).toBe('')
  const real = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl' // github.com's, as it publishes it
  expect(formatFingerprint(real)).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU')
})

test('also with IONOS_SSH_KEY, ssh -G names the files that decide about the host key', async () => {
  const stdout = 'userknownhostsfile /a /b\nglobalknownhostsfile /etc/c\nrevokedhostkeys /etc/lost ~/lost\n'
  const runner = { run: async () => ({ code: 0, stdout, stderr: '', timedOut: false }) }
  const usual = path.join(homedir(), '.ssh', 'known_hosts')
  const read = async (key: string, knownHosts: string) => {
    const host = { ...testHost, key, knownHosts }
    return readKeyFiles(host, await readSshSettings(host, runner), runner)
  }
  const revokedHostKeys = ['/etc/lost', path.join(homedir(), 'lost')]
  for (const key of ['', '/my/key']) {
    expect(await read(key, usual)).toEqual({ knownHosts: ['/a', '/b', '/etc/c'], revokedHostKeys })
    expect(await read(key, '/named')).toEqual({ knownHosts: ['/named'], revokedHostKeys })
  }
})
