import { quoteLine, quoteToPaste } from '../shell/quote.ts'
import type { Host } from '../shell/remote.ts'
import { parseJson } from '../util/json.ts'
import type { createConfig } from './load.ts'
import type { KeyName } from './schema.ts'

/** A value at or beyond the first limit is a WARNING, at or beyond the second CRITICAL. */
export interface Limits {
  readonly warning: number
  readonly critical: number
}

/** A VPS: how ssh reaches it, and which addresses DNS must point to. */
export interface Server extends Host {
  readonly publicIp: string
  /** '' when no AAAA record is to be set. */
  readonly publicIpv6: string
  /** The keys that set its fields, for hints: each server has its own. */
  readonly keys: ServerKeys
}

export type ServerKeys = Readonly<
  Record<'address' | 'port' | 'user' | 'key' | 'knownHosts' | 'publicIp' | 'publicIpv6', KeyName>
>

/** Whether a host is a server of the configuration. A jump host on the way to it is configured by ssh alone. */
export const isServer = (host: Host): host is Server => 'keys' in host

/** The whole configuration, frozen. Paths are absolute. */
export type Config = Readonly<ReturnType<typeof createConfig>>

/** The port of the backend: the container opens it, probes use it, and nginx proxies /api/ to it. */
export const backendPort = 5000

/** The site's names, the main one first. */
export const getSiteNames = ({ domain }: Config): [string, string] => [domain, `www.${domain}`]

/** The backend's /health through nginx, also in maintenance. */
export const getServedHealthUrl = ({ domain }: Config): string => `https://${domain}/_dominion/health`

/** The DNS label of the group that serves while the backend is replaced. */
export const surgeLabel = (config: Config): string => `${config.backend.dnsLabel}-next`

/** The release named in a response of /health; undefined if it names none. */
export function parseRelease(health: string): string | undefined {
  const release = parseJson<{ release?: unknown }>(health)?.release
  return typeof release === 'string' && release !== '' ? release : undefined
}

/*
 * A printed command must act on the environment of this run, and a hint must name the file that this run has read. A
 * process runs one script on one environment, so this module stores it once, for code that has no configuration at
 * hand. Call these functions only when a message is written: nothing is stored yet while modules load.
 */

let environment: string | undefined
let keyFiles: Config['keyFiles'] = {}
let azFolder: string | undefined
let subscription: string | undefined

/** Stores the name given to --env, before any file is read; undefined = `.env` alone. */
export function noteEnvironment(name: string | undefined): void {
  environment = name
  keyFiles = {}
  azFolder = undefined
  subscription = undefined
}

export function noteConfig(config: Config): void {
  environment = config.environment === 'default' ? undefined : config.environment
  keyFiles = config.keyFiles
  azFolder = config.network.azEnvironment.AZURE_CONFIG_DIR
}

/** Stores the subscription that this run uses, as soon as az has named it. */
export function noteSubscription(id: string): void {
  subscription = id
}

/** The id of the subscription that this run uses; undefined before az has named it. */
export const getSubscription = (): string | undefined => subscription

/** The command that runs a script on this environment: `npx dominion unlock --env staging`. */
export const formatScriptLine = (script: string, ...args: readonly string[]): string =>
  quoteToPaste([
    'npx',
    'dominion',
    script,
    ...args,
    ...(environment === undefined ? [] : ['--env', environment]),
  ])

/** The file or files that set these keys: `.env.staging`, `.env and .env.staging`. */
export const formatKeyFile = (...keys: readonly [KeyName, ...KeyName[]]): string => {
  const own = environment === undefined ? '.env' : `.env.${environment}`
  return [...new Set(keys.map((key) => keyFiles[key] ?? own))].join(' and ')
}

/**
 * These act on no subscription, or on the one that a resource's id or address contains. `az login` and `az logout` refuse
 * the flag.
 */
const ownSubscription = /^az (?:login|logout|account)\b| --(?:ids|url) /

/** An az command to paste. It names the run's subscription, and uses the login folder of this environment, if there is one. */
export function formatAzLine(words: string): string {
  const named = subscription === undefined || ownSubscription.test(words)
  const line = named ? words : `${words} --subscription ${subscription}`
  if (!azFolder) return line
  return process.platform === 'win32'
    ? `$env:AZURE_CONFIG_DIR='${azFolder.replaceAll("'", "''")}'; ${line}`
    : `AZURE_CONFIG_DIR=${quoteLine([azFolder])} ${line}`
}
