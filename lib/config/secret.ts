import type { Command } from '../command/command.ts'
import { look } from '../command/command.ts'
import { exitCode, usageError } from '../command/errors.ts'
import type { Runner } from '../command/runner.ts'
import type { SecretRule } from './secretRules.ts'

/** A secret as the configuration holds it: the value itself, or where it is kept. Prints as `***` wherever it goes. */
export interface Secret {
  /** The key of `.env`. */
  readonly key: string
  /** Where it is set, or belongs: `.env` or `.env.NAME`. */
  readonly file: string
  /** What its values must be like, besides what all secrets must. */
  readonly rule: SecretRule
  /** Is anything set at all? */
  readonly given: boolean
  /** The text of `.env`; for a reference, not the value. */
  readonly text: () => string
  /** Secrets that follow from a value: they are redacted with it. */
  readonly derive: (value: string) => readonly string[]
  toString(): '***'
  toJSON(): '***'
}

const placeholder = /^(change[-_ ]?me|replace[-_ ]?me|your[-_ ]|placeholder|example|<.*>$|xxx+)/i

export const createSecret = (
  key: string,
  text: string,
  {
    file = '.env',
    rule = () => undefined,
    derive = () => [],
  }: { file?: string; rule?: SecretRule; derive?: Secret['derive'] } = {},
): Secret => ({
  key,
  file,
  rule,
  given: text !== '',
  text: () => text,
  derive,
  toString: () => '***',
  toJSON: () => '***',
})

/** Is it kept elsewhere (`env:NAME`, `op://…`, `azkv://vault/name`)? */
export const isReference = (text: string): boolean => /^(env:|op:\/\/|azkv:\/\/)/.test(text)

/** The command that fetches a reference; undefined when none is needed. */
export function secretCommand(text: string): Command | undefined {
  const explain = () => ({
    next: 'Log in where the secret is kept (op signin, az login).',
    exitCode: exitCode.notLoggedIn,
  })
  if (text.startsWith('op://')) return look(['op', 'read', '--no-newline', text], { explain })
  const vault = /^azkv:\/\/([^/]+)\/([^/]+)$/.exec(text)
  if (!vault) return undefined
  return look(
    [
      ...['az', 'keyvault', 'secret', 'show', '--vault-name', vault[1]!, '--name', vault[2]!],
      ...['--query', 'value', '--output', 'json', '--only-show-errors'],
    ],
    { explain },
  )
}

/** Is it kept in an Azure Key Vault? */
export const inKeyVault = (secret: Secret): boolean => secret.text().startsWith('azkv://')

/**
 * The secret's value, registered with the redactor before anyone sees it.
 * Throws (exit 2) when it is missing, still the placeholder of `.env.example`, begins with what az would read as a file,
 * or is against its rule; a reference is judged by what it leads to.
 */
export async function reveal(secret: Secret, runner: Runner): Promise<string> {
  const value = await fetchValue(secret, runner)
  for (const each of [value, ...secret.derive(value)]) runner.secrets.add(each)
  const wrong = wrongIn(secret, value)
  if (wrong === undefined) return value
  const source = isReference(secret.text()) ? ` (${secret.text()})` : ''
  throw usageError(
    `${secret.key}${source} ${wrong}`,
    `Set ${secret.key} in ${secret.file}: a value, or a reference (env:NAME, op://vault/item/field, azkv://vault/name).`,
  )
}

function wrongIn(secret: Secret, value: string): string | undefined {
  if (value === '') return 'is not set'
  if (placeholder.test(value)) return 'is still the placeholder of .env.example'
  if (/^[@-]/.test(value)) return 'must not begin with @ or -: az would read it as a file or an option'
  return secret.rule(value)
}

const fetched = new WeakMap<Secret, Promise<string>>()

/** Asked once a run: a vault takes a second, and 1Password may ask the operator. */
function fetchValue(secret: Secret, runner: Runner): Promise<string> {
  const asked = fetched.get(secret) ?? followReference(secret, runner)
  fetched.set(secret, asked)
  asked.catch(() => fetched.delete(secret))
  return asked
}

async function followReference(secret: Secret, runner: Runner): Promise<string> {
  const text = secret.text()
  if (text.startsWith('env:')) return process.env[text.slice(4)] ?? ''
  const command = secretCommand(text)
  if (!command && isReference(text)) {
    throw usageError(
      `${secret.key} is a reference that cannot be followed: ${text}`,
      'Write azkv://vault/name (the secret of an Azure Key Vault, in its current version).',
    )
  }
  if (!command) return text
  // The output is the secret: keep it out of the transcript by asking without one.
  const { stdout } = await runner.runPrivately(command)
  return command.argv[0] === 'az' ? String(JSON.parse(stdout)) : stdout
}
