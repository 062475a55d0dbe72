import { homedir } from 'node:os'
import path from 'node:path'
import { type KeyName, keys, readSettings, type ShareKind, type Source } from './schema.ts'
import { appSecretKeyRule, createSecret, deriveApiToken, postgresPasswordRule } from './secret.ts'

/** A value from the first limit on is a WARNING, from the second on CRITICAL. */
export interface Limits {
  readonly warning: number
  readonly critical: number
}

/** The whole configuration, frozen. Paths are absolute. */
export type Config = Readonly<ReturnType<typeof createConfig>>

/**
 * Gives the values of `.env` their names and types: the fields of `settings` in schema.ts, and what follows from them.
 *
 * @param fileOf the file that sets a key, `.env` or `.env.NAME`; for one that none sets, the file where it belongs
 * @param folder of `.env`; relative paths start there
 * @param environment the name given to --env, else `default`
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
  const read = readSettings(textOf, source)
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
    ionos: {
      ...ionos,
      knownHosts: ionos.knownHosts || path.join(homedir(), '.ssh', 'known_hosts'),
      /** The address that DNS must point to. */
      publicIp: ionos.publicIp || ionos.host,
      webRoot: withoutSlash(ionos.webRoot),
      dnsApi: withoutSlash(ionos.dnsApi),
    },
    health: { ...health, neutralTargets: health.neutralTargets.split(',') },
    network: { ...network, azEnvironment },
    /** Receipts and transcripts of this environment. */
    stateDir: path.join(source.toPath(read.stateDir), environment),
  }
}
