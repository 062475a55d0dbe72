import { createHmac } from 'node:crypto'
import { type Command, local } from '../shell/command.ts'
import type { Runner } from '../shell/runner.ts'
import { exitCode, usageError } from '../util/errors.ts'
import { type Config, formatAzLine } from './config.ts'

/** A secret of the configuration: its value, or a reference to it. Always prints as `***`. */
export interface Secret {
  readonly key: string
  /** The file that sets it, or where it belongs: `.env` or `.env.NAME`. */
  readonly file: string
  /** Checks its value, in addition to the rules for all secrets. */
  readonly rule: SecretRule
  readonly given: boolean
  /** The text in `.env`: for a reference, not the value. */
  readonly text: () => string
  /** Secrets derived from the value; they are redacted, too. */
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

/** Whether the text refers to a secret elsewhere (`env:NAME`, `op://…`, `azkv://vault/name`). */
export const isReference = (text: string): boolean => /^(env:|op:\/\/|azkv:\/\/)/.test(text)

/** The command that reads a reference; undefined when none is needed. */
export function secretCommand(text: string): Command | undefined {
  const explain = () => ({
    next: `Log in to the store of the secret: ${text.startsWith('op://') ? 'op signin' : formatAzLine('az login')}`,
    exitCode: exitCode.notLoggedIn,
  })
  if (text.startsWith('op://')) return local({ explain })`op read --no-newline ${text}`
  const vault = /^azkv:\/\/([^/]+)\/([^/]+)$/.exec(text)
  if (!vault) return undefined
  return local({ explain })`
    az keyvault secret show --vault-name ${vault[1]} --name ${vault[2]}
    --query value --output json --only-show-errors`
}

export const isInKeyVault = (secret: Secret): boolean => secret.text().startsWith('azkv://')

/**
 * The secret's value, registered with the redactor first. Throws (exit 2) when the value is missing, is still
 * the placeholder from `.env.example`, starts with a character that az interprets, or breaks its rule.
 */
export async function revealSecret(secret: Secret, runner: Runner): Promise<string> {
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
  if (placeholder.test(value)) return 'is still the placeholder from .env.example'
  if (/^[@-]/.test(value)) return 'must not begin with @ or -: az would read it as a file or an option'
  return secret.rule(value)
}

const fetched = new WeakMap<Secret, Promise<string>>()

/** Read once per run: a vault takes a second, and 1Password may prompt the operator. */
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
      `${secret.key} is a reference that cannot be resolved: ${text}`,
      'Write azkv://vault/name (the secret of an Azure Key Vault, in its current version).',
    )
  }
  if (!command) return text
  const { stdout } = await runner.runPrivately(command)
  return command.argv[0] === 'az' ? String(JSON.parse(stdout)) : stdout
}

/** What key files contain: PEM, OpenSSH (also in base64), PuTTY, a public key, a known_hosts line. */
const beginnings =
  /-----BEGIN |PRIVATE KEY-----|PuTTY-User-Key-File|b3BlbnNzaC1rZXkt|LS0tLS1CRUdJTi|(^|\s)(ssh-(rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-(ssh|ecdsa)-\S+)\s+AAAA/

/** A line of base64, from the middle of a key without its header. */
const base64 = /^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9+/=]{64,}$/
/** The parts of a path are shorter between their slashes. */
const longPart = /[^/]{32,}/

/**
 * Whether a string looks like a key rather than the path of its file. A string of several lines is not a path either.
 */
export const isKeyMaterial = (text: string): boolean =>
  beginnings.test(text) ||
  /[\r\n]/.test(text) ||
  (!/^[/~.]/.test(text) && base64.test(text) && longPart.test(text))

/**
 * What is wrong with a secret's value, completing the sentence "KEY …" without showing the value; undefined: nothing.
 */
export type SecretRule = (value: string) => string | undefined

/**
 * The rules of Azure for the password of a PostgreSQL administrator: 8–128 characters of three of four kinds
 * (`az postgres flexible-server create --help`, --admin-password), and, according to the portal, not
 * containing the login name.
 */
export const postgresPasswordRule =
  (user: string): SecretRule =>
  (value) => {
    if (value.length < 8 || value.length > 128) {
      return `has ${value.length} characters; Azure accepts 8 to 128`
    }
    const sorts = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((sort) => sort.test(value)).length
    if (sorts < 3) {
      return `has ${sorts} of the four kinds of characters (upper case, lower case, digits, others); Azure requires three`
    }
    return value.toLowerCase().includes(user.toLowerCase())
      ? 'contains the name of POSTGRES_USER, which Azure refuses'
      : undefined
  }

/** The key signs sessions, so it must be too long to guess. */
export const appSecretKeyRule: SecretRule = (value) =>
  value.length < 16
    ? `has ${value.length} characters; at least 16 are required (openssl rand -hex 32)`
    : undefined

/** The backend derives the same token (dominion/credentials.py). A different label would produce a different token. */
const apiTokenLabel = 'codex-dominion api token v1'

/** The token that the API requires for writing: HMAC-SHA256 with APP_SECRET_KEY as the key, in hexadecimal. */
export const deriveApiToken = (secretKey: string): string =>
  createHmac('sha256', secretKey).update(apiTokenLabel).digest('hex')

/** The API token of this environment. Throws as `revealSecret` does when APP_SECRET_KEY cannot be used. */
export const getApiToken = async ({ backend }: Config, runner: Runner): Promise<string> =>
  deriveApiToken(await revealSecret(backend.secretKey, runner))
