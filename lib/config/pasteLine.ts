import { quoteLine } from '../shell/quote.ts'
import type { Config } from './config.ts'
import type { KeyName } from './schema.ts'

/*
 * What is printed for an operator to paste must act on the environment that this run works on, and must name the file
 * that this run has read. Texts are written deep in lib/, often where no configuration is at hand. A process runs one
 * script on one environment, so that environment is noted here once. Ask at the moment of writing, not while a module
 * loads: it is not known by then. test/integration/config/pasteLine.test.ts holds both.
 */

let environment: string | undefined
let keyFiles: Config['keyFiles'] = {}
let azFolder: string | undefined

/** Notes the name given to --env, before any file is read; undefined = `.env` alone. */
export function noteEnvironment(name: string | undefined): void {
  environment = name
  keyFiles = {}
  azFolder = undefined
}

/** Notes the configuration that this run works on. */
export function noteConfig(config: Config): void {
  environment = config.environment === 'default' ? undefined : config.environment
  keyFiles = config.keyFiles
  azFolder = config.network.azEnvironment.AZURE_CONFIG_DIR
}

/** The line that runs a script on this environment: `npx dominion unlock --env staging`. */
export const formatScriptLine = (script: string, ...args: readonly string[]): string =>
  quoteLine([
    'npx',
    'dominion',
    script,
    ...args,
    ...(environment === undefined ? [] : ['--env', environment]),
  ])

/** The file, or files, that these keys are set in: `.env.staging`, `.env and .env.staging`. */
export const formatKeyFile = (...keys: readonly [KeyName, ...KeyName[]]): string => {
  const own = environment === undefined ? '.env' : `.env.${environment}`
  return [...new Set(keys.map((key) => keyFiles[key] ?? own))].join(' and ')
}

/**
 * A line of az for the terminal: where the environment has a login folder, the line uses it, or it would log in to another
 * environment's.
 */
export function formatAzLine(line: string): string {
  if (!azFolder) return line
  return process.platform === 'win32'
    ? `$env:AZURE_CONFIG_DIR='${azFolder.replaceAll("'", "''")}'; ${line}`
    : `AZURE_CONFIG_DIR=${quoteLine([azFolder])} ${line}`
}
