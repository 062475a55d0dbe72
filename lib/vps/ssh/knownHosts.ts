import { createHash, createHmac } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { ServerHostKeyAlgorithm } from 'ssh2'

/** One valid line of a known_hosts file (sshd(8), “SSH_KNOWN_HOSTS FILE FORMAT”). */
interface KnownHost {
  /** Counts from 1. */
  line: number
  revoked: boolean
  /** Whether the line is about a name: `host`, or `[host]:port` when the port is not 22. */
  matches: (name: string) => boolean
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa` … */
  type: string
  /** The public key in its wire format, base64. */
  key: string
}

export type HostKeyVerdict =
  | { is: 'known'; line: number }
  | { is: 'unknown' }
  /** known_hosts lists other keys for the host. */
  | { is: 'changed'; lines: number[]; sameType: boolean }
  | { is: 'revoked'; line: number }
  /** A file of RevokedHostKeys cannot be read, so the key may be revoked. */
  | { is: 'unreadable'; reason: string }

/** Parses known_hosts. Skips invalid lines, as OpenSSH does, and `@cert-authority`: ssh2 supports no host certificates. */
export function parseKnownHosts(text: string): KnownHost[] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const words = raw.trim().split(/[ \t]+/)
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined
    const [hosts, type, key] = words
    if (!hosts || hosts.startsWith('#') || !type || !key) return []
    if (marker !== undefined && marker !== '@revoked') return []
    if (getKeyType(key) !== type) return []
    const matches = hosts.startsWith('|') ? createHashMatcher(hosts) : createPatternMatcher(hosts)
    if (!matches) return []
    return [{ line: index + 1, revoked: marker === '@revoked', matches, type, key: normaliseKey(key) }]
  })
}

export const formatHostName = (host: string, port: number): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`

/** Evaluates the key (wire format, base64) of a server by one of its names. A revoked key is refused even if listed. */
export function evaluateHostKey(known: readonly KnownHost[], name: string, key: string): HostKeyVerdict {
  const type = getKeyType(key)
  const shown = normaliseKey(key)
  const ours = known.filter((entry) => entry.matches(name))
  const revoked = ours.find((entry) => entry.revoked && entry.key === shown)
  if (revoked) return { is: 'revoked', line: revoked.line }
  const trusted = ours.filter((entry) => !entry.revoked)
  const same = trusted.find((entry) => entry.key === shown)
  if (same) return { is: 'known', line: same.line }
  if (trusted.length === 0) return { is: 'unknown' }
  const sameType = trusted.filter((entry) => entry.type === type)
  return {
    is: 'changed',
    lines: (sameType.length > 0 ? sameType : trusted).map((entry) => entry.line),
    sameType: sameType.length > 0,
  }
}

interface KnownHostsFile {
  file: string
  entries: readonly KnownHost[]
}

/** Reads those of the files that exist. */
export const readKnownHosts = (files: readonly string[]): KnownHostsFile[] =>
  files.map((file) => ({
    file,
    entries: existsSync(file) ? parseKnownHosts(readFileSync(file, 'utf8')) : [],
  }))

interface RevokedKeysFile {
  file: string
  /** The key of each line; '' where there is none. */
  keys: readonly string[]
  /** Why the file cannot be read; OpenSSH then accepts no key of any host (ssh_config(5)), nor does this tool. */
  problem?: string
}

/** Reads the files of RevokedHostKeys: one public key per line. */
export const readRevokedKeys = (files: readonly string[]): RevokedKeysFile[] =>
  files.map((file) => {
    try {
      const text = readFileSync(file, 'latin1')
      // ssh-keygen(1), KEY REVOCATION LISTS; the magic number is from PROTOCOL.krl.
      if (text.startsWith('SSHKRL\n\0')) return { file, keys: [], problem: 'a binary list (KRL)' }
      return { file, keys: text.split(/\r?\n/).map(parseRevokedKey) }
    } catch (error) {
      return { file, keys: [], problem: `${(error as NodeJS.ErrnoException).code ?? error}` }
    }
  })

function parseRevokedKey(line: string): string {
  const words = line.trim().split(/[ \t]+/)
  const at = words.findIndex((word, index) => word !== '' && getKeyType(words[index + 1] ?? '') === word)
  return line.startsWith('#') || at < 0 ? '' : normaliseKey(words[at + 1]!)
}

/** A server's key, what the files say about it, and the file that decides: the first one for an unknown key. */
export interface FoundKey {
  key: string
  verdict: HostKeyVerdict
  file: string
}

/**
 * A revoked key is refused, whatever the names say. For each name, a key that one of the files lists is known, as in
 * OpenSSH; a key that is known for one name and has replaced another of its type under the other name is refused.
 */
export function findHostKey(
  known: readonly KnownHostsFile[],
  names: readonly string[],
  key: string,
  revoked: readonly RevokedKeysFile[] = [],
): FoundKey {
  for (const { file, keys, problem } of revoked) {
    const line = keys.indexOf(normaliseKey(key)) + 1
    if (line > 0) return { key, file, verdict: { is: 'revoked', line } }
    if (problem) return { key, file, verdict: { is: 'unreadable', reason: problem } }
  }
  const byName = names.flatMap((name) => {
    const found = known.map(({ file, entries }) => ({
      key,
      file,
      verdict: evaluateHostKey(entries, name, key),
    }))
    return sortBy(found, ['revoked', 'known', 'changed', 'unknown'], ({ verdict }) => verdict.is).slice(0, 1)
  })
  // Another type may be a further key of the same server, which was never used under that name.
  const order = ['revoked', 'replaced', 'known', 'changed', 'unknown']
  const [worst] = sortBy(byName, order, ({ verdict }) =>
    verdict.is === 'changed' && verdict.sameType ? 'replaced' : verdict.is,
  )
  return worst ?? { key, file: '', verdict: { is: 'unknown' } }
}

const sortBy = <Item>(
  items: readonly Item[],
  order: readonly string[],
  get: (item: Item) => string,
): Item[] => items.toSorted((one, other) => order.indexOf(get(one)) - order.indexOf(get(other)))

const signatures: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  // RFC 8332; the SHA-1 form `ssh-rsa` is not offered.
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
}

/** Offers the algorithms of known keys first: a server shows its first key that both sides support. */
export function getHostKeyAlgorithms(known: readonly KnownHost[], names: readonly string[]) {
  const types = known
    .filter((entry) => !entry.revoked && names.some((name) => entry.matches(name)))
    .map((entry) => entry.type)
  return [...new Set([...types, ...Object.keys(signatures)].flatMap((type) => signatures[type] ?? []))]
}

/** Formats the fingerprint as ssh-keygen -l does. */
export const formatFingerprint = (key: string): string =>
  `SHA256:${createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64').replace(/=+$/, '')}`

/** Reads the type from the first field of a public key (RFC 4253, 6.6); '' when it is not a key. */
export function getKeyType(key: string): string {
  const blob = Buffer.from(key, 'base64')
  if (blob.length < 4) return ''
  const length = blob.readUInt32BE(0)
  return length > 64 || blob.length < 4 + length ? '' : blob.toString('latin1', 4, 4 + length)
}

const normaliseKey = (key: string): string => Buffer.from(key, 'base64').toString('base64')

/** `|1|salt|hash`: HMAC-SHA1 of the name. */
function createHashMatcher(hosts: string): KnownHost['matches'] | undefined {
  const [, version, salt, hash, ...rest] = hosts.split('|')
  if (version !== '1' || !salt || !hash || rest.length > 0) return undefined
  const wanted = normaliseKey(hash)
  return (name) =>
    createHmac('sha1', Buffer.from(salt, 'base64')).update(name.toLowerCase()).digest('base64') === wanted
}

/** Comma-separated patterns with `*` and `?`; the line does not match if a pattern after `!` does. */
function createPatternMatcher(hosts: string): KnownHost['matches'] {
  const patterns = hosts
    .toLowerCase()
    .split(',')
    .filter((pattern) => pattern.replace(/^!/, '') !== '')
  return (name) => {
    const wanted = name.toLowerCase()
    if (patterns.some((pattern) => pattern.startsWith('!') && matchesGlob(pattern.slice(1), wanted)))
      return false
    return patterns.some((pattern) => !pattern.startsWith('!') && matchesGlob(pattern, wanted))
  }
}

/** Takes quadratic time at most; as a regular expression, a hostile pattern such as `*a*a*a*a…` would take exponential time. */
function matchesGlob(pattern: string, text: string): boolean {
  let p = 0
  let t = 0
  let star = -1
  let resume = 0
  while (t < text.length) {
    if (p < pattern.length && (pattern[p] === '?' || (pattern[p] === text[t] && pattern[p] !== '*'))) {
      p++
      t++
    } else if (pattern[p] === '*') {
      star = p++
      resume = t
    } else if (star >= 0) {
      p = star + 1
      t = ++resume
    } else return false
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}
