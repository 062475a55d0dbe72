import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { rememberBackendHost } from '../../lib/config/backendHost.ts'
import type { Config, Server } from '../../lib/config/config.ts'
import { loadConfig } from '../../lib/config/load.ts'
import { onHost, type SecretFile } from '../../lib/shell/command.ts'
import { createRedactor } from '../../lib/shell/redactor.ts'
import { createRunner, type Runner, type RunnerOptions } from '../../lib/shell/runner.ts'
import { openTranscript } from '../../lib/shell/transcript.ts'
import { OpsError } from '../../lib/util/errors.ts'

/** The root folder of the project. */
export const home = path.join(import.meta.dirname, '..', '..')

/** A folder that is removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'dominion-unit-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The configuration that results from an `.env` with these lines; its state folder is removed when the test ends. */
export async function loadTestConfig(...lines: string[]): Promise<Config> {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, '.env'), lines.join('\n'))
  return loadConfig(folder)
}

/** The site on the first server of a configuration; with a runner, the context of a script. */
export const toSite = (config: Config) => ({ config, server: config.servers[0] })

/** A name as Azure gives it to the backend. */
export const backendHost = 'codex-api.0123456789abcdef.eastus.azurecontainer.io'

/** The same configuration on a machine that has seen the backend. */
export function withBackendHost(config: Config, host = backendHost): Config {
  mkdirSync(config.stateDir, { recursive: true })
  rememberBackendHost(config, 's', host)
  return config
}

/** A server for runners whose `openHost` does not connect anywhere. */
export const testHost: Server = {
  name: 'vps',
  label: 'the VPS',
  address: '192.0.2.1',
  port: 22,
  user: 'root',
  key: '',
  knownHosts: '',
  publicIp: '192.0.2.1',
  publicIpv6: '',
  keys: {
    ...{ address: 'IONOS_HOST', port: 'IONOS_PORT', user: 'IONOS_USER', key: 'IONOS_SSH_KEY' },
    ...{ knownHosts: 'IONOS_KNOWN_HOSTS', publicIp: 'IONOS_PUBLIC_IP', publicIpv6: 'IONOS_PUBLIC_IPV6' },
  },
}

/** A command on `testHost`. */
export const onVps = onHost(testHost)

/** A runner as scripts use it, with a transcript in a temporary folder. */
export function openRunner(options: Partial<RunnerOptions> & { known?: string[] } = {}): Runner {
  const secrets = createRedactor(options.known ?? [])
  const runner = createRunner({
    secrets,
    transcript: openTranscript(path.join(temporaryFolder(), 'transcripts'), 'run', secrets.clean),
    reach: { resolve: async () => [{ address: '127.0.0.1', family: 4 }], authorities: [] },
    env: process.env,
    mayChange: true,
    signal: new AbortController().signal,
    openHost: () => Promise.reject(new Error('this test has no VPS')),
    openDatabase: () => Promise.reject(new Error('this test has no database')),
    ...options,
  })
  onTestFinished(() => runner.close())
  return runner
}

/** The events in the runner's transcript, one object each. */
export const readTranscript = ({ transcript }: Runner): Record<string, unknown>[] =>
  readFileSync(transcript.file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** The failure that a promise rejects with; fails when it resolves. */
export async function getFailure(promise: Promise<unknown>): Promise<OpsError['failure']> {
  const thrown = await promise.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  )
  if (!(thrown instanceof OpsError)) throw thrown
  return { ...thrown.failure, exitCode: thrown.exitCode }
}

/** The content of the secret file in an argument vector. */
export function findSecretFile(argv: readonly (string | SecretFile)[]): SecretFile {
  const file = argv.find((word) => typeof word !== 'string')
  if (!file) throw new Error('there is no secret file among the arguments')
  return file
}

/** Whether the process still runs; a zombie does not count. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z'
  } catch {
    return false
  }
}
