import type { Runner } from '../shell/runner.ts'
import { type Failure, usageError } from '../util/errors.ts'
import type { Config } from './config.ts'
import { revealSecret, type Secret } from './secret.ts'

/**
 * What a new secret needs. Sessions and API tokens let anyone try keys offline, so the application's key needs more than a
 * password that only the server can confirm.
 */
const needs = {
  POSTGRES_PASSWORD: { characters: 16, bits: 60, command: 'openssl rand -base64 24' },
  APP_SECRET_KEY: { characters: 16, bits: 80, command: 'openssl rand -hex 32' },
}
export type StrongKey = keyof typeof needs

/** Words that a guess begins with, in lower case. Sequences and repetitions are found without a list. */
const commonWords = [
  ...['password', 'passwort', 'passphrase', 'secret', 'letmein', 'welcome', 'changeme', 'change', 'default'],
  ...['admin', 'root', 'user', 'guest', 'login', 'master', 'access', 'server', 'database', 'postgres'],
  ...['example', 'sample', 'test', 'demo', 'temp', 'hello', 'love', 'dragon', 'monkey', 'football'],
  ...['baseball', 'sunshine', 'princess', 'shadow', 'superman', 'batman', 'trustno', 'company'],
  ...['summer', 'winter', 'spring', 'autumn', 'qwerty', 'qwertz', 'azerty', 'asdf', 'zxcv', 'qazwsx'],
  ...['1q2w3e', 'azure', 'codex', 'dominion'],
]

/** The letters that digits and signs commonly replace. */
const letters = new Map(
  ['0o', '1i', '3e', '4a', '5s', '7t', '@a', '$s', '!i'].map(([sign, letter]) => [sign, letter]),
)

/**
 * An estimate of how many bits somebody must guess: the size of the alphabet for each character that neither repeats nor
 * continues the previous one. A common word counts as one character, and a repeated part counts once.
 */
export function estimateBits(value: string): number {
  const unit = /^(.+?)\1+$/s.exec(value)?.[1] ?? value
  const lower = unit.toLowerCase()
  const plain = lower.replaceAll(/[0-9@$!]/g, (each) => letters.get(each) ?? each)
  const counts = Array.from(unit, () => true)
  for (const text of [lower, plain])
    for (const word of commonWords)
      for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1))
        counts.fill(false, at + 1, at + word.length)
  for (let at = 1; at < unit.length; at++)
    if (Math.abs(unit.charCodeAt(at) - unit.charCodeAt(at - 1)) <= 1) counts[at] = false
  const kinds: [RegExp, number][] = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[0-9]/, 10],
    [/[^A-Za-z0-9]/, 33],
  ]
  const alphabet = kinds.reduce((sum, [kind, size]) => sum + (kind.test(unit) ? size : 0), 0)
  return counts.filter(Boolean).length * Math.log2(Math.max(alphabet, 2))
}

/** What is weak about the value and how to get a better one, without showing it; undefined if it is strong. */
export function findWeakness({ key, file }: Pick<Secret, 'key' | 'file'>, value: string) {
  const { characters, bits, command } = needs[key as StrongKey]
  const isShort = value.length < characters
  if (!isShort && estimateBits(value) >= bits) return undefined
  const reason = isShort
    ? `it has ${value.length} characters, and at least ${characters} are required`
    : 'common words, sequences and repetitions add little strength'
  return {
    what: `${key} is too easy to guess: ${reason}`,
    next: `Set ${key} in ${file} to a random value: ${command}`,
  } satisfies Failure
}

/** Throws (exit 2) when a secret that is about to be used for something new is weak. */
export async function assertStrong(secrets: readonly Secret[], runner: Runner): Promise<void> {
  const found = await findWeak(secrets, runner)
  if (found.length === 0) return
  throw usageError(found.map(({ what }) => what).join('; '), found.map(({ next }) => next).join('\n  '))
}

/** The weak ones of these secrets. Throws as `revealSecret` does. */
export async function findWeak(secrets: readonly Secret[], runner: Runner) {
  const values = await Promise.all(secrets.map((secret) => revealSecret(secret, runner)))
  return secrets.flatMap((secret, index) => findWeakness(secret, values[index]!) ?? [])
}

/** The secrets whose strength counts. */
export const strongSecrets = ({ postgres, backend }: Config): Secret[] => [
  postgres.password,
  backend.secretKey,
]
