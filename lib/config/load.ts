import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { type OpsError, usageError } from '../util/errors.ts'
import { formatCount } from '../util/format.ts'
import { parseNumber } from '../util/number.ts'
import type { Config } from './config.ts'
import { assertReadableLines, findCutValues } from './envFile.ts'
import { type KeyName, keys, readSettings, type ShareKind, schema } from './schema.ts'
import {
  appSecretKeyRule,
  createSecret,
  deriveApiToken,
  isKeyMaterial,
  postgresPasswordRule,
} from './secret.ts'
import { createServers } from './servers.ts'
import { type Key, limitsMean, type Source } from './setting.ts'

/**
 * Reads `.env`, then `.env.NAME` on top of it, checks all keys, and returns the frozen configuration. Environment variables
 * do not override it, so that cron and a terminal see the same values; a value `env:NAME` refers to a variable. Throws
 * (exit 2) listing every invalid key with its file and the line of `.env.example` that explains it.
 * @param folder the folder that contains `.env`
 * @param name the name given to --env; undefined for `.env` alone
 */
export async function loadConfig(folder: string, name?: string): Promise<Config> {
  if (name !== undefined && !/^[A-Za-z0-9_-]+$/.test(name)) {
    throw usageError(
      `--env ${JSON.stringify(name)} is not a valid name`,
      'Use only letters, digits, - and _: the name becomes part of a file name, .env.NAME.',
    )
  }
  if (name !== undefined && isReserved(name)) {
    throw usageError(
      `--env ${name} is reserved: ${reserved[name]}`,
      `If .env.${name} describes an environment, rename it.`,
    )
  }
  const { given, cut } = await readFiles(folder, name)
  if (name === undefined && given.get('BASE_ONLY')?.value === 'yes') throw await noEnvironment(folder)
  const complaints = [...cut, ...(await check(given))]
  if (complaints.length > 0) {
    throw usageError(
      `Invalid configuration (${formatCount(complaints.length, 'error')}):\n${complaints
        .map((complaint) => `  ${complaint}`)
        .join('\n')}`,
      'Fix them in the files listed; .env.example explains every key.',
    )
  }
  const last = filesOf(name).at(-1)!
  const textOf = (key: KeyName) => given.get(key)?.value ?? keys[key].default
  const fileOf = (key: KeyName) => given.get(key)?.file ?? last
  return deepFreeze(createConfig(textOf, fileOf, folder, name ?? 'default'))
}

/** Names that no environment can have, and what they stand for. */
const reserved = {
  default: 'receipts, hints and comparisons refer to .env itself by that name',
  example: '.env.example explains the keys',
} as const

export const isReserved = (name: string): name is keyof typeof reserved => Object.hasOwn(reserved, name)

/** Whether `.env` is declared to hold only what the environments have in common. */
export async function isBaseOnly(folder: string): Promise<boolean> {
  const { given } = await readFiles(folder, undefined)
  return given.get('BASE_ONLY')?.value === 'yes'
}

async function noEnvironment(folder: string): Promise<OpsError> {
  const { listEnvironments } = await import('./environments.ts')
  const names = listEnvironments(folder).filter((each) => each !== undefined)
  return usageError(
    '.env holds only what the environments have in common (BASE_ONLY=yes)',
    `Name the environment: ${names.map((each) => `--env ${each}`).join(', ') || '--env NAME, with a file .env.NAME'}`,
  )
}

/** For a name without a file. It never suggests `.env` alone: a mistyped name would be answered with production. */
async function suggestOthers(folder: string, name: string): Promise<string> {
  const { listEnvironments } = await import('./environments.ts')
  const { sortByNearness } = await import('../util/suggest.ts')
  const names = listEnvironments(folder).filter((each) => each !== undefined)
  if (names.length === 0) return `Create .env.${name}: no .env.NAME exists there.`
  const flags = sortByNearness(name, names).map((each) => `--env ${each}`)
  return `Use one that exists: ${flags.join(', ')}. Or create .env.${name}.`
}

/** A later file overrides an earlier one. */
const filesOf = (name: string | undefined): string[] =>
  name === undefined ? ['.env'] : ['.env', `.env.${name}`]

interface Given {
  value: string
  file: string
}

async function readFiles(
  folder: string,
  name: string | undefined,
): Promise<{ given: Map<string, Given>; cut: string[] }> {
  const { parse } = await import('dotenv')
  const wanted = filesOf(name)
  const required = wanted.at(-1)!
  if (!existsSync(path.join(folder, required))) {
    throw usageError(
      `${required} not found in ${folder}`,
      name === undefined ? 'Copy .env.example to .env and fill it in.' : await suggestOthers(folder, name),
    )
  }
  const given = new Map<string, Given>()
  const cut: string[] = []
  for (const file of wanted.filter((each) => existsSync(path.join(folder, each)))) {
    const text = readFileSync(path.join(folder, file), 'utf8')
    const values = Object.entries(parse(text))
    refuseKeyMaterial(values, file)
    assertReadableLines(text, file)
    cut.push(...findCutValues(text, file))
    for (const [key, value] of values) given.set(key, { value, file })
  }
  return { given, cut }
}

/**
 * Rejects a key in place of its path. This check comes first: otherwise the lines of the key would be printed as
 * unknown names.
 */
function refuseKeyMaterial(values: readonly [string, string][], file: string): void {
  const pasted = values.flatMap(([key, value]) => {
    const isPath = Object.hasOwn(keys, key) && keys[key as KeyName].path
    return isPath && isKeyMaterial(value) ? [key] : []
  })
  if (pasted.length === 0) return
  throw usageError(
    `${file}: ${pasted.join(', ')} must be the path of a key file, but looks like the key itself (value not shown)`,
    'Store the key in a file that only you can read (chmod 600), and write the path of that file.',
  )
}

async function check(given: Map<string, Given>): Promise<string[]> {
  const values = Object.fromEntries(
    [...given]
      .filter(([key]) => Object.hasOwn(keys, key))
      .map(([key, { value }]) => [key, parseValue(keys[key as KeyName], value)]),
  )
  const complaints = (await findInvalid(values)).map((key) => {
    return `${given.get(key)?.file}: ${key} ${wants(keys[key], given.get(key)?.value ?? '')} (${exampleLine(key)})`
  })
  return [...new Set([...complaints, ...(await findUnknownKeys(given)), ...findContradictions(given)])]
}

async function findUnknownKeys(given: Map<string, Given>): Promise<string[]> {
  const complaints: string[] = []
  // Where key material was pasted, its lines may look like variable names.
  const pasted = new Set(
    [...given.values()].filter(({ value }) => isKeyMaterial(value)).map(({ file }) => file),
  )
  for (const [key, { file }] of given) {
    if (Object.hasOwn(keys, key)) continue
    if (pasted.has(file)) {
      complaints.push(`${file}: it contains unknown keys and a pasted private key (neither is shown)`)
      continue
    }
    const { findNearest } = await import('../util/suggest.ts')
    const meant = findNearest(key, Object.keys(keys))
    complaints.push(`${file}: unknown key ${key}${meant ? `; did you mean ${meant}?` : ''}`)
  }
  return complaints
}

/** Values that are valid individually but not together, or not in this file. */
function findContradictions(given: Map<string, Given>): string[] {
  const complaints: string[] = []
  const base = given.get('BASE_ONLY')
  if (base && base.file !== '.env' && base.value !== '')
    complaints.push(`${base.file}: BASE_ONLY belongs in .env only (${exampleLine('BASE_ONLY')})`)
  const kind = given.get('REDIS_KIND')?.value ?? keys.REDIS_KIND.default
  const sku = given.get('REDIS_SKU')?.value ?? keys.REDIS_SKU.default
  if ((kind === 'classic') !== /^(Basic|Standard)_/.test(sku)) {
    complaints.push(
      `REDIS_SKU ${isKeyMaterial(sku) ? '***' : sku} is not a size for REDIS_KIND ${kind} (${exampleLine('REDIS_KIND')})`,
    )
  }
  for (const [key, about] of Object.entries(keys) as [KeyName, Key][]) {
    const [warning, critical] = (given.get(key)?.value ?? about.default).split(',').map(Number)
    if (about.means !== limitsMean || warning === undefined || critical === undefined) continue
    const lessIsWorse = key === 'HEALTH_CERTIFICATE_PERCENT'
    if (lessIsWorse ? critical > warning : warning > critical)
      complaints.push(
        `${key}=${warning},${critical}: the first is the WARNING limit and must not be ${lessIsWorse ? 'below' : 'above'} the second (${exampleLine(key)})`,
      )
  }
  return complaints
}

/** The keys whose values do not match the schema, in the order of the schema. */
async function findInvalid(values: Readonly<Record<string, unknown>>): Promise<KeyName[]> {
  const { Ajv } = await import('ajv')
  // The schema is not validated here: a test does that, and it would take longer than everything else.
  const ajv = new Ajv({ allErrors: true, messages: false, meta: false, validateSchema: false })
  // Compile only the keys that are set, because compiling takes half a millisecond for each.
  const properties = Object.entries(schema.properties).filter(([key]) => Object.hasOwn(values, key))
  const validate = ajv.compile({ ...schema, properties: Object.fromEntries(properties) })
  validate(values)
  return (validate.errors ?? []).map(({ instancePath }) => instancePath.slice(1) as KeyName)
}

/** Converts a string to the type that the schema describes: a number where the string is one. */
const parseValue = ({ type }: Key, text: string): number | string =>
  type === 'string' ? text : (parseNumber(text, { whole: type === 'integer' }) ?? text)

function wants(about: Key, value: string): string {
  const shown = about.secret || isKeyMaterial(value) ? '***' : JSON.stringify(value)
  if (about.enum) return `must be one of ${about.enum.join(', ')}; it is ${shown}`
  if (about.minimum !== undefined) {
    const sort = about.type === 'integer' ? 'a whole number' : 'a number'
    return `must be ${sort} from ${about.minimum} to ${about.maximum}; it is ${shown}`
  }
  return `must be ${about.means ?? `a ${about.type}`}; it is ${shown}`
}

function exampleLine(key: KeyName): string {
  const file = path.join(import.meta.dirname, '..', '..', '.env.example')
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split(/\r?\n/) : []
  return `.env.example line ${lines.findIndex((line) => line.replace(/^#\s?/, '').startsWith(`${key}=`)) + 1}`
}

/**
 * Gives the values of `.env` their names and types: the fields of `settings` in schema.ts, and what follows from them.
 * @param fileOf returns the file that sets a key (`.env` or `.env.NAME`), or the file where an unset key belongs
 * @param folder of `.env`; relative paths start there
 * @param environment the name given to --env, or `default`
 */
export function createConfig(
  textOf: (key: KeyName) => string,
  fileOf: (key: KeyName) => string,
  folder: string,
  environment: string,
) {
  const rules = {
    POSTGRES_PASSWORD: { rule: postgresPasswordRule(textOf('POSTGRES_USER')) },
    APP_SECRET_KEY: { rule: appSecretKeyRule, derive: (value: string) => [deriveApiToken(value)] },
  }
  const source: Source = {
    toPath: (text) => path.resolve(folder, text.replace(/^~(?=$|[/\\])/, homedir())),
    toSecret: (key, text) =>
      createSecret(key, text, { file: fileOf(key as KeyName), ...rules[key as keyof typeof rules] }),
  }
  const { servers, ...read } = readSettings(textOf, source)
  const { azure, ionos, health, network } = read
  const withoutSlash = (text: string) => text.replace(/\/+$/, '')
  const keyFiles: Partial<Record<KeyName, string>> = Object.fromEntries(
    (Object.keys(keys) as KeyName[]).map((key) => [key, fileOf(key)]),
  )
  /** Added to the environment that az inherits. */
  const azEnvironment: Readonly<Record<string, string>> = Object.fromEntries(
    Object.entries({
      HTTPS_PROXY: network.azProxy,
      HTTP_PROXY: network.azProxy,
      NO_PROXY: network.azNoProxy,
      REQUESTS_CA_BUNDLE: network.azCaFile,
      AZURE_CONFIG_DIR: network.azFolder,
    }).filter(([, value]) => value !== ''),
  )
  return {
    ...read,
    environment,
    keyFiles: keyFiles as Readonly<typeof keyFiles>,
    folder,
    shares: read.shares.split(',').filter((word): word is ShareKind => word !== ''),
    azure: { ...azure, registry: azure.registry.toLowerCase() },
    postgres: { ...read.postgres, location: read.postgres.location || azure.location },
    redis: { ...read.redis, location: read.redis.location || azure.location },
    /** What is the same on every server. */
    ionos: { ...ionos, webRoot: withoutSlash(ionos.webRoot), dnsApi: withoutSlash(ionos.dnsApi) },
    servers: createServers(servers),
    health: { ...health, neutralTargets: health.neutralTargets.split(',') },
    network: { ...network, azEnvironment },
    /** Receipts and transcripts of this environment. */
    stateDir: path.join(source.toPath(read.stateDir), environment),
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze)
    Object.freeze(value)
  }
  return value
}
